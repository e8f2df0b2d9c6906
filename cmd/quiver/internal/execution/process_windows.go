package execution

import (
	"os"
	"syscall"
)

// passedOn are the signals that reach the child through quiver. Windows itself tells all processes of a console about Ctrl-C.
var passedOn = []os.Signal{os.Interrupt, syscall.SIGTERM}

// brokenPipe is the signal of a write that nobody reads, which Windows does not send.
const brokenPipe = syscall.SIGPIPE

func ownSession() *syscall.SysProcAttr { return nil }

// pass ends the child at SIGTERM, which cannot be sent to a process here.
func pass(child *os.Process, sig os.Signal) {
	if sig == syscall.SIGTERM {
		_ = child.Kill() // it may have ended just now
	}
}

// statusOf returns the exit status of a child.
func statusOf(state *os.ProcessState) (status int, bySignal bool) { return state.ExitCode(), false }
