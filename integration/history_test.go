package integration_test

import (
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/internal/historytest"
)

// TestHistoriesOnMinIO has random histories of the call index on a real server, several at once since they wait for it most of the time.
func TestHistoriesOnMinIO(t *testing.T) {
	const histories, atOnce = 100, 8
	server := shared(t, servers.MinIO)
	first := historytest.Seed()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range uint64(histories) {
		b := open(t, fresh(t, server, ""))
		group.Go(func() error {
			clock := &historytest.Clock{}
			return historytest.Try(historytest.Timed(b, clock), clock, first+i)
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
