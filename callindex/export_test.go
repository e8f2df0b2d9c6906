package callindex

import (
	"context"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
)

// Encode and Decode are the codec of records, for tests of it.
func Encode(r *Record, key digest.Digest) ([]byte, error) { return r.encode(key) }

// Decode reads a record as Load does, and forgets under which key it was read.
func Decode(info bucket.Info, key digest.Digest, body []byte) (*Record, error) {
	r, err := decode(info, key, body)
	if err == nil {
		r.key = digest.Digest{}
	}
	return r, err
}

// Recode reads a record as Load does, and writes it as Save does.
func Recode(ctx context.Context, s *Store, key digest.Digest, text []byte) ([]byte, error) {
	r, err := s.decode(ctx, bucket.Info{}, key, text)
	if err != nil {
		return nil, err
	}
	return s.encode(ctx, key, r)
}

// EncodeBatch is the body of a batch mark.
var EncodeBatch = encodeBatch
