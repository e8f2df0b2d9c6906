package execution_test

import "time"

// afterLinger fires when a process left behind is waited for no more.
func afterLinger() <-chan time.Time { return time.After(1500 * time.Millisecond) }
