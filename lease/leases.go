package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// Options are the settings of the leases of a store; nil, or a zero field, means the default.
type Options struct {
	Clock   op.Clock   // default the machine's
	Entropy op.Entropy // of ids and pauses; default the machine's
	Owner   string     // who takes leases, for people; default the program and its process id
	Host    string     // where, for people; default the machine's name
}

// Leases are the leases of a store. They may be used by many goroutines.
type Leases struct {
	bucket      bucket.Bucket
	keys        *keyspace.Keys
	clock       op.Clock
	entropy     op.Entropy
	owner, host string
}

// New returns the leases in a bucket, without a request.
func New(b bucket.Bucket, options *Options) *Leases {
	o := Options{}
	if options != nil {
		o = *options
	}
	if o.Clock == nil {
		o.Clock = op.SystemClock()
	}
	if o.Entropy == nil {
		o.Entropy = op.SystemEntropy()
	}
	if o.Owner == "" {
		o.Owner = fmt.Sprintf("%s, process %d", filepath.Base(os.Args[0]), os.Getpid())
	}
	if o.Host == "" {
		name, _ := os.Hostname()
		o.Host = cmp.Or(name, "an unnamed host")
	}
	return &Leases{bucket: b, keys: keyspace.New(b, layout.LeaseSpace, nil), clock: o.Clock, entropy: o.Entropy, owner: o.Owner, host: o.Host}
}

// Get returns what a lease says, by one GET. Fails with digest.ErrNotFound where there is none, with an *UnreadableError or a *keyspace.NewerFormatError.
func (l *Leases) Get(ctx context.Context, key digest.Digest) (Info, error) {
	name := layout.LeaseSpace.Name(key)
	text, object, err := bucket.ReadAll(ctx, l.bucket, name, sizeLimit)
	switch {
	case errors.Is(err, bucket.ErrNotFound):
		return Info{}, fmt.Errorf("lease of %s: %w", key, digest.ErrNotFound)
	case errors.Is(err, bucket.ErrInvalid) && object.Size > sizeLimit:
		return Info{object: object}, &UnreadableError{Object: name, Reason: fmt.Sprintf("it has %d bytes", object.Size)}
	case err != nil:
		return Info{}, err
	}
	info, err := decode(key, object, text)
	info.object = object
	return info, err
}

// listParallel is how many leases List reads at once.
const listParallel = 16

// Listed is a lease, or why it cannot be read.
type Listed struct {
	Info // of an unreadable one, the key alone
	Err  error
}

// List yields all leases by key, by a listing and a GET for each. Those that cannot be read are yielded as that.
func (l *Leases) List(ctx context.Context) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		ahead := make(chan chan result, listParallel)
		go l.readAhead(ctx, ahead)
		defer func() {
			cancel()
			for next := range ahead {
				<-next
			}
		}()
		for next := range ahead {
			r := <-next
			if errors.Is(r.err, digest.ErrNotFound) {
				continue
			}
			if !yield(r.Listed, r.err) || r.err != nil {
				return
			}
		}
	}
}

// result is a lease that was read, or the failure of the store.
type result struct {
	Listed
	err error
}

// readAhead starts to read the leases in order, as many at once as ahead has room for.
func (l *Leases) readAhead(ctx context.Context, ahead chan<- chan result) {
	defer close(ahead)
	for key, err := range l.keys.List(ctx, digest.Digest{}) {
		next := make(chan result, 1)
		ahead <- next
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			next <- result{err: err}
			return
		}
		go func() { next <- l.list(ctx, key) }()
	}
}

func (l *Leases) list(ctx context.Context, key digest.Digest) result {
	info, err := l.Get(ctx, key)
	if !isUnreadable(err) {
		return result{Listed{Info: info}, err}
	}
	return result{Listed{Info{Key: key, object: info.object}, err}, nil}
}

func isUnreadable(err error) bool {
	if _, ok := errors.AsType[*UnreadableError](err); ok {
		return true
	}
	_, ok := errors.AsType[*keyspace.NewerFormatError](err)
	return ok
}

// Break releases the lease of somebody else, readable or not, and returns what it said. Who has it notices when it is to be renewed. Fails with digest.ErrNotFound where there is none, and with bucket.ErrChanged where it was written
// just now. One of a later format is left alone.
func (l *Leases) Break(ctx context.Context, key digest.Digest) (Info, error) {
	info, err := l.Get(ctx, key)
	_, unreadable := errors.AsType[*UnreadableError](err)
	if err != nil && !unreadable {
		return info, err
	}
	if info.State == Released {
		return info, nil
	}
	broken := info
	if unreadable {
		if broken, err = l.claimed(Claim{Key: key, Term: MinTerm}); err != nil {
			return info, err
		}
	}
	broken.State, broken.Values = Released, nil
	_, err = l.write(ctx, broken, bucket.IfMatch(info.object.Version))
	return info, err
}

// obsolete is how long a lease that is of no use stays.
const obsolete = 24 * time.Hour

// IsObsolete says whether a lease is of no use any more: it was released a day ago, or has expired a day ago; an unreadable one after 31 days. By the store's clock when it was read.
func (i Listed) IsObsolete() bool {
	_, newer := errors.AsType[*keyspace.NewerFormatError](i.Err)
	switch {
	case newer:
		return false
	case i.Err != nil:
		return i.age() > MaxTerm+obsolete
	case i.State == Released:
		return i.age() > obsolete
	}
	return i.age() > i.Term+obsolete
}

// Remove deletes a lease as it was listed. One that was taken meanwhile stays, where the store can delete conditionally; else its holder loses it.
func (l *Leases) Remove(ctx context.Context, i Listed) error {
	if conditional, ok := bucket.As[bucket.ConditionalDeleter](l.bucket); ok {
		err := conditional.DeleteIf(ctx, i.object.Key, i.object.Version)
		if errors.Is(err, bucket.ErrChanged) || errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		return err
	}
	return bucket.Remove(ctx, l.bucket, i.object.Key)
}

// write writes a lease under a write id of its own, and returns it as it then is. Where it is refused, with bucket.ErrExists or bucket.ErrChanged, it returns the lease that is there instead, or fails as Get does. Whether a refusal or
// the lack of an answer hides that it has landed, the lease tells that is there.
func (l *Leases) write(ctx context.Context, i Info, condition bucket.Condition) (Info, error) {
	id, err := op.NewID(l.entropy)
	if err != nil {
		return Info{}, err
	}
	i.write, i.object = id, bucket.Info{}
	text, err := i.encode()
	if err != nil {
		return Info{}, err
	}
	i.object.Version, err = bucket.PutVersion(ctx, l.bucket, layout.LeaseSpace.Name(i.Key), bucket.Bytes(text), condition)
	refused := errors.Is(err, bucket.ErrExists) || errors.Is(err, bucket.ErrChanged)
	if !refused && !bucket.Retryable(ctx, err) {
		return i, err
	}
	theirs, unread := l.Get(ctx, i.Key)
	switch {
	case unread == nil && theirs.write == id:
		return theirs, nil
	case refused && unread != nil:
		return theirs, unread
	}
	return theirs, err
}

// Expand returns the key that a prefix stands for among the leases, by a LIST of two keys.
func (l *Leases) Expand(ctx context.Context, key digest.Key) (digest.Digest, error) {
	return l.keys.Expand(ctx, key)
}
