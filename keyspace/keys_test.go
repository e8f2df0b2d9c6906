package keyspace_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// filled returns keys over a bucket in memory that holds digests, and what records its requests.
func filled(t testing.TB, digests ...digest.Digest) (*keyspace.Keys, *buckettest.Recorder) {
	t.Helper()
	b := mem.New(nil)
	for _, d := range digests {
		put(t, b, layout.RecordSpace.Name(d))
	}
	recorder := &buckettest.Recorder{}
	return keyspace.New(bucket.Wrap(b, recorder.Record), layout.RecordSpace, nil), recorder
}

func put(t testing.TB, b bucket.Bucket, name string) {
	t.Helper()
	if err := b.Put(context.Background(), name, bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
}

// numbered returns the digests of n numbers.
func numbered(n int) []digest.Digest {
	digests := make([]digest.Digest, n)
	for i := range digests {
		digests[i] = digest.OfBytes(fmt.Append(nil, i))
	}
	return digests
}

// of returns a digest that begins with hex characters and goes on with zeros.
func of(t testing.TB, hex string) digest.Digest {
	t.Helper()
	d, err := digest.Parse((hex + fmt.Sprintf("%064d", 0))[:64])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestListYieldsEveryKeyInOrderAndResumes(t *testing.T) {
	digests := numbered(2500)
	keys, recorder := filled(t, digests...)
	slices.SortFunc(digests, digest.Digest.Compare)

	var got []digest.Digest
	for d, err := range keys.List(t.Context(), digest.Digest{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d)
	}
	if !slices.Equal(got, digests) {
		t.Errorf("List yields %d keys, not the %d in order", len(got), len(digests))
	}
	recorder.Expect(t, "list calls/", "list calls/", "list calls/")

	for d, err := range keys.List(t.Context(), digests[99]) {
		if err != nil || d != digests[100] {
			t.Errorf("List after key 99 begins with %v, %v", d, err)
		}
		break
	}
	recorder.Expect(t, "list calls/")
}

func TestListPassesOverForeignObjects(t *testing.T) {
	b := mem.New(nil)
	d := of(t, "abcd")
	for _, name := range []string{"calls/ab/notes.txt", "calls/readme", layout.RecordSpace.Name(d) + ".bak", layout.RecordSpace.Name(d)} {
		put(t, b, name)
	}
	keys := keyspace.New(b, layout.RecordSpace, nil)
	for got, err := range keys.List(t.Context(), digest.Digest{}) {
		if err != nil || got != d {
			t.Errorf("List yields %v, %v", got, err)
		}
	}
	// A foreign object under the very prefix does not hide the key.
	put(t, b, "calls/ab/abcd")
	put(t, b, "calls/ab/abcd-1")
	if got, err := keys.Expand(t.Context(), digest.Prefix("abcd")); err != nil || got != d {
		t.Errorf("Expand = %v, %v", got, err)
	}
}

func TestListEndsWithTheStoresError(t *testing.T) {
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.List, Do: buckettest.Fail(bucket.ErrRefused)})
	keys := keyspace.New(bucket.Wrap(mem.New(nil), faults.Inject), layout.ValueSpace, nil)
	n := 0
	for _, err := range keys.List(t.Context(), digest.Digest{}) {
		if n++; !errors.Is(err, bucket.ErrRefused) || errors.Is(err, digest.ErrNotFound) {
			t.Errorf("List yields %v", err)
		}
	}
	if n != 1 {
		t.Errorf("List yields %d times after its error", n)
	}
	faults.Done(t)
}

func TestContains(t *testing.T) {
	there := of(t, "abcd1")
	keys, recorder := filled(t, there, of(t, "abcd2"))
	var ambiguous *digest.AmbiguousError
	for _, c := range []struct {
		key    digest.Key
		want   bool
		check  func(error) bool
		budget []string
	}{
		{there, true, nil, []string{"stat calls/ab/" + there.String() + ".json"}},
		{of(t, "abcd3"), false, nil, []string{"stat calls/ab/abcd3*"}},
		{digest.Prefix("ABCD1"), true, nil, []string{"list calls/ab/abcd1"}},
		{digest.Prefix("abcd3"), false, nil, []string{"list calls/ab/abcd3"}},
		{digest.Prefix("abc"), false, nil, nil},
		{digest.Prefix("abcd"), false, func(err error) bool { return errors.As(err, &ambiguous) && ambiguous.Need == 5 }, []string{"list calls/ab/abcd"}},
		{digest.Prefix("wxyz"), false, func(err error) bool { return errors.Is(err, digest.ErrMalformed) }, nil},
		{nil, false, func(err error) bool { return errors.Is(err, digest.ErrMalformed) }, nil},
	} {
		got, err := keys.Contains(t.Context(), c.key)
		if got != c.want || (c.check == nil) != (err == nil) || c.check != nil && !c.check(err) {
			t.Errorf("Contains(%v) = %v, %v", c.key, got, err)
		}
		recorder.Expect(t, c.budget...)
	}
}

func TestExpand(t *testing.T) {
	one, two := of(t, "abcd1"), of(t, "abcd2")
	keys, recorder := filled(t, append(numbered(3000), one, two)...)
	if got, err := keys.Expand(t.Context(), digest.Prefix("abcd1")); err != nil || got != one {
		t.Errorf("Expand(abcd1) = %v, %v", got, err)
	}
	if listed := recorder.Take(); len(listed) != 1 || listed[0].List.Limit != 2 {
		t.Errorf("Expand sent %v, want one listing of two keys", listed)
	}
	if got, err := keys.Expand(t.Context(), of(t, "eeee")); err != nil || got != of(t, "eeee") {
		t.Errorf("Expand of a full digest = %v, %v", got, err)
	}
	recorder.Expect(t)
	_, err := keys.Expand(t.Context(), digest.Prefix("abcd"))
	var ambiguous *digest.AmbiguousError
	if !errors.As(err, &ambiguous) || ambiguous.Candidates != [2]digest.Digest{one, two} || ambiguous.Need != 5 {
		t.Errorf("Expand(abcd) = %v", err)
	}
	if _, err := keys.Expand(t.Context(), digest.Prefix("abcd3")); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("Expand of an unknown prefix = %v", err)
	}
	recorder.Take()
	if _, err := keys.Expand(t.Context(), digest.Prefix("ab")); !errors.Is(err, digest.ErrNotFound) || !errors.Is(err, digest.ErrTooShort) {
		t.Errorf("Expand of a too short prefix = %v", err)
	}
	recorder.Expect(t)
}

func TestARefusedStoreIsNeverAMiss(t *testing.T) {
	for _, kind := range []error{bucket.ErrRefused, bucket.ErrThrottled, bucket.ErrUnavailable, bucket.ErrNoBucket} {
		for name, do := range map[string]func(*keyspace.Keys) error{
			"contains": func(k *keyspace.Keys) error { _, err := k.Contains(t.Context(), of(t, "ab")); return err },
			"prefix":   func(k *keyspace.Keys) error { _, err := k.Contains(t.Context(), digest.Prefix("abcd")); return err },
			"expand":   func(k *keyspace.Keys) error { _, err := k.Expand(t.Context(), digest.Prefix("abcd")); return err },
			"shrink":   func(k *keyspace.Keys) error { _, err := k.Shrink(t.Context(), of(t, "ab")); return err },
		} {
			faults := buckettest.NewFaults(buckettest.Fault{Do: buckettest.Fail(kind)})
			err := do(keyspace.New(bucket.Wrap(mem.New(nil), faults.Inject), layout.ValueSpace, nil))
			if !errors.Is(err, kind) || errors.Is(err, digest.ErrNotFound) {
				t.Errorf("%s with a store that says %q: %v", name, kind, err)
			}
			faults.Done(t)
		}
	}
}

// noted is an operation context that notes what it is entered for.
type noted struct{ entered []string }

func (n *noted) Do(ctx context.Context, key string, intent op.Intent, operation func(context.Context) error) error {
	n.entered = append(n.entered, string(intent)+" "+key[:4])
	return operation(ctx)
}

func TestTheOperationContextIsEnteredAroundEveryOperation(t *testing.T) {
	b, n := mem.New(nil), &noted{}
	put(t, b, layout.ValueSpace.Name(of(t, "abcd")))
	keys := keyspace.New(b, layout.ValueSpace, n)
	for _, do := range []func() error{
		func() error { _, err := keys.Contains(t.Context(), of(t, "abcd")); return err },
		func() error { _, err := keys.Expand(t.Context(), digest.Prefix("abcd")); return err },
		func() error { _, err := keys.Shrink(t.Context(), of(t, "abcd")); return err },
	} {
		n.entered = nil
		if err := do(); err != nil || !slices.Equal(n.entered, []string{"read abcd"}) {
			t.Errorf("entered %v, %v", n.entered, err)
		}
	}
}

func TestADamagedEntryIsAMissWithAReason(t *testing.T) {
	cause := errors.New("cause")
	err := error(keyspace.Damaged(bucket.Info{Key: "values/ab/x", Version: "7"}, cause, "byte %d is wrong", 3))
	var damaged *keyspace.DamagedError
	if !errors.Is(err, digest.ErrNotFound) || !errors.Is(err, cause) || !errors.As(err, &damaged) || damaged.Version != "7" {
		t.Errorf("%v is no miss by damage of version 7", err)
	}
	if want := "values/ab/x is damaged: byte 3 is wrong: cause; it is replaced when it is computed and saved again"; err.Error() != want {
		t.Errorf("it says %q", err)
	}
}

// TestShrink compares with the plain definition on random sets of keys that share long prefixes.
func TestShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.Custom(func(t *rapid.T) digest.Digest {
			hex := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "start")
			if rapid.IntRange(0, 9).Draw(t, "twin") == 0 {
				hex = fmt.Sprintf("%063d", 0)
			}
			hex += rapid.StringMatching(`[0-2f]{64}`).Draw(t, "rest")
			d, err := digest.Parse(hex[:64])
			if err != nil {
				t.Fatal(err)
			}
			return d
		})
		all := rapid.SliceOfNDistinct(near, 1, 40, rapid.ID).Draw(t, "keys")
		b := mem.New(nil)
		for _, d := range all {
			if err := b.Put(context.Background(), layout.RecordSpace.Name(d), bucket.Bytes(nil), bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
		}
		keys := keyspace.New(b, layout.RecordSpace, nil)
		for _, d := range all {
			want := 4
			for _, other := range all {
				if other != d {
					want = max(want, digest.CommonPrefix(d, other)+1)
				}
			}
			checkShrunk(t, keys, d, want)
		}
		missing := near.Draw(t, "missing")
		if !slices.Contains(all, missing) {
			if _, err := keys.Shrink(context.Background(), missing); !errors.Is(err, digest.ErrNotFound) {
				t.Errorf("Shrink(%v), which is not there: %v", missing, err)
			}
		}
	})
}

func checkShrunk(t *rapid.T, keys *keyspace.Keys, d digest.Digest, want int) {
	got, err := keys.Shrink(context.Background(), d)
	if want == 64 {
		var ambiguous *digest.AmbiguousError
		if !errors.As(err, &ambiguous) || ambiguous.Need != 64 || ambiguous.Candidates[0].Compare(ambiguous.Candidates[1]) >= 0 {
			t.Errorf("Shrink(%v), which nothing shortens: %v, %v", d, got, err)
		}
		return
	}
	if err != nil || len(got) != 1 || string(got[0]) != d.String()[:want] {
		t.Errorf("Shrink(%v) = %v, %v, want %d characters", d, got, err, want)
		return
	}
	if back, err := keys.Expand(context.Background(), got[0]); err != nil || back != d {
		t.Errorf("Expand(%v) = %v, %v, want %v", got[0], back, err, d)
	}
}

func TestShrinkAnswersManyInOrderFromOneListing(t *testing.T) {
	digests := numbered(2000)
	keys, recorder := filled(t, digests...)
	wanted := make([]digest.Key, 0, len(digests)+1)
	for _, d := range digests {
		wanted = append(wanted, d)
	}
	wanted = append(wanted, digests[7]) // twice is as good as once
	got, err := keys.Shrink(t.Context(), wanted...)
	if err != nil {
		t.Fatal(err)
	}
	sent := len(recorder.Take())
	if sent > 10 {
		t.Errorf("shrinking %d keys took %d requests, want one shared listing", len(wanted), sent)
	}
	for i, d := range append(slices.Clone(digests), digests[7]) {
		alone, err := keys.Shrink(t.Context(), d)
		if err != nil || alone[0] != got[i] {
			t.Fatalf("key %d: %v together, %v, %v alone", i, got[i], alone, err)
		}
	}
	for _, unknown := range []digest.Digest{of(t, "0"), of(t, "7"), of(t, "ffffffffff")} {
		wanted[1000] = unknown
		if _, err := keys.Shrink(t.Context(), wanted...); !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("an unknown key among many: %v", err)
		}
	}
}

// TestShrinkCostsTheSameWhateverTheSize holds the budget of DESIGN: three listings of two keys, expected.
func TestShrinkCostsTheSameWhateverTheSize(t *testing.T) {
	for _, size := range []int{10, 1000, 20_000} {
		digests := numbered(size)
		keys, recorder := filled(t, digests...)
		tries := min(size, 500)
		for _, d := range digests[:tries] {
			if _, err := keys.Shrink(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		sent := recorder.Take()
		for _, r := range sent {
			if r.Verb != bucket.List || r.List.Limit != 2 {
				t.Fatalf("Shrink sent %v", r)
			}
		}
		mean := float64(len(sent)) / float64(tries)
		t.Logf("%d keys: %.2f listings on average", size, mean)
		if mean > 3 {
			t.Errorf("%d keys: %.2f listings on average, want at most 3", size, mean)
		}
	}
}

func TestDistinguishNeedsNoEntry(t *testing.T) {
	keys, _ := filled(t, of(t, "abcd12"), of(t, "abcd13"))
	for _, c := range []struct {
		d     digest.Digest
		want  digest.Prefix
		there bool
	}{
		{of(t, "abcd12"), "abcd12", true},
		{of(t, "abcd125"), "abcd125", false},
		{of(t, "abcd2"), "abcd2", false},
		{of(t, "eeee"), "eeee", false},
	} {
		got, there, err := keys.Distinguish(t.Context(), c.d)
		if err != nil || got != c.want || there != c.there {
			t.Errorf("Distinguish(%v) = %v, %v, %v", c.d, got, there, err)
		}
	}
}
