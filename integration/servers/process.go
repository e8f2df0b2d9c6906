package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/quivercache/quiver/op"
)

// process runs a server as a child of the test process.
type process struct {
	command     []string
	environment map[string]string // all that it has of one, but for its home
	folder      *folder
	child       *os.Process
	ended       chan struct{} // closed when the child is no more
}

// start returns when the program runs, which is before the server is ready.
func (p *process) start(context.Context) error {
	output, err := os.OpenFile(p.folder.output(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	command := exec.Command(p.command[0], p.command[1:]...)
	command.Dir, command.Stdout, command.Stderr, command.SysProcAttr = p.folder.path, output, output, diesWithParent()
	command.Env = []string{"HOME=" + p.folder.path, "TMPDIR=" + p.folder.path}
	for name, value := range p.environment {
		command.Env = append(command.Env, name+"="+value)
	}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer output.Close()
		defer close(ended)
		// For the kernel the parent is the thread that started the child: it must not end before.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // how it ended is in its output, and in the kernel's if it was a signal
		}
	}()
	if err := <-started; err != nil {
		<-ended
		return err
	}
	p.child, p.ended = command.Process, ended
	return nil
}

func (p *process) running(context.Context) bool {
	select {
	case <-p.ended:
		return false
	default:
		return p.child != nil
	}
}

// freeze stops the process, and returns when all of its threads stand still, where the system tells: on a busy machine that is not at once.
func (p *process) freeze(ctx context.Context) error {
	if err := p.child.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for !p.standsStill() {
		if err := op.SystemClock().Sleep(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("%v does not stop: %w", p, err)
		}
	}
	return nil
}

// standsStill says whether all threads are stopped; also where the system does not tell.
func (p *process) standsStill() bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.child.Pid)) // the pattern is right
	for _, thread := range threads {
		content, err := os.ReadFile(thread)
		_, state, ok := strings.Cut(string(content), ") ")
		if err == nil && ok && !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

func (p *process) wake(context.Context) error { return p.child.Signal(syscall.SIGCONT) }

func (p *process) kill(ctx context.Context) error { return p.end(ctx, syscall.SIGKILL) }

func (p *process) terminate(ctx context.Context) error { return p.end(ctx, syscall.SIGTERM) }

func (p *process) end(ctx context.Context, signal syscall.Signal) error {
	if err := p.child.Signal(signal); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%v does not end after a %v: %w", p, signal, context.Cause(ctx))
	}
}

func (p *process) output(context.Context) string {
	content, err := os.ReadFile(p.folder.output())
	if err != nil {
		return err.Error()
	}
	return string(content)
}

func (p *process) remove(ctx context.Context) error {
	if !p.running(ctx) {
		return nil
	}
	return p.kill(ctx)
}

func (p *process) String() string {
	if p.child == nil {
		return "no process"
	}
	return fmt.Sprintf("process %d", p.child.Pid)
}
