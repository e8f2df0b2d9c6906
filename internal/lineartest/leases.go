package lineartest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// Leases lets clients take a few leases, renew them in time or too late, release them or not, and break those of others. Terms are at least lease.MinTerm, so it takes a while where the clock is the machine's.
func Leases(b bucket.Bucket, o Options) *History {
	h := newHistory(o, leases)
	h.run(b, layout.Leases, func(c *client) func() {
		l := &lessee{client: c, leases: lease.New(c.bucket, &lease.Options{Clock: c.options.Clock, Owner: fmt.Sprint("client ", c.number), Host: "here"})}
		c.unanswered = l.note
		return l.do
	})
	return h
}

// lessee is a client of leases.
type lessee struct {
	*client
	leases   *lease.Leases
	breaking bool // somebody else's lease
}

func leaseKey(n int) digest.Digest { return digest.OfBytes(fmt.Append(nil, "lease ", n)) }

// short is what a step calls a lease.
func short(id string) string { return id[:6] }

func (l *lessee) do() {
	key := leaseKey(l.draw(l.options.Keys))
	if l.draw(10) == 0 {
		l.breakIt(key)
		return
	}
	held := l.take(key)
	if held == nil {
		return
	}
	term, id := held.Info().Term, short(held.Info().ID)
	for range l.draw(5) {
		l.wait(term)
		if l.draw(8) == 0 { // it is frozen
			l.wait(2 * term)
		}
		l.believe(key, held)
		sent := l.moment()
		if !l.wrote(key, id, sent, held.Renew(context.Background()), renewed{id, sent.at}) {
			return
		}
		l.believe(key, held)
	}
	for l.draw(4) > 0 { // else it crashes
		sent := l.moment()
		if err := held.Release(context.Background()); !noAnswer(err) {
			l.wrote(key, id, sent, err, released{id})
			return
		}
		l.believe(key, held)
	}
}

// note notes a write without an answer, which tells itself what it writes.
func (l *lessee) note(request *bucket.Request, sent moment) {
	key, _ := layout.LeaseSpace.Parse(request.Key)
	body := must(request.Body.Open())
	defer body.Close()
	var wanted struct {
		ID    string      `json:"id"`
		State lease.State `json:"state"`
		Term  int64       `json:"term"`
	}
	if err := json.Unmarshal(must(io.ReadAll(body)), &wanted); err != nil {
		panic(err)
	}
	l.add(l.number, key.String(), sent.tick, open, wrote{
		short(wanted.ID), wanted.State == lease.Released, l.breaking, time.Duration(wanted.Term) * time.Millisecond, sent.at,
	})
}

// take takes a lease, unless it would have to wait for too long.
func (l *lessee) take(key digest.Digest) *lease.Lease {
	term := lease.MinTerm + time.Duration(l.draw(1000))*time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), 3*lease.MinTerm)
	defer cancel()
	sent := l.moment()
	held, err := l.leases.Take(ctx, lease.Claim{Key: key, Term: term}, &lease.Waiting{Not: l.draw(4) == 0})
	if err != nil {
		if _, others := errors.AsType[*lease.HeldError](err); !others {
			l.expected(err)
		}
		return nil
	}
	done := l.moment()
	l.add(l.number, key.String(), sent.tick, done.tick, took{short(held.Info().ID), term, sent.at, done.at})
	return held
}

// wrote notes what came of a renewal or a release, and says whether the lease may still be held.
func (l *lessee) wrote(key digest.Digest, id string, sent moment, err error, step any) bool {
	switch {
	case errors.Is(err, lease.ErrLost):
		l.add(l.number, key.String(), sent.tick, l.tick(), lost{id})
		return false
	case err != nil:
		l.expected(err)
		return true
	}
	l.add(l.number, key.String(), sent.tick, l.tick(), step)
	return true
}

// believe notes that the holder does not know of a loss.
func (l *lessee) believe(key digest.Digest, held *lease.Lease) {
	begun := l.tick()
	if held.Lost() == nil {
		l.add(l.number, key.String(), begun, l.tick(), believed{short(held.Info().ID)})
	}
}

func (l *lessee) breakIt(key digest.Digest) {
	sent := l.moment()
	l.breaking = true
	info, err := l.leases.Break(context.Background(), key)
	l.breaking = false
	switch {
	case errors.Is(err, digest.ErrNotFound):
	case err != nil:
		l.expected(err)
	case info.State != lease.Released:
		l.add(l.number, key.String(), sent.tick, l.tick(), broke{short(info.ID)})
	}
}
