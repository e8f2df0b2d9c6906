//go:build unix

package cache_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/callindex/internal/cache"
)

// TestMain is the main function of the tests, and of the other processes that they start: this binary with a role in its environment.
func TestMain(m *testing.M) {
	role := os.Getenv("QUIVER_TEST_ROLE")
	if role == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := roles[role](os.Getenv("QUIVER_TEST_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// roles are what another process can do.
var roles = map[string]func(dir string) error{
	"fill":     fill,
	"read":     readAll,
	"readonly": readOnly,
	"full":     full,
}

// command is another process in a role.
func command(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "QUIVER_TEST_ROLE="+role, "QUIVER_TEST_DIR="+dir)
	process.Stderr = os.Stderr
	return process
}

const (
	fillLimit  = 1 << 20
	fillLength = 50_000
)

// fill reads ranges through a cache that is far too small for them, until it is killed.
func fill(dir string) error {
	for n := int64(0); ; n++ {
		c, err := cache.New(cache.Options{Dir: dir, Memory: -1, Disk: fillLimit})
		if err != nil {
			return err
		}
		if _, err := read(context.Background(), c, "o", n%40, fillLength); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestAProcessThatIsKilledLeavesNoPartOfARange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 6 {
		process := command(t, "fill", dir)
		_, err1 := process.StdinPipe() // open until the process is waited for
		output, err2 := process.StdoutPipe()
		if err := errors.Join(err1, err2, process.Start()); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(output)
		for range 1 + 5*round { // it dies in the middle of something, after a different amount of work each time
			if line, err := lines.ReadString('\n'); err != nil {
				t.Fatalf("%q, %v", line, err)
			}
		}
		if err := process.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = process.Wait() // it was killed
		for n := range int64(40) {
			path, want := specified("o", n, fillLength)
			if file, err := os.ReadFile(filepath.Join(dir, path)); !errors.Is(err, fs.ErrNotExist) && (err != nil || !bytes.Equal(file, want)) {
				t.Errorf("%s has %d bytes: %v", path, len(file), err)
			}
		}
	}
}

// readAll reads ranges again and again, and demands that no file was damaged.
func readAll(dir string) error {
	for round := range 3 {
		c, err := cache.New(cache.Options{Dir: dir, Memory: -1, Disk: fillLimit})
		if err != nil {
			return err
		}
		for n := range int64(40) {
			if _, err := read(context.Background(), c, "o", (n+int64(os.Getpid()))%40, fillLength); err != nil {
				return err
			}
		}
		if got := c.Stats(); got.Damaged > 0 {
			return fmt.Errorf("in round %d, %+v", round, got)
		}
	}
	return nil
}

func TestManyProcessesReadAndSweepOneDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	processes := make([]*exec.Cmd, 4)
	for i := range processes {
		processes[i] = command(t, "read", dir)
		if err := processes[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for _, process := range processes {
		if err := process.Wait(); err != nil {
			t.Error(err)
		}
	}
	mustRead(t, open(t, cache.Options{Dir: dir, Disk: fillLimit}), "another", 0, 100, true)
	if got := usage(t, dir); got > fillLimit || got < fillLimit/2 {
		t.Errorf("%d bytes are in use", got)
	}
}

// run runs another process to its end.
func run(t *testing.T, role, dir string) {
	t.Helper()
	if out, err := command(t, role, dir).Output(); err != nil {
		t.Errorf("%s: %s: %v", role, out, err)
	}
}

const nobody = 65534

// readOnly is done by a user who has lost the right to write: root has it always.
func readOnly(dir string) error {
	if os.Getuid() == 0 {
		if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chmod(filepath.Dir(dir), 0o755), syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return err
		}
	}
	ctx, told := context.Background(), []error{}
	o := cache.Options{Dir: dir, Warn: func(err error) { told = append(told, err) }}
	first, err := cache.New(o)
	if err != nil {
		return err
	}
	_, err = read(ctx, first, "kept", 0, 100)
	folder := filepath.Dir(cache.Path(dir, "kept", 0, 100))
	if err := errors.Join(err, os.Chmod(folder, 0o500), os.Chmod(dir, 0o500)); err != nil {
		return err
	}
	defer func() { _ = errors.Join(os.Chmod(dir, 0o700), os.Chmod(folder, 0o700)) }() // for who removes the directory
	second, err := cache.New(o)
	if err != nil {
		return err
	}
	for _, want := range []struct {
		object  string
		fetched bool
	}{{"kept", false}, {"new", true}, {"new", false}, {"newer", true}, {"newer", false}} {
		if fetched, err := read(ctx, second, want.object, 0, 100); err != nil || fetched != want.fetched {
			return fmt.Errorf("%s: %v, %w", want.object, fetched, err)
		}
	}
	if len(told) != 1 || !errors.Is(told[0], fs.ErrPermission) || !strings.Contains(told[0].Error(), "rights") {
		return fmt.Errorf("it told %v", told)
	}
	return faster(ctx, dir)
}

// faster is a process that cannot write what another one has written while it was fetching: as where a file that is being read cannot be replaced.
func faster(ctx context.Context, dir string) error {
	var told error
	o := cache.Options{Dir: dir, Memory: -1, Warn: func(err error) { told = err }}
	slow, err1 := cache.New(o)
	quick, err2 := cache.New(o)
	if err := errors.Join(err1, err2, os.Chmod(dir, 0o700)); err != nil {
		return err
	}
	folder := filepath.Dir(cache.Path(dir, "raced", 0, 100))
	_, err := slow.Range(ctx, "raced", 0, 100, func(ctx context.Context) ([]byte, error) {
		_, err := read(ctx, quick, "raced", 0, 100)
		return truth("raced", 0, 100), errors.Join(err, os.Chmod(folder, 0o500))
	})
	fetched, err1 := read(ctx, slow, "raced", 0, 100)
	if err := errors.Join(err, err1, told, os.Chmod(folder, 0o700)); err != nil || fetched {
		return fmt.Errorf("%v, %w", fetched, err)
	}
	return nil
}

func TestADirectoryThatIsReadOnlyIsReadAndFailsNoQuery(t *testing.T) {
	t.Parallel()
	run(t, "readonly", t.TempDir())
}

// full is a process whose files can have 4,096 bytes and no more.
func full(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: 4096}); err != nil {
		return err
	}
	ctx, told := context.Background(), []error{}
	c, err := cache.New(cache.Options{Dir: dir, Warn: func(err error) { told = append(told, err) }})
	if err != nil {
		return err
	}
	for _, length := range []int64{1000, 9000, 10_000, 1000} {
		if _, err := read(ctx, c, "o", 0, length); err != nil {
			return err
		}
	}
	if len(told) != 1 || !errors.Is(told[0], syscall.EFBIG) || !strings.Contains(told[0].Error(), "make room") {
		return fmt.Errorf("it told %v", told)
	}
	if paths, err := filepath.Glob(filepath.Join(dir, "*", "*")); err != nil || len(paths) != 1 {
		return fmt.Errorf("there are %q, %w", paths, err)
	}
	return nil
}

func TestAFullDiskFailsNoQueryAndKeepsNoPartOfARange(t *testing.T) {
	t.Parallel()
	run(t, "full", t.TempDir())
}

// Not parallel: the mask is the process's.
func TestTheDirectoryIsThisUsersAlone(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(t.TempDir(), "above", "cache")
	mustRead(t, open(t, cache.Options{Dir: dir}), "o", 0, 100, true)
	path := cache.Path(dir, "o", 0, 100)
	for name, want := range map[string]fs.FileMode{filepath.Dir(dir): 0o700, dir: 0o700, filepath.Dir(path): 0o700, path: 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestAPipeUnderTheNameOfAFileHoldsNobodyUp(t *testing.T) {
	dir := t.TempDir()
	path := cache.Path(dir, "o", 0, 100)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	c := open(t, cache.Options{Dir: dir, Memory: -1})
	mustRead(t, c, "o", 0, 100, true)
	mustRead(t, c, "o", 0, 100, false)
}
