package bucket

import "context"

// PutVersion is Put that returns the version which it has written, where the bucket tells it (VersionPutter); else an empty one, and Stat tells.
func PutVersion(ctx context.Context, b Bucket, key string, body Source, condition Condition) (Version, error) {
	if putter, ok := As[VersionPutter](b); ok {
		return putter.PutVersion(ctx, key, body, condition)
	}
	return "", b.Put(ctx, key, body, condition)
}
