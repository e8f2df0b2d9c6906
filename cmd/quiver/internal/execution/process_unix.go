//go:build unix

package execution

import (
	"os"
	"syscall"
)

// passedOn are the signals that reach the child through quiver.
var passedOn = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// brokenPipe is the signal of a write that nobody reads.
const brokenPipe = syscall.SIGPIPE

// ownSession gives a child a session, and so a process group, of its own: what is typed at the terminal reaches it once, through quiver, and no process of it
// can be stopped for asking the terminal.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// pass sends a signal to all processes of the child's group.
func pass(child *os.Process, sig os.Signal) {
	if number, ok := sig.(syscall.Signal); ok {
		_ = syscall.Kill(-child.Pid, number) // there is nobody to tell that all of them have just ended
	}
}

// statusOf returns the exit status of a child, 128 and the signal's number where a signal ended it.
func statusOf(state *os.ProcessState) (status int, bySignal bool) {
	if wait, ok := state.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return signalled + int(wait.Signal()), true
	}
	return state.ExitCode(), false
}
