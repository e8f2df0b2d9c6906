//go:build soak

package integration_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/internal/historytest"
	"github.com/quivercache/quiver/op"
)

var soak = flag.Duration("soak", 3*time.Minute, "how long to try histories")

// TestHistoriesUntilTheTimeIsOver has histories on MinIO, each under a prefix of its own, which is emptied after it: in hours the server's disk would fill.
func TestHistoriesUntilTheTimeIsOver(t *testing.T) {
	const atOnce = 8
	b := open(t, fresh(t, shared(t, servers.MinIO), ""))
	first := historytest.Seed()
	t.Logf("histories on MinIO from seed %d on, for %v", first, *soak)
	n, err := historytest.TryFor(*soak, op.SystemClock(), atOnce, first, func(seed uint64) error {
		under, err := bucket.Under(b, fmt.Sprintf("%d/", seed))
		if err != nil {
			return err
		}
		clock := &historytest.Clock{}
		if err := historytest.Try(historytest.Timed(under, clock), clock, seed); err != nil {
			return err
		}
		return empty(context.Background(), under)
	})
	t.Logf("%d histories", n)
	if err != nil {
		t.Error(err)
	}
}

// empty removes all objects of a bucket.
func empty(ctx context.Context, b bucket.Bucket) error {
	var names []string
	for info, err := range bucket.All(ctx, b, bucket.ListOptions{}) {
		if err != nil {
			return err
		}
		names = append(names, info.Key)
	}
	return bucket.RemoveAll(ctx, b, names, 8)
}
