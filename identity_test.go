package quiver_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
)

type pair[T any] struct{ A, B T }

type (
	meters int
	feet   int
)

func keyOfFunc[In, Out any](t *testing.T, s *quiver.Store, def quiver.Def, in In) digest.Digest {
	t.Helper()
	f := memoise(t, s, def, func(context.Context, In) (out Out, err error) { return out, nil }, nil)
	key, err := f.Key(in)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestFunctionsOfDifferentTypesShareNoRecord: a signature is part of the key, with type arguments and with what types are made of.
func TestFunctionsOfDifferentTypesShareNoRecord(t *testing.T) {
	s := open(mem.New(nil), nil)
	keys := map[string]digest.Digest{
		"int → int":          keyOfFunc[int, int](t, s, version1, 1),
		"int → string":       keyOfFunc[int, string](t, s, version1, 1),
		"int64 → int":        keyOfFunc[int64, int](t, s, version1, 1),
		"int → *int":         keyOfFunc[int, *int](t, s, version1, 1),
		"int → []int":        keyOfFunc[int, []int](t, s, version1, 1),
		"int → [2]int":       keyOfFunc[int, [2]int](t, s, version1, 1),
		"int → [3]int":       keyOfFunc[int, [3]int](t, s, version1, 1),
		"int → map":          keyOfFunc[int, map[string]int](t, s, version1, 1),
		"int → other map":    keyOfFunc[int, map[string]bool](t, s, version1, 1),
		"int → any":          keyOfFunc[int, any](t, s, version1, 1),
		"int → meters":       keyOfFunc[int, meters](t, s, version1, 1),
		"int → feet":         keyOfFunc[int, feet](t, s, version1, 1),
		"meters → int":       keyOfFunc[meters, int](t, s, version1, 1),
		"int → pair[int]":    keyOfFunc[int, pair[int]](t, s, version1, 1),
		"int → pair[string]": keyOfFunc[int, pair[string]](t, s, version1, 1),
		"int → pair[meters]": keyOfFunc[int, pair[meters]](t, s, version1, 1),
		"int → struct":       keyOfFunc[int, struct{ A, B int }](t, s, version1, 1),
		"int → tagged struct": keyOfFunc[int, struct {
			A, B int `digest:",omitzero"`
		}](t, s, version1, 1),
		"int → renamed": keyOfFunc[int, struct {
			A int `digest:"B"`
			B int `digest:"A"`
		}](t, s, version1, 1),
		"int → embedded":        keyOfFunc[int, struct{ pair[int] }](t, s, version1, 1),
		"int → local":           keyOfFunc[int, any](t, s, quiver.Def{Name: "f", Module: "test", Version: quiver.TextVersion("1")}, 1),
		"int → int, version 2":  keyOfFunc[int, int](t, s, quiver.Def{Name: "f", Module: "test", Version: quiver.IntVersion(2)}, 1),
		"int → int, other name": keyOfFunc[int, int](t, s, quiver.Def{Name: "g", Module: "test", Version: quiver.IntVersion(1)}, 1),
		"int → int, no module":  keyOfFunc[int, int](t, s, quiver.Def{Name: "f", Version: quiver.IntVersion(1)}, 1),
		"int → int, code":       keyOfFunc[int, int](t, s, quiver.Def{Name: "f", Module: "test", Version: quiver.IntVersion(1), Code: digest.OfBytes(nil)}, 1),
		"other argument":        keyOfFunc[int, int](t, s, version1, 2),
	}
	seen := map[digest.Digest]string{}
	for name, key := range keys {
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s share a key", name, other)
		}
		seen[key] = name
	}
	if keyOfFunc[int, int](t, s, version1, 1) != keys["int → int"] {
		t.Error("the same function has two keys")
	}
}

// localBefore and localAfter have a result type of one name in one package, which differs in what it is made of.
func localBefore(t *testing.T, s *quiver.Store) digest.Digest {
	type result struct{ Mean float64 }
	return keyOfFunc[int, result](t, s, version1, 1)
}

func localAfter(t *testing.T, s *quiver.Store) digest.Digest {
	type result struct{ Sum float64 }
	return keyOfFunc[int, result](t, s, version1, 1)
}

func localLater(t *testing.T, s *quiver.Store) digest.Digest {
	type result struct {
		Mean  float64
		Notes string `digest:",omitzero"`
		cache int    //nolint:unused // what is not exported is no part of a value
	}
	return keyOfFunc[int, result](t, s, version1, 1)
}

func TestATypeThatChangedIsAnotherType(t *testing.T) {
	s := open(mem.New(nil), nil)
	if localBefore(t, s) == localAfter(t, s) {
		t.Error("two types of one name share a record")
	}
	if localBefore(t, s) != localLater(t, s) {
		t.Error("a field with omitzero was added, and the records are lost")
	}
}

type tree struct {
	Left, Right *tree
	Value       int
}

func TestATypeMayContainItself(t *testing.T) {
	s := open(mem.New(nil), nil)
	f := memoise(t, s, version1, func(_ context.Context, in *tree) (*tree, error) { return &tree{Left: in, Value: 1}, nil }, nil)
	for range 2 {
		got, err := f.Call(t.Context(), &tree{Value: 7})
		if err != nil || got.Left.Value != 7 {
			t.Errorf("Call = %+v, %v", got, err)
		}
	}
	if s.Stats().Hits != 1 {
		t.Errorf("%+v", s.Stats())
	}
}

// TestAKeyIsForEver pins a key: these records are in people's buckets.
func TestAKeyIsForEver(t *testing.T) {
	key := keyOfFunc[query, []string](t, open(mem.New(nil), nil), version1, query{"x", 1, 0.5})
	if got := key.String(); got != "5e55b4efd0f9862ebfe4fb17adb516a2eef1a8dd7eef437edb5b90fa2a22404b" {
		t.Errorf("the key is now %s", got)
	}
}

func TestTheDefinitionIsInTheRecord(t *testing.T) {
	s := open(mem.New(nil), nil)
	code := digest.OfBytes([]byte("code"))
	f := memoise(t, s, quiver.Def{Name: "f", Code: code}, func(_ context.Context, n int) (pair[meters], error) { return pair[meters]{}, nil }, nil)
	expectCall(t, f, 1, pair[meters]{})
	n := 0
	for r, err := range s.Query(quiver.Query{Name: "f", Metadata: quiver.Metadata{"function": {"code": code.String()}}}).All(t.Context()) {
		if err != nil || r.Code == code || r.Metadata["function"]["signature"] != "func(context.Context, int) (quiver_test.pair[github.com/quivercache/quiver_test.meters], error)" {
			t.Errorf("%+v, %v", r, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d records of the code", n)
	}
}

func TestBinaryDigestIsTheSHA256OfTheExecutable(t *testing.T) {
	d, err := quiver.BinaryDigest()
	if err != nil {
		t.Fatal(err)
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(executable)
	if err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(content); d != digest.Digest(want) {
		t.Errorf("%v, want %x", d, want)
	}
	if again, err := quiver.BinaryDigest(); err != nil || again != d {
		t.Error("it changes")
	}
}

func ExampleBinaryDigest() {
	code, err := quiver.BinaryDigest()
	if err != nil {
		fmt.Println("give the function a version instead:", err)
		return
	}
	f, err := quiver.Func(open(mem.New(nil), nil), quiver.Def{Name: "double", Code: code}, func(_ context.Context, n int) (int, error) { return 2 * n, nil }, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Call(context.Background(), 21))
	// Output: 42 <nil>
}
