//go:build soak

package lineartest_test

import (
	"flag"
	"time"
)

var soak = flag.Duration("soak", time.Minute, "how long to have histories of each subject on each store")

// another says whether there is to be another history after so many, the first of which was had at some time.
func another(_ int, begun uint64) bool {
	return clock.Now().Sub(time.Unix(0, int64(begun))) < *soak //nolint:gosec // it is a time
}
