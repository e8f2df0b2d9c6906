package integration_test

import (
	"flag"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/internal/lineartest"
	"github.com/quivercache/quiver/op"
)

var linearHistories = flag.Int("linear", 4, "how many histories of each subject to have on each server")

// linear has histories on servers, several at once since they wait most of the time, and looks for an order that explains each.
func linear(t *testing.T, o lineartest.Options, have func(bucket.Bucket, lineartest.Options) *lineartest.History) {
	const atOnce = 8
	for _, which := range []servers.Product{servers.MinIO, servers.FakeGCS, servers.Azurite} {
		server := shared(t, which)
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			first := uint64(op.SystemClock().Now().UnixNano())
			t.Logf("%d histories from seed %d on", *linearHistories, first)
			var group errgroup.Group
			group.SetLimit(atOnce)
			for n := range uint64(*linearHistories) {
				b := open(t, fresh(t, server, "")+extras[which].parameter)
				o := o
				o.Seed = first + n
				group.Go(func() error { return have(b, o).Check(t.ArtifactDir) })
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRecordsAreLinearizable(t *testing.T) {
	linear(t, lineartest.Options{Delay: 5 * time.Millisecond}, lineartest.Records)
}

func TestValuesAreLinearizable(t *testing.T) {
	linear(t, lineartest.Options{Delay: 5 * time.Millisecond}, lineartest.Values)
}

func TestLeasesExclude(t *testing.T) {
	linear(t, lineartest.Options{Delay: 20 * time.Millisecond, Operations: 4}, lineartest.Leases)
}
