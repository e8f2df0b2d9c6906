package integration_test

import (
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/internal/historytest"
)

// TestTheWorstCrashOfEachOperationLeavesNoDifference stops a client of the call index at the request where it hurts most. That every other request is as safe is tried in memory.
func TestTheWorstCrashOfEachOperationLeavesNoDifference(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			t.Parallel()
			s := shared(t, which)
			historytest.WorstCrashes(t, func(t *testing.T, clock *historytest.Clock) bucket.Bucket {
				return historytest.Timed(open(t, fresh(t, s, "")+extras[which].parameter), clock)
			})
		})
	}
}
