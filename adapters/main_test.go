package adapters_test

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// is demands a failure of exactly this kind; nil demands none.
func is(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(bucket.Kind(err), kind) || (err == nil) != (kind == nil) {
		t.Errorf("the error is %v, not of the kind %v", err, kind)
	}
}

// pause lets time pass in a synctest bubble.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	if err := op.SystemClock().Sleep(t.Context(), d); err != nil {
		t.Error(err)
	}
}

func create(t *testing.T, b bucket.Bucket, key, content string) {
	t.Helper()
	if err := b.Put(t.Context(), key, bucket.Bytes([]byte(content)), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
}

// longest draws the longest waits of a Backoff that is bounded by a minute.
type longest struct{}

func (longest) Read(p []byte) (int, error) {
	binary.LittleEndian.PutUint64(p, uint64(time.Minute-1))
	return len(p), nil
}
