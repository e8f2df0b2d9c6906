package bucket

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/quivercache/quiver/op"
)

// Usage sums up requests of one verb.
type Usage struct {
	Requests int64
	Failures int64         // of them, those without a result; a missing object is a result
	Sent     int64         // bytes of bodies
	Received int64         // bytes of bodies
	Took     time.Duration // until the answers began, summed
}

func (u *Usage) add(other Usage) {
	u.Requests += other.Requests
	u.Failures += other.Failures
	u.Sent += other.Sent
	u.Received += other.Received
	u.Took += other.Took
}

// Prices are what requests and traffic cost, in dollars.
type Prices struct {
	Write float64 // a Put or a List
	Read  float64 // a Get or a Stat; deletes, and aborting uploads, are free on every cloud
	GiB   float64 // a GiB received, where the bucket is read from outside its region
}

// Meter counts what requests went to a store. It may be read at any time. Its zero value is not ready: use NewMeter.
type Meter struct {
	clock op.Clock

	mu     sync.Mutex
	byVerb map[Verb]Usage
}

// NewMeter returns a meter that measures latencies by a clock.
func NewMeter(clock op.Clock) *Meter { return &Meter{clock: clock, byVerb: map[Verb]Usage{}} }

// Usage returns what was counted so far, by verb.
func (m *Meter) Usage() map[Verb]Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	usage := make(map[Verb]Usage, len(m.byVerb))
	for verb, u := range m.byVerb {
		usage[verb] = u
	}
	return usage
}

// Total sums up all verbs.
func (m *Meter) Total() Usage {
	var total Usage
	for _, u := range m.Usage() {
		total.add(u)
	}
	return total
}

// Dollars is what the requests so far cost.
func (m *Meter) Dollars(p Prices) float64 {
	var dollars float64
	for verb, u := range m.Usage() {
		price := 0.0
		switch verb {
		case Put, List, ListFolders, ListUploads, Copy:
			price = p.Write
		case Get, GetRange, Stat:
			price = p.Read
		}
		dollars += float64(u.Requests)*price + float64(u.Received)/(1<<30)*p.GiB
	}
	return dollars
}

func (m *Meter) add(verb Verb, u Usage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := m.byVerb[verb]
	sum.add(u)
	m.byVerb[verb] = sum
}

// Observe counts requests, bytes and latencies in a meter. It belongs next to the store, inside Retry, to see every attempt.
func Observe(m *Meter) Middleware {
	return func(next Handler) Handler {
		return func(ctx context.Context, r *Request) (Answer, error) {
			begun := m.clock.Now()
			u := Usage{Requests: 1}
			if r.Verb == Put && r.Body != nil {
				if u.Sent = r.Body.Size(); u.Sent < 0 {
					u.Sent = 0
					streamed := *r
					streamed.Body = &meteredSource{r.Body, m}
					r = &streamed
				}
			}
			answer, err := next(ctx, r)
			u.Took = m.clock.Now().Sub(begun)
			if err != nil && !answered(err) {
				u.Failures = 1
			}
			m.add(r.Verb, u)
			if answer.Object != nil {
				answer.Object.Body = &meteredBody{answer.Object.Body, func(n int) { m.add(r.Verb, Usage{Received: int64(n)}) }}
			}
			return answer, err
		}
	}
}

// answered says whether an error is the store's answer to the question, rather than the lack of one.
func answered(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) || errors.Is(err, ErrChanged)
}

// meteredSource counts what is sent of a stream. Bodies of known size are left as they are, since an SDK may want to seek in them.
type meteredSource struct {
	Source
	m *Meter
}

func (s *meteredSource) Open() (io.ReadCloser, error) {
	body, err := s.Source.Open()
	if err != nil {
		return nil, err
	}
	return &meteredBody{body, func(n int) { s.m.add(Put, Usage{Sent: int64(n)}) }}, nil
}

type meteredBody struct {
	io.ReadCloser
	count func(n int)
}

// WriteTo leaves the copying to the body.
func (b *meteredBody) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, b.ReadCloser)
	b.count(int(n))
	return n, err
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.count(n)
	return n, err
}
