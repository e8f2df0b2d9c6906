package execution_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/digest"
)

func TestPrintStdoutWritesWhatARunPrinted(t *testing.T) {
	for _, size := range []string{"0", "8", "8192", "5242880"} {
		w := newWorld(t)
		first := w.run(execution.Options{}, "child-flood", size)
		store, err := w.engine.Store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var stdout bytes.Buffer
		if err := execution.PrintStdout(t.Context(), store, onlyRecord(t, store), &stdout); err != nil || stdout.String() != first.stdout {
			t.Errorf("%s bytes came back as %d, %v", size, stdout.Len(), err)
		}
	}
}

func TestPrintStdoutWritesNothingOfWhatIsDamagedOrLost(t *testing.T) {
	for name, harm := range map[string]func(w *world, name string, version bucket.Version, content []byte) error{
		"damaged": func(w *world, name string, version bucket.Version, content []byte) error {
			content[len(content)*2/3] ^= 0x40
			return w.bucket.Put(w.Context(), name, bucket.Bytes(content), bucket.IfMatch(version))
		},
		"lost": func(w *world, name string, _ bucket.Version, _ []byte) error {
			return w.bucket.Delete(w.Context(), name)
		},
	} {
		w := newWorld(t)
		w.run(execution.Options{}, "child-flood", "5242880")
		each(w, "values/", func(object string, version bucket.Version, content []byte) {
			if err := harm(w, object, version, content); err != nil {
				t.Fatal(err)
			}
		})
		store, err := w.engine.Store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var stdout bytes.Buffer
		if err := execution.PrintStdout(t.Context(), store, onlyRecord(t, store), &stdout); !errors.Is(err, digest.ErrNotFound) || stdout.Len() != 0 {
			t.Errorf("%s: %d bytes, %v", name, stdout.Len(), err)
		}
	}
}

func TestPrintStdoutRefusesRecordsWithoutStandardOutput(t *testing.T) {
	w := newWorld(t)
	w.run(execution.Options{NoStdout: true}, "child-print", "out", "", "0")
	store, err := w.engine.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	err = execution.PrintStdout(t.Context(), store, onlyRecord(t, store), &stdout)
	if err == nil || errors.Is(err, execution.ErrNotExec) || !strings.Contains(err.Error(), "--no-stdout") {
		t.Error(err)
	}
	function := &callindex.Record{Call: callindex.Call{Name: "train", Module: "models"}}
	if err := execution.PrintStdout(t.Context(), store, function, &stdout); !errors.Is(err, execution.ErrNotExec) {
		t.Error(err)
	}
	if stdout.Len() > 0 {
		t.Errorf("printed %q", stdout.String())
	}
}
