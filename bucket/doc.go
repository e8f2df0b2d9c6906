// Package bucket is the contract that every object store meets for Quiver, apart from the clouds and from what is stored.
//
// A [Bucket] has six methods. Get, Stat, Put, Delete and List are one request each, and one answer: the number of calls is the number of
// requests. Whatever needs more than one request (walking a listing, deleting many objects, trying again) is built on top, in [All], [Folders], [RemoveAll] and in
// the decorators.
//
// # Writing
//
// Every [Bucket.Put] is conditional. [IfAbsent] creates, [IfMatch] replaces the version that was read; the zero [Condition] is
// refused, so an unconditional overwrite cannot be written down. A Put is atomic: readers see all of the object or none of it, and of
// many writers with one condition one wins. After a Put returned, every Get, Stat and List that starts sees it.
//
// A version is what the store calls ETag or generation. It may be a hash of the content (S3), so the same bytes written
// again may have the same version; who must notice that puts a random write id into the bytes. No version comes back from a write.
//
// The answer to a write can be lost. Then the error is [ErrUnavailable] or [ErrThrottled], or a refusal of the repetition by its own first
// success: [ErrExists], [ErrChanged]. A writer that must know reads the object back and looks for its own write id.
//
// # Errors
//
// A failure is an [*Error] that carries one of few kinds to decide on with errors.Is: [ErrNotFound], [ErrExists],
// [ErrChanged], [ErrRefused], [ErrNoBucket], [ErrThrottled], [ErrUnavailable], [ErrInvalid]. Only ErrNotFound means that an object is not there. A
// deadline shows as context.DeadlineExceeded beside ErrUnavailable.
//
// # Extras
//
// What only some stores can do is an interface of its own: [RangeGetter], [ConditionalDeleter], [Remover], [BulkDeleter],
// [FolderLister], [Uploads], [Copier]. [As] finds it through
// decorators, each of which still does its work on it: a range read through a prefix is under the prefix, and is counted, limited and
// tried again as any other request.
//
// # Decorators
//
// A decorator is a [Middleware] around the single [Handler] that answers every request: [Retry], [Limit], [Observe], [ReadOnly]; [Under]
// is a bucket in a bucket. [Decorate] puts them on in their one right order. [Conditional] goes around all that, and holds the writes of an operation to what it has read.
//
// Package bucket/mem is the reference implementation; bucket/buckettest has the suite that every implementation and every decorator passes.
package bucket
