package execution

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

func TestASpoolGivesBackWhatWasWrittenFromMemoryAndFromAFile(t *testing.T) {
	for _, size := range []int{0, 1, memorySpool, memorySpool + 1, 3 * memorySpool} {
		directory := t.TempDir()
		s := &spool{directory: directory}
		want := bytes.Repeat([]byte("spool"), size/5+1)[:size]
		for chunk := range bytes.SplitAfterSeq(want, []byte("lspoo")) {
			if _, err := s.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			r, err := s.reader()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) || s.size != int64(size) {
				t.Fatalf("%d bytes came back as %d, %v", size, len(got), err)
			}
		}
		if (s.file != nil) != (size > memorySpool) {
			t.Errorf("%d bytes in a file: %v", size, s.file != nil)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
			t.Fatalf("left behind: %v %v", left, err)
		}
	}
}

func TestPreviewsAreWhatAShellTakes(t *testing.T) {
	for want, words := range map[string][]string{
		`make all`:            {"make", "all"},
		`'' 'a b' 'it'\''s'`:  {"", "a b", "it's"},
		`$'a\x0ab' $'\xff\''`: {"a\nb", "\xff'"},
		`ünï '$HOME' 'a*'`:    {"ünï", "$HOME", "a*"},
		`a…`:                  {"abcdefghijklmnopqrstuvwxyz"},
	} {
		limit := 100
		if strings.HasSuffix(want, cut) {
			limit = len(want)
		}
		if got := preview(words, limit); got != want {
			t.Errorf("%q: %s, want %s", words, got, want)
		}
	}
}

func TestPreviewsAreBoundedLinesOfText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var words []string
		for _, word := range rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "words") {
			words = append(words, string(word))
		}
		limit := rapid.IntRange(len(cut), 60).Draw(t, "limit")
		got := preview(words, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00\x1b") {
			t.Fatalf("%q", got)
		}
	})
}

func TestWorkThatDoesNotEndIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		for _, c := range []struct {
			work func(ctx context.Context) (int, error)
			took time.Duration
		}{
			{func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }, 3 * time.Second},
			{func(context.Context) (int, error) { <-over; return 1, nil }, 3*time.Second + grace},
		} {
			began := time.Now()
			value, err := within(t.Context(), 3*time.Second, c.work)
			if value != 0 || !errors.Is(err, errSlow) || time.Since(began) != c.took {
				t.Fatalf("%d, %v after %s", value, err, time.Since(began))
			}
		}
		if value, err := within(t.Context(), time.Second, func(context.Context) (int, error) { return 1, nil }); value != 1 || err != nil {
			t.Fatal(value, err)
		}
	})
}

// slowly gives one chunk of bytes after each pause.
type slowly struct {
	pause time.Duration
	chunk int
}

func (s *slowly) Read(b []byte) (int, error) {
	<-time.After(s.pause)
	return min(s.chunk, len(b)), nil
}

func (*slowly) Close() error { return nil }

func TestTheWatchdogWaitsForProgressAndNotForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, dog, release := watchProgress(t.Context(), op.SystemClock(), lookUpTime)
		defer release()
		source := &slowly{2 * time.Second, progress}
		r := watchedReader{source, dog}
		buffer := make([]byte, progress)
		for range 10 {
			if _, err := r.Read(buffer); err != nil || ctx.Err() != nil {
				t.Fatal("it ended in spite of progress: ", err)
			}
			<-time.After(time.Hour) // the machine is busy with something else
		}
		if ctx.Err() != nil {
			t.Fatal("it ended for what was not its fault")
		}
		source.chunk = 10
		for range 2 {
			_, _ = r.Read(buffer)
		}
		if !errors.Is(context.Cause(ctx), errSlow) {
			t.Fatal("it goes on")
		}
	})
}

func TestOutsCoverWhatLiesUnderThemAlsoThroughLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := errors.Join(os.MkdirAll("real/out", 0o755), os.Symlink("real", "link"), os.Mkdir("here", 0o755)); err != nil {
		t.Fatal(err)
	}
	o, err := newOuts([]string{"link/out/", "link/out/", "new/file"}, "here")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.names) != 2 {
		t.Errorf("names %q", o.names)
	}
	for name, want := range map[string]bool{
		"real/out": true, "real/out/a/b": true, "link/out/x": true, "real/./out/../out": true, "new/file": true,
		"real": false, "real/output": false, "new": false, "new/file2": false, "/": false,
	} {
		if got := o.cover(resolve(name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNamesThatAreNoTextStayApart(t *testing.T) {
	a, b, c := argumentName("in", "\xff"), argumentName("in", "\xfe"), argumentName("in", "hex:ff")
	if a == b || a == c || !utf8.ValidString(a) {
		t.Fatal(a, b, c)
	}
}

func TestChangedNamesTheInput(t *testing.T) {
	call := func(pairs ...string) *callindex.Call {
		c := &callindex.Call{}
		for i := 0; i < len(pairs); i += 2 {
			c.Arguments = append(c.Arguments, callindex.Argument{Name: pairs[i], Digest: digest.OfBytes([]byte(pairs[i+1]))})
		}
		return c
	}
	for want, calls := range map[string][2]*callindex.Call{
		"":  {call("a", "1", "b", "2"), call("a", "1", "b", "2")},
		"b": {call("a", "1", "b", "2"), call("a", "1", "b", "3")},
		"c": {call("a", "1"), call("a", "1", "c", "1")},
		"d": {call("a", "1", "d", "1"), call("a", "1")},
	} {
		if got := changed(calls[0], calls[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
