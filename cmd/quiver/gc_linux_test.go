package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

// terminal is a terminal, and what was shown on it once shown is called.
func terminal(t *testing.T) (screen *os.File, shown func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&text, master) // which ends with an error where the terminal has no user left
	}()
	return screen, func() string {
		screen.Close()
		<-read
		master.Close()
		return text.String()
	}
}

// daysOld is a bucket whose objects were written two days ago, with a value that nothing names.
func daysOld(t *testing.T) (*mem.Bucket, *quiver.Store) {
	t.Helper()
	clock := &movedClock{Clock: op.SystemClock()}
	b := mem.New(&mem.Options{Clock: clock})
	store, err := quiver.New(t.Context(), b, nil)
	if err == nil {
		_, err = store.Values.Save(t.Context(), "nobody's", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	clock.by = 48 * time.Hour
	return b, store
}

type movedClock struct {
	op.Clock
	by time.Duration
}

func (c *movedClock) Now() time.Time { return c.Clock.Now().Add(c.by) }

func TestOnATerminalNothingIsRemovedWithoutAYes(t *testing.T) {
	for _, c := range []struct {
		answer string
		yes    bool // --yes
		err    error
	}{
		{"y\n", false, nil}, {" YES \n", false, nil}, {"n\n", false, errSaidNo}, {"\n", false, errSaidNo}, {"", false, errSaidNo}, {"yesterday\n", false, errSaidNo}, {"", true, nil},
	} {
		b, store := daysOld(t)
		screen, shown := terminal(t)
		var out bytes.Buffer
		a := &app{streams: streams{in: strings.NewReader(c.answer), out: &out, err: screen}, clock: op.SystemClock()}
		err := a.gc(t.Context(), store, quiver.GCOptions{}, false, c.yes)
		talk := shown()
		if !errors.Is(err, c.err) || c.err == nil && err != nil {
			t.Errorf("%q: %v", c.answer, err)
		}
		if asked := strings.Contains(talk, "Remove it? [y/N]"); asked == c.yes {
			t.Errorf("%q: it asked: %t: %q", c.answer, asked, talk)
		}
		left := 0
		for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{Prefix: "values/"}) {
			if err != nil || info.Size > 0 {
				left++
			}
		}
		if removed := strings.Contains(out.String(), "removed: calls 0; values 1 ("); removed != (c.err == nil) || removed != (left == 0) {
			t.Errorf("%q: %d values are left; it says %q", c.answer, left, &out)
		}
		if !strings.Contains(talk, "listed: 1") || removedShown(talk) != (c.err == nil) {
			t.Errorf("%q: its progress was %q", c.answer, talk)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

func removedShown(talk string) bool { return strings.Contains(talk, "removed: 1 of 1") }

func TestWhereThereIsNothingNobodyIsAsked(t *testing.T) {
	_, store := daysOld(t)
	screen, shown := terminal(t)
	var out bytes.Buffer
	a := &app{streams: streams{in: strings.NewReader(""), out: &out, err: screen}, clock: op.SystemClock()}
	err := a.gc(t.Context(), store, quiver.GCOptions{MinAge: 72 * time.Hour}, false, false)
	if talk := shown(); err != nil || strings.Contains(talk, "Remove it?") || strings.Contains(out.String(), "removed:") || strings.Contains(out.String(), "$") {
		t.Errorf("%v, %q, %q", err, talk, &out)
	}
}
