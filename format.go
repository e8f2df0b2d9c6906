package quiver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// Format says what a bucket is. It is written once, before the first object of a store, and never changed.
type Format struct {
	Format  int    `json:"format"`
	Shards  int    `json:"shards"`
	Digests string `json:"digests"` // how keys are made of values
	Store   string `json:"store"`   // a random id, 32 hex characters
}

const (
	formatNumber  = 1
	formatDigests = digest.Version
	formatLimit   = 64 << 10 // bytes of the object
)

// reserved are features of later formats: where one is set, this Quiver does not know the store.
type reserved struct {
	Split json.RawMessage `json:"split"`
	Keyed json.RawMessage `json:"keyed"`
}

// ErrForeign says that the bucket, or the place in it, belongs to something else than Quiver.
var ErrForeign = errors.New("this is not a store of Quiver")

// parseFormat reads the format object; what it does not know is an error.
func parseFormat(text []byte) (*Format, error) {
	var f Format
	var r reserved
	if err := errors.Join(json.Unmarshal(text, &f), json.Unmarshal(text, &r)); err != nil || f.Format < 1 || f.Store == "" {
		return nil, fmt.Errorf("%w: its object %s does not describe one; restore that if it was damaged, else use another bucket or prefix", ErrForeign, layout.Format)
	}
	if f.Format > formatNumber || r.Split != nil || r.Keyed != nil {
		return nil, &keyspace.NewerFormatError{Object: layout.Format, Found: max(f.Format, formatNumber+1), Known: formatNumber}
	}
	if f.Shards != layout.Shards || f.Digests != formatDigests {
		return nil, fmt.Errorf("%w: %s has %d shards and digests %q, where format 1 has %d and %q", ErrForeign, layout.Format,
			f.Shards, f.Digests, layout.Shards, formatDigests)
	}
	return &f, nil
}

// gate keeps requests from a bucket that is something else than a store of this format: the first request reads the format, the first write writes it
// where there is none.
type gate struct {
	bucket  bucket.Bucket
	entropy op.Entropy
	known   atomic.Pointer[Format]
	absent  atomic.Bool // there was none when it was read

	mu  sync.Mutex
	now *passing // the attempt that is under way
}

func (g *gate) middleware(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		write := r.Verb.Writes()
		switch {
		case g.passed(write):
		case write:
			if err := g.pass(ctx, true); err != nil {
				return bucket.Answer{}, err
			}
		default:
			return g.beside(ctx, r, next)
		}
		return next(ctx, r)
	}
}

// passed says whether nothing has to be read or written before such a request.
func (g *gate) passed(write bool) bool { return g.known.Load() != nil || !write && g.absent.Load() }

// beside sends a reading request while the format is read, so that the first answer takes one round trip. It is not believed before the format is known.
func (g *gate) beside(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	format := make(chan error, 1)
	go func() { format <- g.pass(ctx, false) }()
	answer, err := next(ctx, r)
	if foreign := <-format; foreign != nil {
		if answer.Object != nil {
			foreign = errors.Join(foreign, answer.Object.Body.Close())
		}
		return bucket.Answer{}, foreign // whatever the answer was, it is not one of a store
	}
	return answer, err
}

// pass reads the format, and writes it where there is none and somebody is about to write. Who comes while another does so takes its outcome: were each to
// try by itself, the last of many would hear of a silent store after as many deadlines.
func (g *gate) pass(ctx context.Context, write bool) error {
	for {
		theirs, own := g.enter(write)
		switch {
		case theirs == nil && own == nil:
			return nil
		case own != nil:
			return g.lead(ctx, write, own)
		}
		select {
		case <-theirs.done:
			if theirs.err != nil && !theirs.left {
				return theirs.err
			}
		case <-ctx.Done():
			return &bucket.Error{
				Verb: bucket.Get, Key: layout.Format, Kind: bucket.ErrUnavailable, Err: context.Cause(ctx),
				Hint: "another request was waiting for the store's first answer: see that it can be reached, or allow more time",
			}
		}
	}
}

// passing is an attempt to pass the gate.
type passing struct {
	done chan struct{}
	err  error
	left bool // who tried was told to stop: that says nothing of the store
}

// enter returns the attempt that is under way, else one of one's own, and neither where the gate is passed already.
func (g *gate) enter(write bool) (theirs, own *passing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.passed(write) {
		return nil, nil
	}
	if g.now != nil {
		return g.now, nil
	}
	g.now = &passing{done: make(chan struct{})}
	return nil, g.now
}

func (g *gate) lead(ctx context.Context, write bool, own *passing) error {
	own.err = g.open(ctx, write)
	own.left = ctx.Err() != nil
	g.mu.Lock()
	g.now = nil
	g.mu.Unlock()
	close(own.done)
	return own.err
}

func (g *gate) open(ctx context.Context, write bool) error {
	if !write || !g.absent.Load() {
		err := g.read(ctx)
		if !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
		g.absent.Store(true)
	}
	if !write {
		return nil
	}
	return g.write(ctx)
}

// id is the id of the store, which its objects are signed for; empty where there is no store. A write makes one.
func (g *gate) id(ctx context.Context, write bool) (string, error) {
	if err := g.pass(ctx, write); err != nil {
		return "", err
	}
	if f := g.known.Load(); f != nil {
		return f.Store, nil
	}
	// There was none when it was read; whoever wrote the object that is being verified has written it first.
	err := g.read(ctx)
	if errors.Is(err, bucket.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return g.known.Load().Store, nil
}

func (g *gate) read(ctx context.Context) error {
	text, _, err := bucket.ReadAll(ctx, g.bucket, layout.Format, formatLimit)
	if err != nil {
		return err
	}
	f, err := parseFormat(text)
	if err != nil {
		return err
	}
	g.known.Store(f)
	return nil
}

// write makes the bucket a store. Who is second reads what the first one wrote.
func (g *gate) write(ctx context.Context) error {
	id, err := op.NewID(g.entropy)
	if err != nil {
		return err
	}
	f := Format{Format: formatNumber, Shards: layout.Shards, Digests: formatDigests, Store: id}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(f); err != nil {
		return err
	}
	err = g.bucket.Put(ctx, layout.Format, bucket.Bytes(text.Bytes()), bucket.IfAbsent())
	if errors.Is(err, bucket.ErrExists) {
		return g.read(ctx)
	}
	if err == nil {
		g.known.Store(&f)
	}
	return err
}
