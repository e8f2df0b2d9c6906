package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/quivercache/quiver/bucket"
)

// readChecks ask whether one client reads what another has written.
func (x *examination) readChecks() []check {
	return []check{
		{name: "read-after-write", needed: true, after: []string{mayPut, mayGet}, limit: usually, run: x.readAfterWrite,
			cost: "a save that was acknowledged is not found, or an evicted result still is: is there a cache before the store?"},
		{name: "intact-bytes", needed: true, after: []string{mayPut, mayGet}, limit: usually, run: x.intactBytes,
			cost: "Quiver checks every byte, so each damaged object is a miss and is computed again"},
	}
}

const steps = 10 // of a check that does one thing several times

// readAfterWrite asks for each object before it is there, so that an answer that is kept somewhere on the way shows.
func (x *examination) readAfterWrite(ctx context.Context) (string, error) {
	for i := range steps {
		key, a, b := fmt.Sprintf("read/%d", i), x.clients[i%clients], x.clients[(i+1)%clients]
		if err := x.gone(ctx, b, key); err != nil {
			return "", err
		}
		if err := create(ctx, a, key, []byte("one")); err != nil {
			return "", err
		}
		info, err := holds(ctx, b, key, []byte("one"))
		if err != nil {
			return "", err
		}
		if x.verdicts["may-replace"] == Holds {
			if err := replace(ctx, b, key, info.Version, []byte("two")); err != nil {
				return "", err
			}
			if _, err := holds(ctx, a, key, []byte("two")); err != nil {
				return "", err
			}
		}
		if x.verdicts[mayDelete] == Holds {
			if err := bucket.Remove(ctx, a, key); err != nil {
				return "", err
			}
			if err := x.gone(ctx, b, key); err != nil {
				return "", err
			}
		}
	}
	return "what one client writes, replaces or deletes, another reads so at once", nil
}

func (x *examination) intactBytes(ctx context.Context) (string, error) {
	for i, size := range []int{0, 1, 1000, 65_537, 1 << 20} {
		content, err := x.content(size)
		if err != nil {
			return "", err
		}
		key, a, b := fmt.Sprintf("bytes/%d", size), x.clients[i%clients], x.clients[(i+1)%clients]
		if err := create(ctx, a, key, content); err != nil {
			return "", err
		}
		if _, err := holds(ctx, b, key, content); err != nil {
			return "", err
		}
		if err := holdsRange(ctx, a, key, content); err != nil {
			return "", err
		}
	}
	return "objects of up to 1 MiB come back byte for byte, whole and in part", nil
}

// holdsRange demands that the middle of an object is what was written there, where the bucket reads parts.
func holdsRange(ctx context.Context, b bucket.Bucket, key string, content []byte) error {
	ranges, ok := bucket.As[bucket.RangeGetter](b)
	if !ok || len(content) < 2 {
		return nil
	}
	middle := content[len(content)/3 : len(content)*2/3]
	object, err := ranges.GetRange(ctx, key, int64(len(content)/3), int64(len(middle)))
	if err != nil {
		return err
	}
	defer object.Body.Close()
	got, err := io.ReadAll(object.Body)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(got, middle) || object.Size != int64(len(content)):
		return unmetf("%d bytes from %d of %s are not those that were written there", len(middle), len(content)/3, key)
	}
	return nil
}
