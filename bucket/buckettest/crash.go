package buckettest

import (
	"fmt"
	"testing"
)

// EachCrash runs a program once for each point at which its client can crash: before its first request, when that landed but was not
// answered, before the second, and so on, until the program gets by with fewer requests than that. Each run is a subtest, named as "after request 3".
//
// The program starts from a new state, wraps the client's bucket with crash.Inject, does what it does (from the crash on everything fails with
// ErrCrashed), and then looks, through another bucket, whether the state is one that may be. The last run does not crash: crash.Crashed tells.
// EachCrash returns how many requests that one made.
func EachCrash(t *testing.T, program func(t *testing.T, crash *Faults)) int {
	t.Helper()
	for n := 1; ; n++ {
		before := NewFaults(Fault{Nth: n, Do: CrashBefore()})
		t.Run(fmt.Sprintf("before request %d", n), func(t *testing.T) { program(t, before) })
		if !before.Crashed() {
			return n - 1
		}
		after := NewFaults(Fault{Nth: n, Do: CrashAfter()})
		t.Run(fmt.Sprintf("after request %d", n), func(t *testing.T) {
			program(t, after)
			after.Done(t)
		})
	}
}
