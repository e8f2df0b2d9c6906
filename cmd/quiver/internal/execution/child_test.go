package execution_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain makes the test binary its own collection of commands: the tests run real processes and need no other program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "child-") {
		os.Exit(child(os.Args[1], os.Args[2:]))
	}
	heedSignals()
	goleak.VerifyTestMain(m)
}

// heedSignals sees to it that this process ignores no signal that the tests send.
var heedSignals = func() {}

// child is what the commands do. Each notes in the file $COUNT that it ran.
func child(verb string, arguments []string) int {
	if name := os.Getenv("COUNT"); name != "" {
		must(appendTo(name, "x"))
	}
	switch verb {
	case "child-print": // OUT ERR STATUS
		fmt.Fprint(os.Stdout, arguments[0])
		fmt.Fprint(os.Stderr, arguments[1])
		status, err := strconv.Atoi(arguments[2])
		must(err)
		return status
	case "child-flood": // BYTES
		size, err := strconv.Atoi(arguments[0])
		must(err)
		must2(os.Stdout.Write(bytes.Repeat([]byte("flood!\n\x00"), size/8)))
	case "child-write": // PATH CONTENT …
		for i := 0; i < len(arguments); i += 2 {
			must(os.WriteFile(arguments[i], []byte(arguments[i+1]), 0o666))
		}
	case "child-tree": // DIRECTORY, with contents of all sizes in it
		d := arguments[0]
		must(os.MkdirAll(d+"/deep/er", 0o777))
		must(os.WriteFile(d+"/small", []byte("small"), 0o666))
		must(os.WriteFile(d+"/empty", nil, 0o666))
		must(os.WriteFile(d+"/tool", bytes.Repeat([]byte("tool"), 3<<10), 0o777))
		must(os.WriteFile(d+"/deep/middle", bytes.Repeat([]byte("middle"), 10<<10), 0o666))
		must(os.WriteFile(d+"/deep/er/large", bytes.Repeat([]byte("large"), 300<<10), 0o666))
		must(os.Symlink("../small", d+"/deep/link"))
	case "child-append": // PATH CONTENT
		must(appendTo(arguments[0], arguments[1]))
	case "child-cat":
		must2(io.Copy(os.Stdout, os.Stdin))
	case "child-wait": // for a signal: STATUS to end with once it came
		caught := make(chan os.Signal, 8)
		signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
		fmt.Println("ready")
		fmt.Println(<-caught)
		select {
		case again := <-caught:
			fmt.Println("again:", again)
		case <-time.After(100 * time.Millisecond):
		}
		status, err := strconv.Atoi(arguments[0])
		must(err)
		return status
	case "child-die": // of a signal
		fmt.Println("ready")
		<-time.After(time.Minute)
	case "child-leave": // VERB: leaves a process behind that does that, with the same output
		behind := exec.Command(os.Args[0], arguments...)
		behind.Stdout = os.Stdout
		behind.Env = append(os.Environ(), "COUNT=")
		must(behind.Start())
		fmt.Println(behind.Process.Pid)
	case "child-hold":
		<-time.After(time.Minute)
	case "child-chatter":
		for range time.Tick(5 * time.Millisecond) {
			fmt.Println("still there")
		}
	default:
		fmt.Fprintln(os.Stderr, "no such child:", verb)
		return 99
	}
	return 0
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func must2[T any](_ T, err error) { must(err) }
