package digest_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/quivercache/quiver/digest"
)

type node struct{ Next *node }

type endlessList []any

type unexported struct {
	A  int
	mu sync.Mutex
}

func (u *unexported) lock() { u.mu.Lock() }

type config struct {
	Name     string
	Callback []func()
}

func TestWhatHasNoContentIsRefusedWithItsPath(t *testing.T) {
	locked := &unexported{A: 1}
	locked.lock()
	ring := &node{}
	ring.Next = &node{ring}
	list := make(endlessList, 2)
	list[1] = list
	table := map[string]any{}
	table["self"] = []any{table}
	var box any
	box = &box
	deep := any(1)
	for range digest.MaxDepth + 1 {
		deep = []any{deep}
	}
	for _, c := range []struct {
		value      any
		path, what string
	}{
		{func() {}, "", "func()"},
		{(func())(nil), "", "func()"},
		{struct{ Config config }{config{"a", []func(){nil, nil, func() {}}}}, ".Config.Callback[0]", "func()"},
		{make(chan int), "", "chan int"},
		{(chan int)(nil), "", "chan int"},
		{[]any{1, uintptr(1)}, "[1]", "uintptr"},
		{unsafe.Pointer(nil), "", "unsafe.Pointer"},
		{map[string]any{"a": []any{func() {}}}, `["a"][0]`, "func()"},
		{map[any]int{make(chan int): 1}, "[key chan int]", "chan int"},
		{map[int]any{-7: make(chan int)}, "[-7]", "chan int"},
		{locked, ".mu", "sync.Mutex"},
		{[]any{&unexported{A: 1}}, "[0].mu", "sync.Mutex"},
		{errors.New("x"), ".s", "string"},
		{ring, ".Next.Next", "*digest_test.node"},
		{list, "[1]", "digest_test.endlessList"},
		{table, `["self"][0]`, "map[string]interface {}"},
		{box, "", "*interface {}"},
		{deep, strings.Repeat("[0]", digest.MaxDepth), "[]interface {}"},
		{endless{}, strings.Repeat(".DigestValue()", digest.MaxDepth), "digest_test.endless"},
		{map[float64]int{math.NaN(): 1, -math.NaN(): 2}, "", "map[float64]int"},
		{map[any]int{1: 1, int8(1): 2}, "", "map[interface {}]int"},
		{map[*int]int{ptr(1): 1, ptr(1): 2}, "", "map[*int]int"},
		{borrowed{digester{"a"}, 1}, "", "digest_test.borrowed"},
		{struct{ R any }{&bytes.Buffer{}}, ".R", "bytes.Buffer"},
		{io.LimitReader(nil, 0), "", "io.LimitedReader"},
		{errSeeker{}, "", "digest_test.errSeeker"},
		{misfit{}, "", "digest_test.misfit"},
		{[]any{&misfit{}}, "[0]", "digest_test.misfit"},
	} {
		_, err := digest.Of(c.value)
		bad, ok := errors.AsType[*digest.IndigestibleError](err)
		if !ok || bad.Path != c.path || bad.Type != c.what || bad.Reason == "" {
			t.Errorf("%T: %v; want %s at %q", c.value, err, c.what, c.path)
			continue
		}
		if len(err.Error()) > 600 {
			t.Errorf("%T: a message of %d bytes", c.value, len(err.Error()))
		}
	}
	_, err := digest.Of(struct{ Config config }{config{"a", []func(){nil}}})
	if want := "digest: .Config.Callback[0]: func() cannot be digested: a func has no content"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Error(err)
	}
}

func TestDepthIsBoundedButRoomy(t *testing.T) {
	deep := any(1)
	for range digest.MaxDepth {
		deep = []any{deep}
	}
	of(t, deep)
}

func TestAnErrorLeavesNothingBehind(t *testing.T) {
	want := of(t, []any{1, "a", shared{1, 2}})
	for range 100 {
		if _, err := digest.Of([]any{1, map[string]any{"a": []any{"b", func() {}}}}); err == nil {
			t.Fatal("a function has no digest")
		}
		if of(t, []any{1, "a", shared{1, 2}}) != want {
			t.Fatal("a digest changed after an error")
		}
	}
}

// An errSeeker fails when it is read.
type errSeeker struct{}

var errBroken = errors.New("broken")

func (errSeeker) Read([]byte) (int, error)       { return 0, errBroken }
func (errSeeker) Seek(int64, int) (int64, error) { return 5, nil }

// A changing reader has fewer or more bytes than it says.
type changing struct {
	*strings.Reader
	says int64
}

func (c changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return c.says, nil
	}
	return c.Reader.Seek(offset, whence)
}

type noRewind struct{ *strings.Reader }

func (n noRewind) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart && n.Len() == 0 {
		return 0, errBroken
	}
	return n.Reader.Seek(offset, whence)
}

type noSeek struct {
	*strings.Reader
	whence int
}

func (n noSeek) Seek(offset int64, whence int) (int64, error) {
	if whence == n.whence {
		return 0, errBroken
	}
	return n.Reader.Seek(offset, whence)
}

func TestReadersThatFailAreErrors(t *testing.T) {
	for _, says := range []int64{2, 4} {
		if _, err := digest.OfReader(changing{strings.NewReader("abc"), says}); !errors.Is(err, digest.ErrSize) {
			t.Error("content of another size:", err)
		}
	}
	if d, err := digest.OfReader(changing{strings.NewReader("abc"), 3}); err != nil || d != digest.OfBytes([]byte("abc")) {
		t.Error(err)
	}
	if _, err := digest.OfReader(noRewind{strings.NewReader("abc")}); !errors.Is(err, errBroken) {
		t.Error("not rewound:", err)
	}
	for _, whence := range []int{io.SeekStart, io.SeekCurrent, io.SeekEnd} {
		if _, err := digest.OfReader(noSeek{strings.NewReader("abc"), whence}); !errors.Is(err, errBroken) {
			t.Error("cannot seek:", whence, err)
		}
	}
	r := strings.NewReader("abc")
	if _, err := r.Seek(10, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if d, err := digest.OfReader(r); err != nil || d != digest.OfBytes([]byte{}) {
		t.Error("nothing is left to read behind the end:", err)
	}
	w := digest.NewBytes(3)
	if n, err := w.Write([]byte("abcd")); n != 0 || !errors.Is(err, digest.ErrSize) {
		t.Error(n, err)
	}
	if _, err := w.Sum(); !errors.Is(err, digest.ErrSize) {
		t.Error("nothing was written:", err)
	}
	if _, err := digest.NewBytes(-1).Sum(); !errors.Is(err, digest.ErrSize) {
		t.Error("no content has a negative size:", err)
	}
}

func TestAStructThatEmbedsAReaderIsNotItsContentOnly(t *testing.T) {
	a, b := seeker{strings.NewReader("abc"), 1}, seeker{strings.NewReader("abc"), 2}
	if of(t, a) == of(t, b) {
		t.Error("the other field counts")
	}
	if of(t, a) != of(t, struct {
		ReadSeeker []byte
		Offset     int
	}{[]byte("abc"), 1}) {
		t.Error("by its fields")
	}
}
