// Package mem is the reference implementation of bucket.Bucket: objects in memory, with every promise of the contract kept to the letter and every extra
// (bucket.RangeGetter, bucket.ConditionalDeleter, bucket.Remover, bucket.BulkDeleter, bucket.FolderLister, bucket.Uploads, bucket.Copier). What another store does otherwise is that store's fault.
//
// It serves tests, models and programs that need no durability:
//
//	b := mem.New(nil)
//	store, err := quiver.New(ctx, b, nil)
//
// Its versions are numbers that never repeat, also when the same bytes are written again. Its clock is the machine's, or that of [Options], and is told as the store's
// time with every answer. A body ends with the context of its Get, as one that comes over a network would. The objects are gone when the bucket is garbage.
package mem
