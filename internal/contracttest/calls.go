package contracttest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// The first record wins; saving again with Replace, as the contract's save does, replaces it.
func testCallSave(t *testing.T, s *subject) {
	c := callindex.Call{Name: "f", Arguments: []callindex.Argument{{Name: "x", Digest: mustDigest(t, 1)}}}
	first, second := mustDigest(t, "first"), mustDigest(t, "second")
	for _, step := range []struct {
		result  digest.Digest
		replace bool
		want    digest.Digest
	}{{first, false, first}, {second, false, first}, {second, true, second}} {
		got, err := s.Calls.Save(t.Context(), &callindex.Record{Call: c, Result: step.result}, &callindex.SaveOptions{Replace: step.replace})
		if err != nil || got.Result != step.want {
			t.Errorf("Save = %+v, %v", got, err)
		}
		if got, err := s.Calls.Load(t.Context(), mustKey(t, &c)); err != nil || got.Result != step.want {
			t.Errorf("Load = %+v, %v", got, err)
		}
	}
}

func testCallLoad(t *testing.T, s *subject) {
	key := mustSave(t, s, &callindex.Record{Call: callindex.Call{Name: "f"}})
	for _, k := range []digest.Key{key, digest.Prefix(key.String()[:5])} {
		if got, err := s.Calls.Load(t.Context(), k); err != nil || got.Name != "f" {
			t.Errorf("Load(%v) = %+v, %v", k, got, err)
		}
	}
}

// A record keeps the types of what it has; loaded again it has the same key; result and metadata do not count for it, the order of arguments does.
func testCallRecord(t *testing.T, s *subject) {
	x, y := callindex.Argument{Name: "x", Digest: mustDigest(t, 1)}, callindex.Argument{Name: "y", Digest: mustDigest(t, 2)}
	keys := map[digest.Digest]bool{}
	for _, version := range []callindex.Version{{}, callindex.IntVersion(3), callindex.TextVersion("3")} {
		for _, arguments := range [][]callindex.Argument{{x, y}, {y, x}} {
			r := &callindex.Record{
				Call:   callindex.Call{Name: "f", Module: "m", Version: version, Code: mustDigest(t, "code"), Arguments: arguments},
				Result: mustDigest(t, version.Value()),
				Metadata: callindex.Metadata{
					"runtime": {"timestart": "2026-11-22T10:00:00Z", "timestop": "2026-11-22T10:00:01Z"}, "tags": {"project": "alpha", "n": 1, "flag": true},
				},
			}
			key := mustSave(t, s, r)
			keys[key] = true
			got, err := s.Calls.Load(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			again, err := got.Key()
			if err != nil || again != key || got.Version != version || !slices.Equal(got.Arguments, arguments) || got.Code != r.Code || got.Result != r.Result {
				t.Errorf("loaded %+v with key %v, %v", got, again, err)
			}
			if tags := got.Metadata["tags"]; tags["project"] != "alpha" || fmt.Sprint(tags["n"]) != "1" || tags["flag"] != true {
				t.Errorf("loaded metadata %v", got.Metadata)
			}
		}
	}
	if len(keys) != 6 {
		t.Errorf("six different calls have %d keys", len(keys))
	}
}

// Every record is transformed, and re-keyed where its key changes; nil is the identity. Where the store cannot delete conditionally, the old records stay.
func testTransform(t *testing.T, s *subject) {
	fleche(t, s)
	if done, err := s.Calls.Transform(t.Context(), nil, nil); err != nil || done.Seen != 6 || done.Same != 6 {
		t.Errorf("the identity: %+v, %v", done, err)
	}
	done, err := s.Calls.Transform(t.Context(), func(r *quiver.Record) (*quiver.Record, error) {
		r.Version = quiver.IntVersion(2)
		return r, nil
	}, nil)
	kept := 6
	if conditional(s.bucket) {
		kept = 0
	}
	if err != nil || done.Moved != 6 || done.Kept != kept {
		t.Errorf("%+v, %v", done, err)
	}
	for version, want := range map[int64]int{1: kept, 2: 6} {
		if n, err := s.Query(quiver.Query{Version: quiver.IntVersion(version)}).Count(t.Context()); n != want || err != nil {
			t.Errorf("%d calls of version %d, %v", n, version, err)
		}
	}
}
