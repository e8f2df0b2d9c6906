// Package layout names the objects of a store: every name is built and parsed here, and nowhere else.
//
//	quiver.json                                              what the bucket is
//	values/ab/<64 hex>                                       a value under its digest
//	calls/ab/<64 hex>.json                                   a record under its call's key
//	index/<shard>/marks/<8 hex>/<64 hex>.<16 hex>.<32 hex>   a mark: function, key, argument signature, write id
//	index/<shard>/marks/<8 hex>/batch.<32 hex>               a mark of many keys, which are in its body
//	index/<shard>/manifest.json                              the list of a shard's segments
//	index/<shard>/segments/<32 hex>.parquet                  a segment
//	index/<shard>/segments/<32 hex>.filter                   its filter
//	index/<shard>/segments/<32 hex>.deletions                rows of one that count no more
//	leases/<64 hex>.json                                     who computes a call
//
// ab are the first two characters of the digest; <shard> is two hex characters, 00 to 3f. For each kind of object there is a function that
// builds its name and one that parses it, which accepts only what the first one builds. docs/format.md is the specification.
package layout
