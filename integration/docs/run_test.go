package docs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// limit bounds a session: a document is a matter of seconds, but where it builds the command.
const limit = 4 * time.Minute

// counted says how many commands of the documents ran, and how often they, or scripts of theirs, met a stand-in.
var counted struct {
	commands, played atomic.Int64
}

func TestEveryCommandRuns(t *testing.T) {
	quiver := build(t)
	tools := standInFolder(t)
	t.Run("documents", func(t *testing.T) {
		for _, name := range documents(t) {
			d := read(t, name)
			if d.script() == "" {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSession(t, d, quiver, tools)
				if err := s.run(); err != nil {
					t.Error(err)
				}
				if testing.Verbose() {
					t.Log(s.said)
				}
				counted.commands.Add(int64(s.commands))
				counted.played.Add(int64(s.played))
			})
		}
	})
}

// build builds the command once. So sessions find it built, too: without paths in it what Go has built serves every copy of the checkout.
func build(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", filepath.Join(folder, "quiver"), "./cmd/quiver")
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return folder
}

// script is what a session runs: the document with all that is no command left out, so that bash numbers lines as the document does. Empty where there is none.
func (d *document) script() string {
	lines := make([]string, d.lines)
	some := false
	for _, f := range d.fences {
		if f.language != "sh" {
			continue
		}
		some = true
		for i, line := range strings.Split(strings.TrimSuffix(f.content, "\n"), "\n") {
			lines[f.line-1+i] = line
		}
	}
	if !some {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// session runs the commands of a document.
type session struct {
	document    *document
	script      string
	folder      string // holds the copy of the checkout, and all that the session may write
	where       string // in which the commands are given
	environment []string
	limit       time.Duration

	said             string // the commands and what they printed
	commands, played int
}

func newSession(t *testing.T, d *document, folders ...string) *session {
	t.Helper()
	s := &session{document: d, script: d.script(), folder: t.TempDir(), limit: limit}
	for _, folder := range []string{"home", "tmp"} {
		if err := os.Mkdir(filepath.Join(s.folder, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	checkOut(t, s.checkout())
	s.environment = s.variables(t, folders)
	stages[d.path].prepare(t, s)
	return s
}

func (s *session) checkout() string { return filepath.Join(s.folder, "checkout") }

// announce makes bash say each command before it runs, with its line: the last one that was said is the one that failed.
const announce = `unset BASH_ENV
exec {QUIVER_DOCS_TALK}>&2
trap 'printf "\n» %d: %s\n" "$LINENO" "$BASH_COMMAND" >&"$QUIVER_DOCS_TALK"' DEBUG
`

var announced = regexp.MustCompile(`(?m)^» (\d+): (.*)$`)

// run runs the script, and whatever becomes of it ends all that it has started.
func (s *session) run() error {
	before, script := filepath.Join(s.folder, "announce.sh"), filepath.Join(s.folder, filepath.Base(s.document.path))
	if err := errors.Join(os.WriteFile(before, []byte(announce), 0o666), os.WriteFile(script, []byte(s.script), 0o666)); err != nil {
		return err
	}
	output, err := os.Create(filepath.Join(s.folder, "output")) // a file: who is left in the background keeps nobody waiting
	if err != nil {
		return err
	}
	defer output.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", script)
	command.Dir, command.Env, command.Stdout, command.Stderr = s.where, append(s.environment, "BASH_ENV="+before), output, output
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	failure := command.Run()
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // ESRCH where nothing is left
	}
	said, err := os.ReadFile(output.Name())
	if err != nil {
		return err
	}
	s.said = string(said)
	s.commands = len(announced.FindAllIndex(said, -1))
	s.played = bytes.Count(playedLog(s.folder), []byte("\n"))
	if ctx.Err() != nil {
		failure = fmt.Errorf("not done in %v", s.limit)
	}
	if failure != nil {
		return s.explain(failure, s.said)
	}
	if s.commands == 0 {
		return fmt.Errorf("%s: its sh fences have no command", s.document.path)
	}
	return nil
}

// explain names the command that failed, with its place and its output.
func (s *session) explain(failure error, said string) error {
	line, command := "1", "the session"
	if all := announced.FindAllStringSubmatchIndex(said, -1); len(all) > 0 {
		last := all[len(all)-1]
		line, command, said = said[last[2]:last[3]], said[last[4]:last[5]], said[last[1]:]
	}
	return fmt.Errorf("%s:%s: %s\n%w; its output:\n%s", s.document.path, line, command, failure, said)
}

func TestACommandThatFailsIsNamedWithItsPlaceAndItsOutput(t *testing.T) {
	d := parse("x.md", []byte("# X\n\n```sh\nA=1\n```\n\nand\n\n```sh\necho $A\nls there-is-no-such-file | cat\necho no more\n```\n"))
	s := newSession(t, d)
	err := s.run()
	if err == nil {
		t.Fatal("nothing failed")
	}
	for _, want := range []string{"x.md:11: ", "exit status 2", "there-is-no-such-file", "No such file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "no more") {
		t.Errorf("it went on: %v", err)
	}
}

func TestASessionEndsInTimeWithAllThatItHasStarted(t *testing.T) {
	d := parse("x.md", []byte("```sh\necho $$ >pid\nsleep 600 &\necho $! >background\nsleep 601\n```\n"))
	s := newSession(t, d)
	s.limit = 2 * time.Second
	if err := s.run(); err == nil || !strings.Contains(err.Error(), "x.md:5: sleep 601\nnot done in 2s") {
		t.Fatalf("it was not ended where it hung: %v", err)
	}
	for _, name := range []string{"pid", "background"} {
		content, err := os.ReadFile(filepath.Join(s.checkout(), name))
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Sscan(string(content), &pid); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); alive(pid); {
			if time.Now().After(deadline) {
				t.Fatalf("process %d, %s, is still there", pid, name)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
}

// alive says whether a process runs: an orphan that nobody has waited for yet does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestASessionHasNoNetworkButTheLoopbackAddress(t *testing.T) {
	d := parse("x.md", []byte("```sh\ncurl -sS --max-time 20 https://example.org\n```\n"))
	if err := newSession(t, d).run(); err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Fatalf("the network was not refused at the loopback address: %v", err)
	}
}
