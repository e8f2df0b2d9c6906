package buckettest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/quivercache/quiver/bucket"
)

// Fault is one line of a script: what happens to the nth request of a kind.
type Fault struct {
	Verb bucket.Verb // empty: every verb
	Key  string      // a pattern (Match); of a listing its prefix counts, of a bulk delete any of its keys
	Nth  int         // of the requests of this verb and key, 1 being the first; 0 means 1
	Do   Action
}

func (f Fault) String() string {
	verb := string(f.Verb)
	if verb == "" {
		verb = "request"
	}
	return fmt.Sprintf("%s of %s %q, number %d", f.Do.name, verb, f.Key, f.nth())
}

func (f Fault) nth() int { return max(1, f.Nth) }

func (f Fault) is(r *bucket.Request) bool {
	if f.Verb != "" && f.Verb != r.Verb {
		return false
	}
	for _, key := range keysOf(r) {
		if Match(f.Key, key) {
			return true
		}
	}
	return false
}

// Action is what a Fault does to its request.
type Action struct {
	name   string
	handle func(client *Faults, next bucket.Handler, ctx context.Context, r *bucket.Request) (bucket.Answer, error)
}

// Fail answers with an error before the request reached the store. The error is one of the kinds (bucket.ErrThrottled), or a whole *bucket.Error.
func Fail(err error) Action {
	return Action{"failure", func(_ *Faults, _ bucket.Handler, _ context.Context, r *bucket.Request) (bucket.Answer, error) {
		return bucket.Answer{}, failure(r, err)
	}}
}

var errLost = errors.New("the request was done, its answer lost")

// LoseAnswer lets the store do what was asked, whatever comes of it, and answers bucket.ErrUnavailable: it landed, and the client was not told.
func LoseAnswer() Action {
	return Action{"lost answer", func(_ *Faults, next bucket.Handler, ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		discard(next(ctx, r))
		return bucket.Answer{}, failure(r, errLost)
	}}
}

// CutBody breaks the connection after n bytes of a body. Of a Get they arrive, then reading fails with bucket.ErrUnavailable. Of a Put they are
// read from its source, then it fails so too, and there is no object.
func CutBody(n int64) Action {
	return Action{"cut body", func(_ *Faults, next bucket.Handler, ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		cut := fmt.Errorf("the connection broke after %d bytes", n)
		if r.Verb == bucket.Put {
			body, err := r.Body.Open()
			if err != nil {
				return bucket.Answer{}, failure(r, err)
			}
			defer body.Close()
			if _, err := io.CopyN(io.Discard, body, n); err != nil && !errors.Is(err, io.EOF) {
				return bucket.Answer{}, failure(r, err)
			}
			return bucket.Answer{}, failure(r, cut)
		}
		answer, err := next(ctx, r)
		if answer.Object != nil {
			rest := n
			answer.Object = withBody(answer.Object, func(body io.Reader, p []byte) (int, error) {
				if rest == 0 {
					return 0, failure(r, cut)
				}
				got, err := body.Read(p[:min(int64(len(p)), rest)])
				if rest -= int64(got); errors.Is(err, io.EOF) {
					err = failure(r, cut)
				}
				return got, err
			})
		}
		return answer, err
	}}
}

// Before calls a hook before the request is sent, as to wait for another client's turn. Where the hook fails, the request is not sent and fails with its error.
func Before(hook func(ctx context.Context) error) Action {
	return Action{"hook before", func(_ *Faults, next bucket.Handler, ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		if err := hook(ctx); err != nil {
			return bucket.Answer{}, failure(r, err)
		}
		return next(ctx, r)
	}}
}

// After calls a hook when the store has done what was asked, before the client is told. Where the hook fails, the client is told its error.
func After(hook func(ctx context.Context) error) Action {
	return Action{"hook after", func(_ *Faults, next bucket.Handler, ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		answer, err := next(ctx, r)
		if failed := hook(ctx); failed != nil {
			discard(answer, err)
			return bucket.Answer{}, failure(r, failed)
		}
		return answer, err
	}}
}

// CrashBefore stops the client before the request is sent: this one and every later one fail with ErrCrashed, and so does the reading of bodies.
func CrashBefore() Action {
	return Action{"crash before", func(client *Faults, _ bucket.Handler, _ context.Context, r *bucket.Request) (bucket.Answer, error) {
		return bucket.Answer{}, client.crash(r)
	}}
}

// CrashAfter stops the client, as CrashBefore does, when the store has done what was asked and the client has not heard of it.
func CrashAfter() Action {
	return Action{"crash after", func(client *Faults, next bucket.Handler, ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		discard(next(ctx, r))
		return bucket.Answer{}, client.crash(r)
	}}
}

// ErrCrashed is why the requests of a crashed client fail. They are refused rather than unavailable, so that nobody waits to try again.
var ErrCrashed = errors.New("the client has crashed")

// Faults does scripted harm to the requests of one client. Each fault counts the requests that match it, also those that another
// fault strikes; where two would strike one request, the first in the script does.
type Faults struct {
	mu      sync.Mutex
	script  []Fault
	seen    []int  // requests that matched, by fault
	struck  []bool // by fault
	crashed bool
}

// NewFaults returns a client's script.
func NewFaults(script ...Fault) *Faults {
	return &Faults{script: script, seen: make([]int, len(script)), struck: make([]bool, len(script))}
}

// Inject is the bucket.Middleware.
func (f *Faults) Inject(next bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		action, err := f.strike(r)
		if err != nil {
			return bucket.Answer{}, err
		}
		answer, err := action.handle(f, next, ctx, r)
		if answer.Object != nil {
			answer.Object = withBody(answer.Object, func(body io.Reader, p []byte) (int, error) {
				if f.Crashed() {
					return 0, crashed(r)
				}
				return body.Read(p)
			})
		}
		return answer, err
	}
}

var pass = Action{"nothing", func(_ *Faults, next bucket.Handler, ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
	return next(ctx, r)
}}

// strike counts a request and says what happens to it.
func (f *Faults) strike(r *bucket.Request) (Action, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.crashed {
		return pass, crashed(r)
	}
	strikes := -1
	for i, fault := range f.script {
		if !fault.is(r) {
			continue
		}
		if f.seen[i]++; f.seen[i] == fault.nth() && strikes < 0 {
			strikes = i
		}
	}
	if strikes < 0 {
		return pass, nil
	}
	f.struck[strikes] = true
	return f.script[strikes].Do, nil
}

func (f *Faults) crash(r *bucket.Request) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashed = true
	return crashed(r)
}

// Crashed says whether the client has crashed.
func (f *Faults) Crashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crashed
}

// Unused lists the faults that struck no request.
func (f *Faults) Unused() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	var unused []Fault
	for i, fault := range f.script {
		if !f.struck[i] {
			unused = append(unused, fault)
		}
	}
	return unused
}

// Done fails the test when a fault was not used up: the test did not test what its script says.
func (f *Faults) Done(t testing.TB) {
	t.Helper()
	if unused := f.Unused(); len(unused) > 0 {
		var text strings.Builder
		for _, fault := range unused {
			fmt.Fprintf(&text, "\n  %v", fault)
		}
		t.Errorf("of %d scripted faults %d struck no request:%s", len(f.script), len(unused), text.String())
	}
}

// failure is err as an answer to a request: as it is where it is a *bucket.Error, of the kind it names, or else of a store that did not answer well.
func failure(r *bucket.Request, err error) error {
	if whole, ok := errors.AsType[*bucket.Error](err); ok {
		return whole
	}
	kind := bucket.Kind(err)
	if kind == nil {
		kind = bucket.ErrUnavailable
	}
	if errors.Is(kind, err) {
		err = errScripted
	}
	return &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: kind, Err: err}
}

func crashed(r *bucket.Request) error {
	return &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrRefused, Err: ErrCrashed}
}

var errScripted = errors.New("a scripted fault")

// discard drops an answer that the client shall not get.
func discard(answer bucket.Answer, _ error) {
	if answer.Object != nil {
		answer.Object.Body.Close()
	}
}

// withBody is object with its body read by another function.
func withBody(object *bucket.Object, read func(body io.Reader, p []byte) (int, error)) *bucket.Object {
	changed := *object
	changed.Body = &body{object.Body, read}
	return &changed
}

type body struct {
	io.ReadCloser
	read func(body io.Reader, p []byte) (int, error)
}

func (b *body) Read(p []byte) (int, error) { return b.read(b.ReadCloser, p) }
