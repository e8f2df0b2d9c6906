package servers_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

// kinds calls a test for each way in which servers run here: as processes always, in containers where an engine answers.
func kinds(t *testing.T, test func(t *testing.T, kind servers.Kind)) {
	if servers.EngineAnswers(t.Context()) {
		t.Run(string(servers.Container), func(t *testing.T) { test(t, servers.Container) })
	}
	t.Run(string(servers.Process), func(t *testing.T) {
		t.Setenv("DOCKER_HOST", "unix:///no/such/engine")
		t.Setenv("QUIVER_REQUIRE_CONTAINERS", "")
		test(t, servers.Process)
	})
}

func start(t *testing.T, which servers.Product) *servers.Server {
	t.Helper()
	s, err := servers.Start(t.Context(), which)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// filled returns a server with an object in a bucket.
func filled(t *testing.T, which servers.Product) (*servers.Server, string) {
	t.Helper()
	s := start(t, which)
	b, err := s.NewBucket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	must(t, s.Put(t.Context(), b.Name, "a/b", "content"))
	holds(t, s, b.Name)
	return s, b.Name
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, s *servers.Server, bucket string) {
	t.Helper()
	if content, err := s.Get(t.Context(), bucket, "a/b"); content != "content" || err != nil {
		t.Errorf("%s holds %q, %v", s, content, err)
	}
}

// refuses says whether nobody listens at an address.
func refuses(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err == nil {
		_ = connection.Close()
	}
	return err != nil
}

func TestAServerStartsAndLeavesNothingBehind(t *testing.T) {
	kinds(t, func(t *testing.T, kind servers.Kind) {
		for _, which := range servers.Products() {
			t.Run(which.String(), func(t *testing.T) {
				s, _ := filled(t, which)
				if s.Kind != kind || s.Name != which.String() {
					t.Errorf("%s is a %s, not a %s", s, s.Kind, kind)
				}
				must(t, s.Close())
				if remains := s.Remains(t.Context()); len(remains) > 0 || !refuses(s.Address) {
					t.Errorf("what is left of %s: %q; its port is closed: %v", s, remains, refuses(s.Address))
				}
			})
		}
	})
}

func TestARestartedServerHasWhatItPromises(t *testing.T) {
	kinds(t, func(t *testing.T, _ servers.Kind) {
		for which, c := range map[servers.Product]struct {
			end  func(*servers.Server, context.Context) error
			kept bool
		}{
			servers.MinIO:     {(*servers.Server).Kill, true},
			servers.Versitygw: {(*servers.Server).Kill, true},
			servers.Azurite:   {(*servers.Server).Shutdown, true},
			servers.FakeGCS:   {(*servers.Server).Shutdown, false},
		} {
			t.Run(which.String(), func(t *testing.T) {
				s, bucket := filled(t, which)
				must(t, c.end(s, t.Context()))
				if !refuses(s.Address) {
					t.Errorf("%s still listens", s)
				}
				must(t, s.Restart(t.Context()))
				if c.kept {
					holds(t, s, bucket)
				} else if content, err := s.Get(t.Context(), bucket, "a/b"); err == nil {
					t.Errorf("%s holds %q: its documentation says that it forgets", s, content)
				}
			})
		}
	})
}

func TestAStoppedServerAnswersNothingUntilItContinues(t *testing.T) {
	kinds(t, func(t *testing.T, _ servers.Kind) {
		s, bucket := filled(t, servers.MinIO)
		must(t, s.Stop(t.Context()))
		if refuses(s.Address) {
			t.Error("a stopped server refuses connections: it was to hang")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := s.Get(ctx, bucket, "a/b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a stopped server answers %v", err)
		}
		must(t, s.Continue(t.Context()))
		holds(t, s, bucket)
	})
}

func TestAStoppedServerCanBeKilled(t *testing.T) {
	kinds(t, func(t *testing.T, _ servers.Kind) {
		s, bucket := filled(t, servers.MinIO)
		must(t, s.Stop(t.Context()))
		must(t, s.Kill(t.Context()))
		must(t, s.Restart(t.Context()))
		holds(t, s, bucket)
		must(t, s.Stop(t.Context()))
		must(t, s.Close())
		if remains := s.Remains(t.Context()); len(remains) > 0 {
			t.Errorf("what is left of %s: %q", s, remains)
		}
	})
}

func TestServersOfOneProductAreApart(t *testing.T) {
	kinds(t, func(t *testing.T, _ servers.Kind) {
		var wg sync.WaitGroup
		var started [3]*servers.Server
		for i := range started {
			wg.Go(func() {
				s, err := servers.Start(t.Context(), servers.Versitygw)
				if err != nil {
					t.Error(err)
					return
				}
				started[i] = s
			})
		}
		wg.Wait()
		addresses := map[string]bool{}
		for _, s := range started {
			if s != nil {
				addresses[s.Address] = true
				must(t, s.Close())
			}
		}
		if len(addresses) != len(started) {
			t.Errorf("%d servers are at %v", len(started), addresses)
		}
	})
}

func TestAPoolKeepsItsServers(t *testing.T) {
	var pool servers.Pool
	first, err := pool.Server(t.Context(), servers.FakeGCS)
	must(t, err)
	again, err := pool.Server(t.Context(), servers.FakeGCS)
	must(t, err)
	if first != again {
		t.Errorf("%s, then %s", first, again)
	}
	must(t, pool.Close())
	if remains := first.Remains(t.Context()); len(remains) > 0 {
		t.Errorf("what is left of %s: %q", first, remains)
	}
}

func TestWhatAKilledTestLeavesIsRemoved(t *testing.T) {
	kinds(t, func(t *testing.T, kind servers.Kind) {
		// A test process that is killed has no time to clean up.
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "QUIVER_TEST_ROLE=start and wait")
		input, err1 := child.StdinPipe()
		output, err2 := child.StdoutPipe()
		must(t, errors.Join(err1, err2, child.Start()))
		lines := bufio.NewReader(output)
		folder, err1 := lines.ReadString('\n')
		address, err2 := lines.ReadString('\n')
		folder, address = strings.TrimSpace(folder), strings.TrimSpace(address)
		if err := errors.Join(err1, err2); err != nil || refuses(address) {
			t.Errorf("the server at %q of %q was not started: %v", address, folder, err)
		}

		// While it lives, its servers are left alone.
		s := start(t, servers.FakeGCS)
		if _, err := os.Stat(folder); err != nil || refuses(address) {
			t.Errorf("the server of another test was removed: %v", err)
		}

		must(t, errors.Join(child.Process.Kill(), input.Close()))
		_, _ = io.Copy(io.Discard, lines)
		_ = child.Wait()
		for kind == servers.Process && !refuses(address) { // until the kernel has killed it, or the test's time is over
			must(t, op.SystemClock().Sleep(t.Context(), 10*time.Millisecond))
		}
		start(t, servers.FakeGCS)
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) || !refuses(address) {
			t.Errorf("the server at %s and %s are left: %v", address, folder, err)
		}
		if refuses(s.Address) {
			t.Errorf("%s, whose test lives, was removed", s)
		}
	})
}

func TestAProgramThatIsNotInstalledIsExplained(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("QUIVER_SERVERS", dir)
	explained := func(which servers.Product, about string) {
		t.Helper()
		s, err := servers.Start(t.Context(), which)
		if s != nil || err == nil || !strings.Contains(err.Error(), "bash .ci/servers.sh "+dir) || !strings.Contains(err.Error(), about) {
			t.Errorf("%v, %v", s, err)
		}
	}
	for _, which := range servers.Products() {
		explained(which, which.String())
	}
	must(t, os.Mkdir(filepath.Join(dir, "bin"), 0o777))
	self, err := os.Executable()
	must(t, err)
	must(t, os.Symlink(self, filepath.Join(dir, "bin", "minio")))
	explained(servers.MinIO, "minio@v")
	azurite := filepath.Join(dir, "azurite", "node_modules", "azurite")
	must(t, os.MkdirAll(azurite, 0o777))
	must(t, os.WriteFile(filepath.Join(azurite, "package.json"), []byte(`{"version": "1.0.0"}`), 0o666))
	explained(servers.Azurite, "version 1.0.0")
}

func TestContainersThatAreRequiredAndCannotBeHadAreAnError(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///no/such/engine")
	t.Setenv("QUIVER_REQUIRE_CONTAINERS", "1")
	s, err := servers.Start(t.Context(), servers.MinIO)
	if s != nil || err == nil || !strings.Contains(err.Error(), "QUIVER_REQUIRE_CONTAINERS") || !strings.Contains(err.Error(), ".ci/engine.sh start") {
		t.Errorf("%v, %v", s, err)
	}
}

func TestMinIORunsInAContainerWhereAnEngineAnswers(t *testing.T) {
	s := start(t, servers.MinIO)
	if want := servers.EngineAnswers(t.Context()); (s.Kind == servers.Container) != want {
		t.Errorf("%s is a %s; an engine answers: %v", s, s.Kind, want)
	}
}
