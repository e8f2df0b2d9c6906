package blobstore_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
)

func TestACopyIsTheValueUnderItsKey(t *testing.T) {
	from, to := newBench(t, nil), newBench(t, nil)
	for _, size := range []int{0, 300, 3 << 20} {
		value := noise(1, size)
		key := must(from.SaveBytes(t.Context(), value))
		for range 2 {
			if err := from.CopyTo(t.Context(), to.Store, key, nil); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := to.bothWays(key); err != nil || !bytes.Equal(got, value) {
			t.Errorf("the copy of %d bytes: %d bytes, %v", size, len(got), err)
		}
	}
	typed := must(from.Save(t.Context(), map[string]int{"a": 1}, nil))
	if err := from.CopyTo(t.Context(), to.Store, typed, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := blobstore.LoadAs[map[string]int](t.Context(), to.Store, typed); err != nil || got["a"] != 1 {
		t.Errorf("the copy of a map: %v, %v", got, err)
	}
}

func TestWhatIsMissingOrDamagedIsNotCopied(t *testing.T) {
	from, to := newBench(t, nil), newBench(t, nil)
	for name, key := range map[string]digest.Digest{
		"missing":       digest.OfBytes([]byte("nothing")),
		"small damaged": broken(from, noise(1, 300), 200),
		"large damaged": broken(from, noise(1, 3<<20), 200),
	} {
		if err := from.CopyTo(t.Context(), to.Store, key, nil); !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if there, err := to.Contains(t.Context(), key); there || err != nil {
			t.Errorf("%s: Contains = %v, %v", name, there, err)
		}
	}
}

// TestAServerCopiesWhatIsLarge has two stores in folders of one server. A large value is opened, looked for, and copied without being read.
func TestAServerCopiesWhatIsLarge(t *testing.T) {
	refusing := func(kind error) bucket.Middleware {
		return func(next bucket.Handler) bucket.Handler {
			return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
				if r.Verb == bucket.Copy {
					return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Key, Kind: kind}
				}
				return next(ctx, r)
			}
		}
	}
	signed := &blobstore.Options{Signer: signer(oldKey)}
	const copied = "get from stat to copy to"
	for name, c := range map[string]struct {
		size      int
		one, two  *blobstore.Options
		trouble   []bucket.Middleware
		want      string
		wantError error
	}{
		"large":                       {size: 3 << 20, want: copied},
		"small":                       {size: 300, want: "get from put to"},
		"signed by a key of both":     {size: 3 << 20, one: signed, two: signed, want: copied},
		"signed, to who believes all": {size: 3 << 20, one: signed, want: copied},
		"unsigned, to who signs":      {size: 3 << 20, two: signed, want: "get from stat to put to"},
		"refused":                     {size: 3 << 20, trouble: []bucket.Middleware{refusing(bucket.ErrRefused)}, want: copied + " get from stat to put to"},
		"unreachable":                 {size: 3 << 20, trouble: []bucket.Middleware{refusing(bucket.ErrUnavailable)}, want: copied, wantError: bucket.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			var requests buckettest.Recorder
			server := bucket.Wrap(mem.New(nil), slices.Concat([]bucket.Middleware{requests.Record}, c.trouble)...)
			one, two := blobstore.New(must(bucket.Under(server, "from/")), c.one), blobstore.New(must(bucket.Under(server, "to/")), c.two)
			content := noise(1, c.size)
			key := must(one.SaveBytes(t.Context(), content))
			requests.Take()
			if err := one.CopyTo(t.Context(), two, key, &blobstore.CopyOptions{ByServer: true}); !errors.Is(err, c.wantError) {
				t.Fatal(err)
			}
			var got []string
			for _, r := range requests.Take() {
				folder, _, _ := strings.Cut(r.Key, "/")
				got = append(got, string(r.Verb), folder)
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("it took %s, not %s", got, c.want)
			}
			if c.wantError != nil {
				return
			}
			if got, err := two.LoadBytes(t.Context(), key, 1<<30); err != nil || !bytes.Equal(got, content) {
				t.Errorf("the copy has %d bytes: %v", len(got), err)
			}
			requests.Take()
			if err := one.CopyTo(t.Context(), two, key, &blobstore.CopyOptions{ByServer: true}); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}
