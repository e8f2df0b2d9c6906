package callindex_test

import (
	"flag"
	"testing"

	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/internal/historytest"
)

var (
	histories = flag.Int("histories", 100, "how many histories to try")
	seed      = flag.Uint64("seed", 0, "the seed of the first history; 0: by chance")
)

// firstSeed is the seed of the first history: another each time, unless it is given.
func firstSeed() uint64 {
	if *seed != 0 {
		return *seed
	}
	return historytest.Seed()
}

func TestEveryQueryOfAHistoryFindsWhatAScanFinds(t *testing.T) {
	first := firstSeed()
	for i := range uint64(*histories) {
		if err := tryInMemory(first + i); err != nil {
			t.Fatal(err)
		}
	}
}

func tryInMemory(seed uint64) error {
	clock := &historytest.Clock{}
	return historytest.Try(mem.New(&mem.Options{Clock: clock}), clock, seed)
}
