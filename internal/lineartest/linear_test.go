package lineartest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/internal/lineartest"
	"github.com/quivercache/quiver/op"
)

var clock = op.SystemClock()

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stores are those that histories are had on.
var stores = map[string]func(t *testing.T) bucket.Bucket{
	"mem":   func(*testing.T) bucket.Bucket { return mem.New(nil) },
	"plain": func(*testing.T) bucket.Bucket { return plain{mem.New(nil)} },
	"file": func(t *testing.T) bucket.Bucket {
		b, err := file.New(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
}

// plain is a bucket without extras: it cannot delete conditionally, and tells no version of what it writes.
type plain struct{ bucket.Bucket }

// subject is what histories are about.
type subject func(b bucket.Bucket, o lineartest.Options) *lineartest.History

// inBubble has a history with a clock that runs as fast as it can.
func (have subject) inBubble(t *testing.T, open func(t *testing.T) bucket.Bucket, seed uint64) (h *lineartest.History) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { h = have(open(t), lineartest.Options{Seed: seed}) })
	return h
}

// inTime has a history by the machine's clock, for what keeps goroutines that no bubble could share.
func (have subject) inTime(t *testing.T, open func(t *testing.T) bucket.Bucket, seed uint64) *lineartest.History {
	t.Helper()
	return have(open(t), lineartest.Options{Seed: seed, Delay: time.Millisecond})
}

// try has histories on every store and looks for an order that explains each.
func try(t *testing.T, have func(t *testing.T, open func(t *testing.T) bucket.Bucket, seed uint64) *lineartest.History) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			first := uint64(clock.Now().UnixNano())
			n, steps := 0, 0
			for ; another(n, first); n++ {
				h := have(t, open, first+uint64(n))
				if err := h.Check(t.ArtifactDir); err != nil {
					t.Fatal(err)
				}
				steps += h.Len()
			}
			t.Logf("%d histories from seed %d on, of %d steps", n, first, steps)
		})
	}
}

func TestRecordsAreLinearizable(t *testing.T) { try(t, subject(lineartest.Records).inBubble) }

func TestValuesAreLinearizable(t *testing.T) { try(t, subject(lineartest.Values).inTime) }

func TestLeasesExclude(t *testing.T) { try(t, subject(lineartest.Leases).inBubble) }
