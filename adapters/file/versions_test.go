package file_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
)

func TestTheSameBytesAgainAreAnotherVersion(t *testing.T) {
	for name, options := range map[string]*file.Options{"the machine's clock": nil, "a clock that stands still": {Clock: standstill{}}} {
		t.Run(name, func(t *testing.T) {
			b := open(t, t.TempDir(), options)
			create(t, b, "k", "A")
			first := version(t, b, "k")
			last := first
			for _, content := range []string{"B", "A", "A"} {
				if err := b.Put(t.Context(), "k", bucket.Bytes([]byte(content)), bucket.IfMatch(last)); err != nil {
					t.Fatal(err)
				}
				now := version(t, b, "k")
				if now == first || now == last {
					t.Errorf("the version %s has come again", now)
				}
				last = now
			}
			explained(t, b.Put(t.Context(), "k", bucket.Bytes([]byte("C")), bucket.IfMatch(first)), bucket.ErrChanged, "")
			explained(t, b.DeleteIf(t.Context(), "k", first), bucket.ErrChanged, "")
		})
	}
}

type standstill struct{}

func (standstill) Now() time.Time { return time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC) }

func (standstill) Sleep(context.Context, time.Duration) error { return errors.New("nobody waits here") }

func TestTimesAreTheClocksAndAscend(t *testing.T) {
	b := open(t, t.TempDir(), &file.Options{Clock: standstill{}})
	last := standstill{}.Now().Truncate(100).Add(-100)
	for _, key := range []string{"a", "b", "c"} {
		create(t, b, key, "v")
		object, err := b.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		object.Body.Close()
		if !object.ModTime.Equal(last.Add(100)) || !object.Date.Equal(standstill{}.Now()) {
			t.Errorf("%s is of %v, at %v", key, object.ModTime, object.Date)
		}
		last = object.ModTime
	}
}

// A process that comes later, with an empty memory and a clock that lags, must not give a version again.
func TestAClockThatLagsGivesNoVersionAgain(t *testing.T) {
	dir := t.TempDir()
	seen := map[bucket.Version]bool{}
	for range 50 {
		b := open(t, dir, &file.Options{Clock: standstill{}, NoSync: true})
		create(t, b, "k", "v")
		made := version(t, b, "k")
		if seen[made] {
			t.Fatalf("the version %s has come twice", made)
		}
		seen[made] = true
		if err := errors.Join(b.Delete(t.Context(), "k"), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedNoteInALockFileStopsNobody(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "k", "v")
	path := filepath.Join(dir, filepath.FromSlash(file.LockName("k")))
	for _, note := range []string{"", "garbage", string(make([]byte, 42)), "00000000000000000001 00000000000000000002\n"} {
		if err := os.WriteFile(path, []byte(note), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := b.Put(t.Context(), "k", bucket.Bytes([]byte("w")), bucket.IfMatch(version(t, b, "k"))); err != nil {
			t.Errorf("with the note %q: %v", note, err)
		}
		text, err := os.ReadFile(path)
		if _, ok := file.ParseNote(text); !ok || err != nil {
			t.Errorf("the note %q became %q, %v", note, text, err)
		}
	}
}

func FuzzParseNote(f *testing.F) {
	for _, note := range []string{"", "x", "1 1\n", "1 2\n", string(file.FormatNote(17_000_000_000_000_000)), "99999999999999999999 99999999999999999999\n"} {
		f.Add([]byte(note))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		note, ok := file.ParseNote(text)
		if !ok {
			return
		}
		if again, ok := file.ParseNote(file.FormatNote(note)); !ok || again != note {
			t.Errorf("%q is %d, and then %d", text, note, again)
		}
		// What is half written is never taken for whole: no mix of two notes is one, unless it is one of the two.
		other := file.FormatNote(note/10 + 12_345)
		for cut := range other {
			mix := append(bytes.Clone(other[:cut]), file.FormatNote(note)[min(cut, len(file.FormatNote(note))):]...)
			if got, ok := file.ParseNote(mix); ok && got != note && got != note/10+12_345 {
				t.Errorf("a mix of two notes is taken for %d", got)
			}
		}
	})
}
