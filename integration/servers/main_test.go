package servers_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/integration/servers"
)

// TestMain is the main function of the tests, and of the process that one of them starts: this binary with a role in its environment.
func TestMain(m *testing.M) {
	if os.Getenv("QUIVER_TEST_ROLE") == "start and wait" {
		if err := startAndWait(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// startAndWait starts a server, says where it is, and waits until it is killed or its input ends.
func startAndWait() error {
	s, err := servers.Start(context.Background(), servers.FakeGCS)
	if err != nil {
		return err
	}
	fmt.Println(s.Folder())
	fmt.Println(s.Address)
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	return s.Close()
}
