package contracttest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// A SaveError wraps its cause and carries the key.
func testSaveError(t *testing.T, s *subject) {
	_, err := s.Values.Save(t.Context(), make(chan int), nil)
	var failed *quiver.SaveError
	var cause *quiver.IndigestibleError
	if !errors.As(err, &failed) || !errors.As(err, &cause) {
		t.Errorf("a channel as a value: %v", err)
	}
	_, err = s.Calls.Save(t.Context(), &callindex.Record{}, nil)
	if !errors.As(err, &failed) {
		t.Errorf("a call without a name: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	r := &callindex.Record{Call: callindex.Call{Name: "f"}}
	_, err = s.Calls.Save(canceled, r, nil)
	if !errors.As(err, &failed) || failed.Key != mustKey(t, &r.Call) || !errors.Is(err, context.Canceled) {
		t.Errorf("a save that was canceled: %v", err)
	}
}

// The key defaults to digest(value); an explicit key that holds other content is a SaveError.
func testValueSave(t *testing.T, s *subject) {
	type model struct {
		Name    string
		Weights []float64
	}
	v := model{"m", []float64{1, 2.5}}
	d := mustPut(t, s, v)
	if d != mustDigest(t, v) || mustPut(t, s, v) != d {
		t.Errorf("saved under %v", d)
	}
	key := digest.OfBytes([]byte("a key of one's own"))
	options := &blobstore.SaveOptions{Key: key}
	for range 2 {
		if got, err := s.Values.Save(t.Context(), v, options); err != nil || got != key {
			t.Errorf("under an explicit key: %v, %v", got, err)
		}
	}
	var failed *quiver.SaveError
	if _, err := s.Values.Save(t.Context(), model{"other", nil}, options); !errors.As(err, &failed) || failed.Key != key {
		t.Errorf("other content under the key: %v", err)
	}
	streamed, err := s.Values.SaveReader(t.Context(), strings.NewReader("bytes"), nil)
	if err != nil || streamed != mustPut(t, s, []byte("bytes")) {
		t.Errorf("a stream is saved under %v, %v", streamed, err)
	}
}

func testValueLoad(t *testing.T, s *subject) {
	d := mustPut(t, s, map[string]int{"a": 1})
	var got map[string]int
	if err := s.Values.Load(t.Context(), d, &got); err != nil || got["a"] != 1 || len(got) != 1 {
		t.Errorf("Load = %v, %v", got, err)
	}
	if err := s.Values.Load(t.Context(), mustDigest(t, "unknown"), &got); !errors.Is(err, quiver.ErrNotFound) {
		t.Errorf("Load of an unknown key = %v", err)
	}
}

// The primitives on full keys.
func testBackend(t *testing.T, s *subject) {
	key := digest.OfBytes([]byte("chosen"))
	if _, err := s.Values.Save(t.Context(), []string{"a", "b"}, &blobstore.SaveOptions{Key: key}); err != nil {
		t.Fatal(err)
	}
	got, err := blobstore.LoadAs[[]string](t.Context(), s.Values, key)
	if err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("get = %v, %v", got, err)
	}
	if there, err := s.Values.Contains(t.Context(), key); !there || err != nil {
		t.Errorf("_contains = %v, %v", there, err)
	}
}
