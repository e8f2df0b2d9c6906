package chaos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// fleet is the workers, each of which has one process at a time.
type fleet struct {
	t       *testing.T
	orders  orders // of each, but for who it is
	env     []string
	workers []*worker
}

type worker struct {
	nth     int
	process *process
}

// process is a process of a worker.
type process struct {
	name    string
	command *exec.Cmd
	stdin   io.WriteCloser
	talk    string // the file of its standard error
	ended   chan struct{}
	err     error // how it ended, after ended
}

const (
	workers    = 8
	finishTime = 90 * time.Second // in which a process must end that was told to, in a good network
)

func newFleet(t *testing.T, o orders, env []string) *fleet {
	t.Helper()
	f := &fleet{t: t, orders: o, env: env}
	t.Cleanup(f.killAll)
	for i := range workers {
		f.workers = append(f.workers, &worker{})
		f.start(i)
	}
	return f
}

// start starts the next process of a worker.
func (f *fleet) start(i int) {
	f.t.Helper()
	w := f.workers[i]
	o := f.orders
	o.Worker, o.Nth = i, w.nth
	w.nth++
	text, err := json.Marshal(o)
	must(f.t, err)
	p := &process{name: fmt.Sprintf("worker %d, process %d", i, o.Nth), talk: filepath.Join(o.Dir, fmt.Sprintf("worker-%d.%04d.err", i, o.Nth)), ended: make(chan struct{})}
	talk, err := os.Create(p.talk)
	must(f.t, err)
	p.command = exec.Command(os.Args[0])
	p.command.Env = slices.Concat(f.env, []string{ordersVariable + "=" + string(text), "HOME=" + o.Dir, "TMPDIR=" + o.Dir, "PATH=" + os.Getenv("PATH")})
	p.command.Stderr, p.command.Stdout, p.command.SysProcAttr = talk, talk, diesWithParent()
	p.stdin, err = p.command.StdinPipe()
	must(f.t, err)
	started := make(chan error)
	go func() {
		// For the kernel the parent is the thread that started the child: it must not end before.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.ended)
		defer talk.Close()
		err := p.command.Start()
		started <- err
		if err == nil {
			p.err = p.command.Wait()
		}
	}()
	must(f.t, <-started)
	w.process = p
}

// signal sends a signal to a process.
func (p *process) signal(s syscall.Signal) {
	_ = p.command.Process.Signal(s) // it may have ended: whether it should have is seen later
}

// check complains where a process has ended that nobody has killed or told to end.
func (f *fleet) check() {
	f.t.Helper()
	for _, w := range f.workers {
		select {
		case <-w.process.ended:
			w.process.complain(f.t, "ended by itself")
		default:
		}
	}
}

// complain fails the test, with what a process has said last.
func (p *process) complain(t *testing.T, what string) {
	t.Helper()
	content, err := os.ReadFile(p.talk)
	const enough = 20_000
	t.Errorf("%s %s: %v; it said:\n%s%v", p.name, what, p.err, bytes.TrimSpace(content[:min(len(content), enough)]), err)
}

// crash kills the process of a worker, and starts the next.
func (f *fleet) crash(i int) {
	f.t.Helper()
	p := f.workers[i].process
	p.signal(syscall.SIGKILL)
	<-p.ended
	if status, ended := p.command.ProcessState.Sys().(syscall.WaitStatus); ended && status.Signal() != syscall.SIGKILL {
		p.complain(f.t, "had ended before it was killed")
	}
	f.start(i)
}

// finish tells all processes to end, and waits until they have. Who does not is asked for its stacks.
func (f *fleet) finish() {
	f.t.Helper()
	for _, w := range f.workers {
		w.process.signal(syscall.SIGCONT)
		must(f.t, w.process.stdin.Close())
	}
	late := time.After(finishTime)
	for _, w := range f.workers {
		p := w.process
		select {
		case <-p.ended:
			if p.err != nil {
				p.complain(f.t, "failed")
			}
		case <-late:
			p.signal(syscall.SIGQUIT)
			select {
			case <-p.ended:
			case <-time.After(10 * time.Second):
			}
			p.complain(f.t, "hangs")
			late = time.After(0)
		}
	}
}

// killAll leaves no process behind.
func (f *fleet) killAll() {
	for _, w := range f.workers {
		if w.process != nil {
			w.process.signal(syscall.SIGKILL)
			<-w.process.ended
		}
	}
}
