package adapters

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// Get implements bucket.Bucket, in one request; a body that is cut goes on with one more, for what is left of the same version.
func (b *Bridge) Get(ctx context.Context, key string) (*bucket.Object, error) {
	return b.get(ctx, asked{verb: bucket.Get, key: key}, bucket.CheckKey(key), Whole)
}

// GetRange implements bucket.RangeGetter, as Get does.
func (b *Bridge) GetRange(ctx context.Context, key string, offset, length int64) (*bucket.Object, error) {
	invalid := bucket.CheckKey(key)
	if offset < 0 || length < 1 {
		invalid = errors.Join(invalid, fmt.Errorf("%w: there is no range of %d bytes from %d", bucket.ErrInvalid, length, offset))
	}
	return b.get(ctx, asked{verb: bucket.GetRange, key: key}, invalid, Part{Offset: offset, Length: length})
}

// WholeSize is the size of the whole object in an answer with a part of it, by its Content-Length and Content-Range; -1 where neither tells, and length is -1.
func WholeSize(length int64, contentRange string) int64 {
	if _, whole, ok := strings.Cut(contentRange, "/"); ok {
		if size, err := strconv.ParseInt(whole, 10, 64); err == nil {
			return size
		}
	}
	return length
}

var errVague = errors.New("the answer does not say how long the object is, or of which version")

// vague is the failure of a request whose answer no service gives: something else has spoken, as a web server at the endpoint.
func (r asked) vague() error {
	return &bucket.Error{Verb: r.verb, Key: r.key, Kind: bucket.ErrUnavailable, Err: errVague, Hint: foreign}
}

func (b *Bridge) get(ctx context.Context, r asked, invalid error, part Part) (*bucket.Object, error) {
	if err := b.check(ctx, r, invalid); err != nil {
		return nil, err
	}
	stream := &body{bridge: b, ctx: ctx, asked: r, at: part.Offset}
	object, err := stream.open(part)
	if err != nil {
		return nil, err
	}
	if object.Size < 0 || object.Version == "" {
		stream.release()
		return nil, r.vague()
	}
	stream.version, stream.end = object.Version, object.Size
	if part.Length >= 0 {
		stream.end = min(stream.end, part.Offset+part.Length)
	}
	object.Body = stream
	return object, nil
}
