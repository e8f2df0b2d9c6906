package lineartest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// Values lets clients save, load, look for and evict a few values under their digests. Each has a store of its own.
func Values(b bucket.Bucket, o Options) *History {
	h := newHistory(o, registers)
	h.run(b, layout.Values, func(c *client) func() {
		v := newValuer(c)
		c.unanswered = v.note
		return v.do
	})
	last := newValuer(h.observer(b))
	for n := range h.options.Keys {
		last.load(content(n))
	}
	return h
}

// valuer is a client of values.
type valuer struct {
	*client
	store *blobstore.Store
}

func newValuer(c *client) *valuer {
	return &valuer{c, blobstore.New(c.bucket, &blobstore.Options{Clock: c.options.Clock})}
}

// content is the nth value.
func content(n int) []byte { return fmt.Append(nil, "value ", n) }

func (v *valuer) do() {
	value := content(v.draw(v.options.Keys))
	key := must(digest.Of(value))
	switch v.draw(6) {
	case 0, 1:
		v.save(key, value)
	case 2, 3:
		v.load(value)
	case 4:
		contains(v.client, v.store.Keys, key)
	case 5:
		evict(v.client, key, v.store.Evict)
	}
}

// note notes a write without an answer.
func (v *valuer) note(request *bucket.Request, sent moment) {
	key, _ := layout.ValueSpace.Parse(request.Key)
	step := any(emptied{unanswered: true})
	if request.Verb == bucket.Put {
		step = written{nameOf(key), request.Condition.Absent()}
	}
	v.add(v.number, key.String(), sent.tick, open, step)
}

func (v *valuer) save(key digest.Digest, value []byte) {
	begun := v.tick()
	_, err := v.store.Save(context.Background(), value, nil)
	switch {
	case errors.Is(err, bucket.ErrChanged): // it was there, and had gone when its age was looked at, several times: nothing was written
		return
	case err != nil:
		v.expected(err)
		return
	}
	v.add(v.number, key.String(), begun, v.tick(), saved{nameOf(key), nameOf(key)})
}

func (v *valuer) load(value []byte) {
	key, begun := must(digest.Of(value)), v.tick()
	got, err := v.store.LoadBytes(context.Background(), key, 1<<10)
	switch {
	case err != nil:
		missed(v.client, key, begun, err)
	case !bytes.Equal(got, value):
		v.fail(fmt.Errorf("client %d loads %q under the digest of %q", v.number, got, value))
	default:
		v.add(v.number, key.String(), begun, v.tick(), seen{nameOf(key)})
	}
}
