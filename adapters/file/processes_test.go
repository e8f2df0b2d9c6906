//go:build unix

package file_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/goleak"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
)

// TestMain is the main function of the tests, and of the other processes that they start: this binary with a role in its environment.
func TestMain(m *testing.M) {
	role := os.Getenv("QUIVER_TEST_ROLE")
	if role == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := roles[role](os.Getenv("QUIVER_TEST_DIR"), os.Getenv("QUIVER_TEST_NAME")); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// roles are what another process can do. It prints what it has to say.
var roles = map[string]func(dir, name string) error{
	"create": func(dir, name string) error { return createMany(dir, name) },
	"swap":   func(dir, _ string) error { return swapMany(dir) },
	"churn":  func(dir, _ string) error { return churn(dir) },
	"write":  func(dir, name string) error { return writeForEver(dir, name) },
	"hold":   func(dir, key string) error { return hold(dir, key) },
}

// command is another process in a role.
func command(t *testing.T, role, dir, name string) *exec.Cmd {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "QUIVER_TEST_ROLE="+role, "QUIVER_TEST_DIR="+dir, "QUIVER_TEST_NAME="+name)
	process.Stderr = os.Stderr
	return process
}

// begin starts another process that works until it is killed, and returns what it prints.
func begin(t *testing.T, role, dir, name string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	process := command(t, role, dir, name)
	_, err1 := process.StdinPipe() // open until the process is waited for
	output, err2 := process.StdoutPipe()
	if err := errors.Join(err1, err2, process.Start()); err != nil {
		t.Fatal(err)
	}
	return process, bufio.NewReader(output)
}

// together runs n processes in one role, and returns the words that they print.
func together(t *testing.T, n int, role, dir string) [][]string {
	t.Helper()
	processes, outs := make([]*exec.Cmd, n), make([]*bytes.Buffer, n)
	for i := range n {
		processes[i], outs[i] = command(t, role, dir, fmt.Sprint("process ", i)), new(bytes.Buffer)
		processes[i].Stdout = outs[i]
		if err := processes[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	words := make([][]string, n)
	for i := range n {
		if err := processes[i].Wait(); err != nil {
			t.Fatal(err)
		}
		words[i] = strings.Fields(outs[i].String())
	}
	return words
}

const creations = 150

// createMany tries to create many objects and prints those that it made.
func createMany(dir, name string) error {
	b, err := file.New(dir, &file.Options{NoSync: true})
	if err != nil {
		return err
	}
	for i := range creations {
		key := fmt.Sprintf("made/%d", i)
		switch err := b.Put(context.Background(), key, bucket.Bytes([]byte(name)), bucket.IfAbsent()); {
		case err == nil:
			fmt.Println(key)
		case !errors.Is(err, bucket.ErrExists):
			return err
		}
	}
	return b.Close()
}

func TestOfManyProcessesThatCreateOneObjectOneWins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	winners := map[string]int{}
	for i, keys := range together(t, 4, "create", dir) {
		for _, key := range keys {
			if other, ok := winners[key]; ok {
				t.Errorf("processes %d and %d have made %s", other, i, key)
			}
			winners[key] = i
		}
	}
	if len(winners) != creations {
		t.Errorf("%d objects were made, not %d", len(winners), creations)
	}
	b := open(t, dir, nil)
	for key, winner := range winners {
		content, _, err := bucket.ReadAll(t.Context(), b, key, 100)
		if want := fmt.Sprint("process ", winner); err != nil || string(content) != want {
			t.Errorf("%s is of %q, not of %s: %v", key, content, want, err)
		}
	}
}

const swaps = 200

// swapMany adds to a counter, one by one.
func swapMany(dir string) error {
	b, err := file.New(dir, &file.Options{NoSync: true})
	if err != nil {
		return err
	}
	for range swaps {
		if err := increment(context.Background(), b, "counter"); err != nil {
			return err
		}
	}
	return b.Close()
}

// increment adds one to a number, and starts over until it wins.
func increment(ctx context.Context, b bucket.Bucket, key string) error {
	for {
		content, info, err := bucket.ReadAll(ctx, b, key, 100)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(content))
		if err != nil {
			return err
		}
		err = b.Put(ctx, key, bucket.Bytes([]byte(strconv.Itoa(n+1))), bucket.IfMatch(info.Version))
		if !errors.Is(err, bucket.ErrChanged) {
			return err
		}
	}
}

func TestNoSwapOfManyProcessesIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "counter", "0")
	const processes = 4
	together(t, processes, "swap", dir)
	if content, _, err := bucket.ReadAll(t.Context(), b, "counter", 100); err != nil || string(content) != fmt.Sprint(processes*swaps) {
		t.Errorf("the counter is %s, not %d: %v", content, processes*swaps, err)
	}
}

// frozen is a clock that stands still.
type frozen struct{}

func (frozen) Now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func (frozen) Sleep(context.Context, time.Duration) error { return errors.New("nobody waits here") }

// churn creates, replaces and removes one object again and again under a clock that stands still, and prints the versions that it has made.
func churn(dir string) error {
	b, err := file.New(dir, &file.Options{NoSync: true, Clock: frozen{}})
	if err != nil {
		return err
	}
	ctx := context.Background()
	for n := range 150 {
		id := fmt.Sprintf("%d of %d", n, os.Getpid())
		var info bucket.Info
		for _, content := range []string{id + ", new", id + ", replaced"} {
			condition := bucket.IfAbsent()
			if info.Version != "" {
				condition = bucket.IfMatch(info.Version)
			}
			if err := b.Put(ctx, "k", bucket.Bytes([]byte(content)), condition); err != nil && !errors.Is(err, bucket.ErrExists) && !errors.Is(err, bucket.ErrChanged) {
				return err
			}
			read, now, err := bucket.ReadAll(ctx, b, "k", 100)
			if err != nil && !errors.Is(err, bucket.ErrNotFound) {
				return err
			}
			if string(read) != content {
				break
			}
			info = now
			fmt.Println(info.Version)
		}
		if err := b.Delete(ctx, "k"); err != nil && !errors.Is(err, bucket.ErrNotFound) {
			return err
		}
	}
	return b.Close()
}

// The filesystem gives the inode of a removed file to the next one at once, and the clocks of all processes say the same.
func TestNoVersionOfAKeyComesTwiceWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	for _, processes := range []int{1, 3} {
		seen := map[string]int{}
		for i, versions := range together(t, processes, "churn", t.TempDir()) {
			if len(versions) == 0 {
				t.Errorf("process %d of %d has made nothing", i, processes)
			}
			for _, version := range versions {
				if other, ok := seen[version]; ok {
					t.Errorf("processes %d and %d have both made the version %s", other, i, version)
				}
				seen[version] = i
			}
		}
	}
}

func TestVersionsNeverRepeatAfterOneAnotherInTwoProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seen := map[string]bool{}
	for range 4 { // one after the other: each begins with an empty memory and the same time
		for _, version := range together(t, 1, "churn", dir)[0] {
			if seen[version] {
				t.Errorf("the version %s has come twice", version)
			}
			seen[version] = true
		}
	}
}

const large = 200_000

// writeForEver creates and replaces objects whose content is one character, until it is killed.
func writeForEver(dir, name string) error {
	b, err := file.New(dir, nil)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for n := 0; ; n++ {
		content := bytes.Repeat([]byte{byte('a' + n%26)}, large)
		if err := b.Put(ctx, fmt.Sprintf("made/%s/%d", name, n), bucket.Bytes(content), bucket.IfAbsent()); err != nil {
			return err
		}
		info, err := b.Stat(ctx, "replaced")
		if err != nil {
			return err
		}
		if err := b.Put(ctx, "replaced", bucket.Bytes(content), bucket.IfMatch(info.Version)); err != nil && !errors.Is(err, bucket.ErrChanged) {
			return err
		}
		if err := increment(ctx, b, "counter"); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestAProcessThatIsKilledLeavesNoPartOfAnObjectAndNoLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "counter", "0")
	create(t, b, "replaced", strings.Repeat("a", large))
	for round := range 10 {
		process, output := begin(t, "write", dir, fmt.Sprint(round))
		for range 1 + round%4 { // it dies in the middle of something, after a different amount of work each time
			if line, err := output.ReadString('\n'); err != nil {
				t.Fatalf("%q, %v", line, err)
			}
		}
		if err := process.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = process.Wait() // it was killed
		for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			content, _, err := bucket.ReadAll(t.Context(), b, info.Key, large)
			if err != nil {
				t.Fatal(err)
			}
			if info.Key != "counter" && (len(content) != large || bytes.Count(content, content[:1]) != large) {
				t.Errorf("%s has %d bytes of several kinds", info.Key, len(content))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := increment(ctx, b, "counter"); err != nil {
			t.Errorf("after a process was killed: %v", err)
		}
		cancel()
	}
}

// hold takes the lock of a key until it is killed.
func hold(dir, key string) error {
	lock := flock.New(filepath.Join(dir, filepath.FromSlash(file.LockName(key))))
	if err := lock.Lock(); err != nil {
		return err
	}
	fmt.Println("held")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func TestAStoppedHolderOfALockHoldsUpNoCreateAndNobodyBeyondHisDeadline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, dir, nil)
	create(t, b, "held", "v")
	info, err := b.Stat(t.Context(), "held")
	if err != nil {
		t.Fatal(err)
	}
	process, output := begin(t, "hold", dir, "held")
	if line, err := output.ReadString('\n'); line != "held\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}

	conditional, _ := bucket.As[bucket.ConditionalDeleter](b)
	var clients sync.WaitGroup
	for name, change := range map[string]func(ctx context.Context) error{
		"replacing": func(ctx context.Context) error {
			return b.Put(ctx, "held", bucket.Bytes(nil), bucket.IfMatch(info.Version))
		},
		"deleting":               func(ctx context.Context) error { return b.Delete(ctx, "held") },
		"deleting conditionally": func(ctx context.Context) error { return conditional.DeleteIf(ctx, "held", info.Version) },
	} {
		clients.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			err := change(ctx)
			explained(t, err, bucket.ErrUnavailable, "which may be stopped")
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "held") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	// New objects need no lock, not even those that share its file.
	made := 0
	for n := 0; made < 3; n++ {
		if key := fmt.Sprint("new-", n); file.LockName(key) == file.LockName("held") {
			made++
			create(t, b, key, "v")
		}
	}
	version(t, b, "held")
	clients.Wait()
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait() // it was killed
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Put(ctx, "held", bucket.Bytes([]byte("w")), bucket.IfMatch(info.Version)); err != nil {
		t.Errorf("the lock of a dead process: %v", err)
	}
}
