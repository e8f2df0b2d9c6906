package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

const (
	aheadPart  = 8 << 20       // bytes of one request
	aheadFrom  = 4 * aheadPart // smaller objects are read by one
	aheadAfter = 256 << 10     // bytes that a reader takes before it is taken to want the rest
)

// ReadAhead is Get for an object that is read to its end. One connection is slower than the way to most stores: an object of 32 MiB or more is asked for in
// parts of 8 MiB, as many at once as its bucket's Tuning says, once its reader has gone beyond the first 256 KiB; that many parts are in memory. It takes one
// request for the object, which the parts after the first break off, and one for each of those.
func ReadAhead(ctx context.Context, b Bucket, key string) (*Object, error) {
	object, err := b.Get(ctx, key)
	if err != nil || object.Size < aheadFrom {
		return object, err
	}
	tuned, tells := As[Tuned](b)
	ranges, can := As[RangeGetter](b)
	if !tells || !can || tuned.Tuning().ReadAhead < 2 {
		return object, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	object.Body = &ahead{
		ctx: ctx, cancel: cancel, ranges: ranges, object: object.Info, atOnce: tuned.Tuning().ReadAhead,
		first: object.Body, next: aheadPart,
	}
	return object, nil
}

// ahead is the body of an object that is read in parts.
type ahead struct {
	ctx    context.Context
	cancel context.CancelFunc
	ranges RangeGetter
	object Info
	atOnce int

	first io.ReadCloser // of the whole object; nil after its first part
	at    int64         // of the reader
	next  int64         // where the next part to ask for begins
	asked []*part       // in their order
	part  []byte        // that is being read
	rest  []byte        // of it
	free  [][]byte      // buffers of parts that were read
	sent  sync.WaitGroup
	err   error // what every further Read returns
}

// part is one request ahead of the reader.
type part struct {
	done  chan struct{} // closed when the others are set
	bytes []byte
	err   error
}

func (a *ahead) Read(p []byte) (int, error) {
	if err := a.ready(); err != nil {
		return 0, err
	}
	var n int
	if a.first != nil {
		var err error
		n, err = a.first.Read(p[:min(int64(len(p)), aheadPart-a.at)])
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			a.err = bodyError(a.object.Key, err)
		}
	} else {
		n = copy(p, a.rest)
		a.rest = a.rest[n:]
	}
	a.at += int64(n)
	return n, a.err
}

// WriteTo hands over most of a part at once.
func (a *ahead) WriteTo(w io.Writer) (written int64, err error) {
	buffer := make([]byte, aheadAfter)
	for {
		piece := a.rest
		if len(piece) == 0 {
			n, err := a.Read(buffer)
			if errors.Is(err, io.EOF) {
				return written, nil
			}
			if err != nil {
				return written, err
			}
			piece = buffer[:n]
		} else {
			a.at += int64(len(piece))
			a.rest = nil
		}
		n, err := w.Write(piece)
		if written += int64(n); err != nil {
			return written, err
		}
	}
}

// ready waits until there are bytes to read, and has those after them asked for.
func (a *ahead) ready() error {
	if a.err != nil {
		return a.err
	}
	if a.first != nil && a.at == aheadPart {
		a.first.Close() // the requests that follow bring the rest of it
		a.first = nil
	}
	turn := a.first == nil && len(a.rest) == 0
	if turn && a.part != nil {
		a.free = append(a.free, a.part)
		a.part = nil
	}
	for a.at >= aheadAfter && a.next < a.object.Size && len(a.asked) < a.atOnce-min(len(a.part), 1) {
		a.ask()
	}
	if turn {
		a.err = a.turn()
	}
	return a.err
}

// turn goes on to the next part.
func (a *ahead) turn() error {
	if a.at == a.object.Size {
		return io.EOF
	}
	next := a.asked[0]
	<-next.done // soon after the end of ctx
	if next.err != nil {
		return &Error{Verb: Get, Key: a.object.Key, Kind: ErrUnavailable, Err: fmt.Errorf("reading the body, at byte %d of %d: %w", a.at, a.object.Size, next.err)}
	}
	a.asked = a.asked[1:]
	a.part, a.rest = next.bytes, next.bytes
	return nil
}

// ask sends the request for the next part.
func (a *ahead) ask() {
	offset := a.next
	length := min(aheadPart, a.object.Size-offset)
	var buffer []byte
	if last := len(a.free) - 1; last >= 0 {
		buffer, a.free = a.free[last], a.free[:last]
	} else {
		buffer = make([]byte, aheadPart)
	}
	p := &part{done: make(chan struct{}), bytes: buffer[:length]}
	a.asked = append(a.asked, p)
	a.next += length
	a.sent.Go(func() {
		defer close(p.done)
		p.err = a.fetch(p.bytes, offset)
	})
}

var errOther = errors.New("it was replaced by another while it was read")

// fetch reads a part of the object, in the version that its reader has begun with.
func (a *ahead) fetch(into []byte, offset int64) error {
	object, err := a.ranges.GetRange(a.ctx, a.object.Key, offset, int64(len(into)))
	if err == nil {
		defer object.Body.Close()
		if object.Version != a.object.Version {
			return errOther
		}
		_, err = io.ReadFull(object.Body, into)
	}
	if kind := Kind(err); kind != nil && !errors.Is(kind, ErrUnavailable) && !errors.Is(kind, ErrThrottled) {
		return errors.New(err.Error()) // a reader whose Get has succeeded is not told that there is no object
	}
	return err
}

func (a *ahead) Close() error {
	a.cancel()
	a.sent.Wait()
	if a.err == nil {
		a.err = errors.New("the body is closed")
	}
	if a.first == nil {
		return nil
	}
	return a.first.Close()
}
