package roles_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

// errand is something that a user does in a store.
type errand struct {
	name   string
	begin  func(ctx context.Context, v *visit) error // what root does before; nil: nothing
	do     func(ctx context.Context, v *visit) error // fails where it is refused, and where what comes of it is wrong
	denied denial
	leaves []string // what the names of objects begin with that a refused attempt may write all the same: what it came to before it was refused, and what does no harm
}

// denial is who may not do an errand, and which right he is told to need.
type denial map[role]string

// Whose an errand is. Without a denial it is everybody's.
var (
	writers  = denial{reader: "s3:PutObject"}
	deleters = denial{reader: "s3:DeleteObject", writer: "s3:DeleteObject"}
	janitors = denial{reader: "s3:PutObject", writer: "s3:DeleteObject"} // of what writes before it deletes
)

func nobody(right string) denial { return denial{reader: right, writer: right, janitor: right} }

// visit is a user's stay in a store.
type visit struct {
	role   role
	name   string // of its function, and what its values are made of: no other errand has it
	domain *domain
	place

	store  *quiver.Store // the user's, which makes an error of all that a lenient one gets by with
	bucket bucket.Bucket
	host   *quiver.Store // root's
	near   bucket.Bucket
}

// place is where a store is in a bucket.
type place struct {
	prefix  string
	domain  []string // the prefixes that belong to its domain
	uploads denial   // who may not list unfinished uploads
}

var (
	bare     = place{"", []string{""}, denial{reader: listsUploads, writer: listsUploads}}
	prefixed = place{"team-b/deep", []string{"team-a", "team-b/deep"}, nobody(listsUploads)}
)

const listsUploads = "s3:ListBucketMultipartUploads"

// visit opens the store at a place, for a user and for root.
func (d *domain) visit(t testing.TB, who role, at place) *visit {
	t.Helper()
	v := &visit{role: who, domain: d, place: at, bucket: d.users[who].open(t, d.bucket, at.prefix), near: d.users[root].open(t, d.bucket, at.prefix)}
	v.host = storeIn(t, v.near, nil)
	return v
}

// storeIn opens the store in a bucket, which is closed in its stead.
func storeIn(t testing.TB, b bucket.Bucket, options *quiver.Options) *quiver.Store {
	t.Helper()
	s, err := quiver.New(t.Context(), b, options)
	must(t, err)
	return s
}

// try lets a user do an errand, and says what is wrong with how it went: nil where he could do it as he may, or was refused as he may not, was told what he needs,
// and has changed nothing.
func (v *visit) try(t testing.TB, e errand) error {
	t.Helper()
	v.name = drawName(t, e.name)
	v.store = storeIn(t, v.bucket, &quiver.Options{Strict: true, Logger: slog.New(slog.DiscardHandler)})
	if e.begin != nil {
		if err := e.begin(t.Context(), v); err != nil {
			t.Fatalf("preparing %q: %v", e.name, err)
		}
	}
	right, denied := e.denied[v.role]
	if !denied {
		return e.do(t.Context(), v)
	}
	before, err := v.look(t.Context(), e)
	must(t, err)
	refusal := e.do(t.Context(), v)
	if err := refusedFor(refusal, right); err != nil {
		return err
	}
	t.Logf("%s, %s: %v", e.name, v.role, refusal)
	after, err := v.look(t.Context(), e)
	must(t, err)
	return before.unchanged(after, e.leaves)
}

// drawName draws the name of a function in one of a few shards, so that what goes through all of them is quick.
func drawName(t testing.TB, errand string) string {
	t.Helper()
	for {
		name := strings.ReplaceAll(errand, " ", "-") + "-" + draw(t)
		if layout.FunctionOf(name).Shard() < 4 {
			return name
		}
	}
}

// refusedFor says what is wrong with an error that should say that the store refused, and which right is missing.
func refusedFor(err error, right string) error {
	refusal, told := errors.AsType[*bucket.Error](err)
	switch {
	case err == nil:
		return errors.New("it may do what it should not")
	case !errors.Is(err, bucket.ErrRefused):
		return fmt.Errorf("it is not refused, but fails: %w", err)
	case !told || !strings.Contains(refusal.Hint, right) || !strings.Contains(err.Error(), refusal.Hint):
		return fmt.Errorf("who is refused is not told that %s is needed: %w", right, err)
	case errors.Is(err, quiver.ErrNotFound):
		return fmt.Errorf("the refusal is taken for a miss: %w", err)
	}
	return nil
}

// sight is a store as root sees it.
type sight struct {
	objects map[string]string // their versions and times, by name
	calls   int               // of the visit's function, that a query finds, where a refused attempt may leave something in the index
}

func (v *visit) look(ctx context.Context, e errand) (seen sight, err error) {
	seen.objects = map[string]string{}
	for info, err := range bucket.All(ctx, v.near, bucket.ListOptions{}) {
		if err != nil {
			return seen, err
		}
		seen.objects[info.Key] = fmt.Sprint(info.Version, info.ModTime)
	}
	if len(e.leaves) > 0 {
		seen.calls, err = v.host.Query(quiver.Query{Name: v.name}).Count(ctx)
	}
	return seen, err
}

// unchanged says what has changed, but for some names, and whether calls are found no more.
func (s sight) unchanged(after sight, but []string) error {
	names := maps.Clone(s.objects)
	maps.Copy(names, after.objects)
	for name := range names {
		if s.objects[name] != after.objects[name] && !slices.ContainsFunc(but, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return fmt.Errorf("it was refused, and has changed %s all the same: %q, before %q", name, after.objects[name], s.objects[name])
		}
	}
	if after.calls < s.calls {
		return fmt.Errorf("it was refused, and of %d calls a query finds %d", s.calls, after.calls)
	}
	return nil
}

// miss says what is wrong with an error that should say that something is not there.
func miss(err error) error {
	switch {
	case errors.Is(err, bucket.ErrRefused):
		return fmt.Errorf("a miss is refused: %w", err)
	case !errors.Is(err, quiver.ErrNotFound):
		return fmt.Errorf("a miss is no miss: %w", err)
	}
	return nil
}

// is says whether an errand came to what it should.
func is[T comparable](want T) func(got T, err error) error {
	return func(got T, err error) error {
		if err == nil && got != want {
			err = fmt.Errorf("it came to %v, not to %v", got, want)
		}
		return err
	}
}

func only(_ any, err error) error { return err }

// has says whether a key is listed.
func has(keys func(yield func(digest.Digest, error) bool), want digest.Digest) error {
	for key, err := range keys {
		if err != nil || key == want {
			return err
		}
	}
	return fmt.Errorf("%v is not listed", want)
}
