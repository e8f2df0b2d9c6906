package adapters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// body yields the bytes of one version from at to end. Where they are cut, or none come for a while, it asks for the rest.
type body struct {
	bridge  *Bridge
	ctx     context.Context
	asked   asked
	version bucket.Version

	at, end int64
	cuts    int // since bytes last came
	stream  io.ReadCloser
	cancel  context.CancelCauseFunc // of the stream
	idle    *time.Timer             // of the stream, once it is read
	err     error                   // what the reader was told
}

// resumptions is how often in a row a body asks for its rest before it gives up.
const resumptions = 4

var (
	errIdle = errors.New("no bytes came for too long")
	errCut  = errors.New("the body ends before its last byte")
	errSwap = errors.New("the service gives the rest of another version")
)

// open asks for a part and keeps its stream.
func (b *body) open(part Part) (*bucket.Object, error) {
	ctx, cancel := context.WithCancelCause(b.ctx)
	watching, seen := b.bridge.request(ctx)
	object, err := b.bridge.provider.Get(watching, b.asked.key, part)
	if err != nil {
		cancel(nil)
		return nil, b.bridge.explain(b.ctx, b.asked, seen, err)
	}
	object.Date = seen.date()
	b.stream, b.cancel = object.Body, cancel
	return object, nil
}

func (b *body) Read(p []byte) (int, error) {
	for b.err == nil {
		if b.ctx.Err() != nil {
			b.err = b.lost(nil)
			break
		}
		if b.at >= b.end {
			b.err = io.EOF
			break
		}
		p = p[:min(int64(len(p)), b.end-b.at)]
		b.hurry()
		n, err := b.stream.Read(p)
		b.idle.Stop()
		if b.at += int64(n); n > 0 {
			b.cuts = 0
			return n, nil // an error comes again, or the rest is asked for
		}
		if err == nil {
			return 0, nil
		}
		b.err = b.resume(err)
	}
	return 0, b.err
}

// chunk is how many bytes go from the network to a writer at once: fewer, larger ones cost less CPU.
const chunk = 256 << 10

// WriteTo lets io.Copy move large pieces.
func (b *body) WriteTo(w io.Writer) (written int64, err error) {
	buffer := make([]byte, min(chunk, max(b.end-b.at, 1)))
	for {
		n, err := b.Read(buffer)
		if n > 0 {
			m, failure := w.Write(buffer[:n])
			if written += int64(m); failure != nil {
				return written, failure
			}
		}
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}

// resume asks for the rest after a cut.
func (b *body) resume(cut error) error {
	if errors.Is(cut, io.EOF) {
		cut = errCut
	}
	if errors.Is(cut, context.Canceled) && b.ctx.Err() == nil {
		cut = errIdle
	}
	b.release()
	for {
		if b.cuts++; b.cuts > resumptions || b.ctx.Err() != nil {
			return b.lost(cut)
		}
		if err := b.bridge.o.Backoff.Wait(b.ctx, b.cuts); err != nil {
			return b.lost(fmt.Errorf("%w: %w", err, masked(cut)))
		}
		object, err := b.open(Part{Offset: b.at, Length: b.end - b.at, Version: b.version})
		switch {
		case err == nil && object.Version != b.version:
			return b.lost(errSwap)
		case err == nil:
			return nil
		}
		if cut = err; !bucket.Retryable(b.ctx, err) {
			return b.lost(err)
		}
	}
}

// lost is the failure of a body whose rest cannot be had: whatever became of the object meanwhile, its bytes did not come.
func (b *body) lost(cut error) error {
	b.release()
	cut = fmt.Errorf("reading the body, at byte %d of %d: %w", b.at, b.end, because(b.ctx, masked(cut)))
	return &bucket.Error{Verb: b.asked.verb, Key: b.asked.key, Kind: bucket.ErrUnavailable, Err: cut, Hint: late(b.ctx)}
}

// masked is an error without the answers about an object that it may be, which are not the answer to a reader whose Get has succeeded.
func masked(err error) error {
	if kind := bucket.Kind(err); kind != nil && !errors.Is(kind, bucket.ErrUnavailable) {
		return errors.New(err.Error())
	}
	return err
}

// hurry gives the next bytes their time.
func (b *body) hurry() {
	if b.idle == nil {
		cancel := b.cancel
		b.idle = time.AfterFunc(b.bridge.o.Idle, func() { cancel(errIdle) })
		return
	}
	b.idle.Reset(b.bridge.o.Idle)
}

func (b *body) release() {
	if b.stream != nil {
		b.stream.Close()
		b.cancel(nil)
		b.stream, b.idle = nil, nil // the timer has stopped with the last Read
	}
}

func (b *body) Close() error {
	b.release()
	if b.err == nil {
		b.err = errors.New("the body is closed")
	}
	return nil
}
