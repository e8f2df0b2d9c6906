package quiver

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// outageTime is how long functions leave a store alone that failed.
const outageTime = 30 * time.Second

// outage keeps functions from asking a store that is down. A store that refuses to be written to is still read.
type outage struct {
	mu            sync.Mutex
	down, refused pause
}

// pause is a time without attempts; zero: there is none.
type pause struct{ since time.Time }

func (p *pause) lasts(now time.Time) bool {
	return !p.since.IsZero() && op.Elapsed(p.since, now) < outageTime
}

// mayRead says whether a look-up may be attempted. After a pause one caller may, and for the others it begins anew.
func (o *outage) mayRead(now time.Time) bool { return o.may(now, &o.down) }

// mayWrite is mayRead for a save.
func (o *outage) mayWrite(now time.Time) bool { return o.may(now, &o.down, &o.refused) }

func (o *outage) may(now time.Time, pauses ...*pause) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range pauses {
		if p.lasts(now) {
			return false
		}
	}
	for _, p := range pauses {
		if !p.since.IsZero() {
			p.since = now
		}
	}
	return true
}

// refuses says whether the store was found lately not to take anything. It is no attempt.
func (o *outage) refuses(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.down.lasts(now) || o.refused.lasts(now)
}

// hasRead notes that the store answered.
func (o *outage) hasRead() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = pause{}
}

// hasWritten notes that the store took something.
func (o *outage) hasWritten() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down, o.refused = pause{}, pause{}
}

// hasFailed begins a pause, and says whether it is a new one.
func (o *outage) hasFailed(now time.Time, writing bool, err error) (isNew bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := &o.down
	if writing && errors.Is(err, bucket.ErrRefused) {
		p = &o.refused
	}
	isNew = p.since.IsZero()
	p.since = now
	return isNew
}

// errSlow is why a look-up or a save was given up.
var errSlow = errors.New("the store took too long")

// isStoreFailure says whether it was the store, or what is in it, that kept something from being found or saved, and not the value.
func isStoreFailure(err error) bool {
	_, newer := errors.AsType[*keyspace.NewerFormatError](err)
	_, codec := errors.AsType[*blobstore.CodecError](err)
	_, size := errors.AsType[*blobstore.SizeError](err)
	return newer || codec || size || bucket.Kind(err) != nil || errors.Is(err, ErrForeign) || errors.Is(err, ErrNotFound) ||
		errors.Is(err, errClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// isOutage says whether a failure of the store is one that the next attempt is likely to meet too.
func isOutage(err error) bool {
	newer, isNewer := errors.AsType[*keyspace.NewerFormatError](err)
	switch {
	case isNewer:
		return newer.Object == layout.Format
	case errors.Is(err, bucket.ErrChanged), errors.Is(err, bucket.ErrExists), errors.Is(err, ErrNotFound):
		return false // other writers were quicker
	}
	return bucket.Kind(err) != nil || errors.Is(err, ErrForeign) || errors.Is(err, errSlow)
}
