// Package blobstore keeps values in a bucket under their digests: the value storage of the contract.
//
// A [Store] is made over a bucket.Bucket, by [New], without a request. [Store.Save] encodes any Go value and saves it; [Store.Load] and [LoadAs] decode it again.
// [Store.SaveBytes] and [Store.LoadBytes] do so for bytes in memory; [Store.SaveReader] and [Store.Open] for streams of any size, in a few MiB of memory. Which keys there
// are, whether one is there, what a short digest stands for: that is keyspace.Keys, which a Store embeds.
//
// # Keys
//
// A value's key is its digest, unless the caller chose another. Since the digest names the content, saving what is there already is a success that sends
// nothing large: a value of 1 MiB or more, encoded, is looked for first, and for a smaller one the create-only PUT itself finds out. Under a key of the
// caller's choice the store compares what is there, and other content is an error.
//
// # Nothing changes on the way
//
// Wrong values are the worst that a store of results can return, so both ways are checked.
//
// Saving decodes what it encoded and compares digests. A value that its [Codec] does not keep whole is not saved: an integer that would come back as a float, a
// time that would lose its zone, a type that an interface would forget. [CBOR], which is the default, keeps all that a digest tells apart; the documentation of
// each codec says what it does not keep.
//
// Loading checks every byte before it is believed: each object carries its key, its codec, the size and the SHA-256 of the encoded value, and is one zstd frame behind
// a small header (docs/format.md, "Values"). So zstd -dc on an object yields the encoded value. Memory is bounded whatever an object says of itself: output stops
// at the announced size, and windows above 8 MiB are refused. Decoding is strict: no number is rounded, no field is dropped.
//
// # Damage, and healing
//
// A damaged value is a *keyspace.DamagedError, which is digest.ErrNotFound: a miss with a reason. The Store remembers what it has seen damaged, and the next
// save of that value replaces it, in just that version; another process is told the version by [SaveOptions].Replace.
//
// With Options.Signer, values are signed, and one that is not signed, or not by a key that is trusted, is damaged too: its DamagedError wraps a
// *signing.Refusal. That is known before the first byte of the value is read.
//
// What is intact and cannot be read here is no miss: an object of a later format (*keyspace.NewerFormatError), one of a codec that this store was not
// given ([*CodecError]), a value that does not fit the Go type ([*DecodeError]) or into the memory that it may take ([*SizeError]). Failures of the bucket are returned as
// they are, as *bucket.Error. Whatever prevents saving is a *keyspace.SaveError.
//
// # Requests
//
//	load, open              1 GET; of an object of 32 MiB or more 1 for each 8 MiB of it (bucket.ReadAhead)
//	save                    1 PUT; from 1 MiB on 1 HEAD, and 1 PUT if it is not there
//	save, a key of choice   the same, and 1 GET if there is something
//	evict                   1 DELETE
//	a prefix for a key      1 LIST more
//
// Contract: ValueStorage, ValueMixin.
package blobstore
