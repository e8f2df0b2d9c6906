package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/quick"
)

// related runs the program, and returns what it prints and what it says that it did.
func related(t *testing.T, arguments ...string) (printed, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), arguments, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String()
}

// TestTheSecondRunComputesNothing, over this repository's own documentation; and when a page has changed, only its pairs are computed.
func TestTheSecondRunComputesNothing(t *testing.T) {
	docs, store := t.TempDir(), "file://"+filepath.ToSlash(t.TempDir())
	if err := os.CopyFS(docs, os.DirFS("../../docs")); err != nil {
		t.Fatal(err)
	}
	files, err := read([]string{docs})
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	pairs := len(files) * (len(files) - 1) / 2
	first, said := related(t, "-store", store, docs)
	if want := fmt.Sprintf("%d pairs: %d computed, 0 remembered", pairs, pairs); !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if !strings.Contains(first, "%  "+docs) {
		t.Errorf("printed %q", first)
	}
	again, said := related(t, "-store", store, docs)
	if want := fmt.Sprintf("%d pairs: 0 computed, %d remembered", pairs, pairs); !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if again != first {
		t.Errorf("printed %q, the first time %q", again, first)
	}
	if err := os.WriteFile(filepath.Join(docs, "terms.md"), []byte("# Terms\n\nNone any more.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, said = related(t, "-store", store, docs)
	if want := fmt.Sprintf("%d computed, %d remembered", len(files)-1, pairs-len(files)+1); !strings.Contains(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

func TestCommonCountsTheWordsInOrder(t *testing.T) {
	for _, c := range []struct {
		one, other string
		want       int
	}{{"", "", 0}, {"a b c", "", 0}, {"a b c", "a c", 2}, {"a b c", "c b a", 1}, {"x a y b z", "a b", 2}} {
		if got, err := common(t.Context(), texts{c.one, c.other}); err != nil || got != c.want {
			t.Errorf("common(%q, %q) = %d, %v, want %d", c.one, c.other, got, err, c.want)
		}
	}
	symmetric := func(one, other []bool) bool {
		a, b := fmt.Sprint(one), fmt.Sprint(other)
		x, err1 := common(t.Context(), texts{a, b})
		y, err2 := common(t.Context(), texts{b, a})
		return x == y && err1 == nil && err2 == nil
	}
	if err := quick.Check(symmetric, nil); err != nil {
		t.Error(err)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	store := t.TempDir()
	for _, arguments := range [][]string{{}, {"-store", store}, {"-store", "nonsense://", "."}, {"-store", store, "no such directory"}} {
		if err := run(t.Context(), arguments, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", arguments)
		}
	}
}
