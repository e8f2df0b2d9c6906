//go:build soak

package gc_test

import (
	"flag"
	"runtime"
	"testing"
	"time"

	"github.com/quivercache/quiver/internal/historytest"
	"github.com/quivercache/quiver/op"
)

var soak = flag.Duration("soak", 10*time.Minute, "how long to try histories")

func TestHistoriesUntilTheTimeIsOver(t *testing.T) {
	first := historytest.Seed()
	t.Logf("histories from seed %d on, for %v", first, *soak)
	n, err := historytest.TryFor(*soak, op.SystemClock(), runtime.GOMAXPROCS(0), first, try)
	t.Logf("%d histories", n)
	if err != nil {
		t.Error(err)
	}
}
