package op

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
)

func TestNothingIsKeptForKeysThatAreNotInUse(t *testing.T) {
	shared := PerKey().(*perKey)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for n := range 1000 {
				intent := Read
				if (n+i)%3 == 0 {
					intent = Write
				}
				if err := shared.Do(t.Context(), strconv.Itoa(n), intent, func(context.Context) error { return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := shared.Do(t.Context(), "held", Write, func(context.Context) error {
		return shared.Do(ended, "held", Write, func(context.Context) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(shared.locks) != 0 {
		t.Errorf("%d locks are kept", len(shared.locks))
	}
}
