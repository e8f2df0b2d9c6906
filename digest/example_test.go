package digest_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/quivercache/quiver/digest"
)

func ExampleOf() {
	type point struct{ X, Y int8 }
	d, err := digest.Of([]point{{1, 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	same, err := digest.Of([1]struct{ Y, X uint }{{2, 1}})
	fmt.Println(d)
	fmt.Println(d == same, err)
	// Output:
	// 0accb922fddfd2933f3823ab260f2aaa712c5a539ed2233084d17e6386850080
	// true <nil>
}

func ExampleOf_merkle() {
	part, _ := digest.Of("a large part")
	whole, _ := digest.Of([]any{"a large part", 1})
	given, _ := digest.Of([]any{part, 1})
	fmt.Println(whole == given)
	// Output: true
}

func ExampleIndigestibleError() {
	type config struct{ Callback []func() }
	_, err := digest.Of(map[string]config{"a": {make([]func(), 1)}})
	if bad, ok := errors.AsType[*digest.IndigestibleError](err); ok {
		fmt.Println(bad.Path, bad.Type)
	}
	// Output: ["a"].Callback[0] func()
}

func ExampleNewScheme() {
	patterns := digest.HookFor(func(r *regexp.Regexp) (any, error) { return r.String(), nil })
	scheme, err := digest.NewScheme(patterns)
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := scheme.Of(regexp.MustCompile("a+"))
	b, _ := scheme.Of(regexp.MustCompile("b+"))
	fmt.Println(a == b)
	// Output: false
}

func ExampleScheme_In() {
	var scheme digest.Scheme
	value, _ := scheme.In(digest.Value, "x")
	call, _ := scheme.In(digest.Call, "x")
	fmt.Println(value == call)
	// Output: false
}

func ExampleNewBytes() {
	w := digest.NewBytes(5)
	fmt.Fprint(w, "he")
	fmt.Fprint(w, "llo")
	d, err := w.Sum()
	fmt.Println(d == digest.OfBytes([]byte("hello")), err)
	// Output: true <nil>
}

func ExampleOfReader() {
	r := strings.NewReader("hello")
	d, err := digest.OfReader(r)
	fmt.Println(d == digest.OfBytes([]byte("hello")), r.Len(), err)
	// Output: true 5 <nil>
}

func ExampleResolve() {
	keys := make([]digest.Digest, 3)
	for i := range keys {
		keys[i] = digest.OfBytes([]byte{byte(i)})
	}
	d, err := digest.Resolve(keys[1].Abbreviate(8), keys)
	fmt.Println(d == keys[1], err)
	_, err = digest.Resolve("0000", keys)
	fmt.Println(errors.Is(err, digest.ErrNotFound))
	// Output:
	// true <nil>
	// true
}
