package historytest_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/internal/historytest"
)

var histories = flag.Int("histories", 100, "how many histories to try")

func TestHistoriesInADirectory(t *testing.T) {
	first := historytest.Seed()
	for i := range *histories {
		b, err := file.New(t.TempDir(), &file.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		clock := &historytest.Clock{}
		err = historytest.Try(historytest.Timed(b, clock), clock, first+uint64(i))
		if err != nil {
			t.Fatal(fmt.Errorf("in a directory: %w", err))
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
