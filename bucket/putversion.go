package bucket

import "context"

// VersionPutter is a Put that tells the version that it has written; empty where the store did not tell this time.
type VersionPutter interface {
	PutVersion(ctx context.Context, key string, body Source, condition Condition) (Version, error)
}

// PutVersion is Put that returns the version that it has written, where the bucket tells; else an empty one, and Stat tells it.
func PutVersion(ctx context.Context, b Bucket, key string, body Source, condition Condition) (Version, error) {
	if putter, ok := As[VersionPutter](b); ok {
		return putter.PutVersion(ctx, key, body, condition)
	}
	return "", b.Put(ctx, key, body, condition)
}
