package chaos_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is a worker where its environment says so, else the tests.
func TestMain(m *testing.M) {
	if text, isWorker := os.LookupEnv(ordersVariable); isWorker {
		os.Exit(work(text))
	}
	goleak.VerifyTestMain(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
