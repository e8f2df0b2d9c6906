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
	"testing"
)

// Variables that a session gives to stand-ins.
const (
	playedVariable    = "QUIVER_DOCS_PLAYED"  // a file: a line for each command that was played
	playedFile        = "played"              // its name in the session's folder
	realPath          = "QUIVER_DOCS_PATH"    // where the programs are that stand-ins stand for
	serversVariable   = "QUIVER_SERVERS"      // what .ci/servers.sh has installed
	providersVariable = "QUIVER_TF_PROVIDERS" // a mirror of providers for terraform; empty: its registry
)

// part is a command that a stand-in knows: its arguments, joined by spaces, and what is done instead.
type part struct {
	arguments *regexp.Regexp
	do        func(ctx context.Context, found []string) error
}

func knows(arguments string, do func(ctx context.Context, found []string) error) part {
	return part{regexp.MustCompile("^(?:" + arguments + ")$"), do}
}

// standIns are the programs that are not run as they are. Filled by init: what they do refers to them.
var standIns map[string][]part

func init() {
	standIns = map[string][]part{
		"aws": awsParts, "gcloud": gcloudParts, "az": azParts, "duckdb": duckdbParts, "make": makeParts,
		"go": goParts, "terraform": terraformParts,
		"ci-runs": ciParts, "docker": dockerParts, "kubectl": kubectlParts,
	}
}

// standInFolder makes a folder with the stand-ins, to be searched for programs first.
func standInFolder(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name := range standIns {
		if err := os.Symlink(self, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// play is the main function of a stand-in; it returns the exit status.
func play(name string, arguments []string) int {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	line := strings.Join(arguments, " ")
	for _, p := range standIns[name] {
		found := p.arguments.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		err := p.do(ctx, found)
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode() // the program has said why
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s (a stand-in): %s: %v\n", name, line, err)
			return 1
		}
		return 0
	}
	fmt.Fprintf(os.Stderr, "%s: no stand-in knows: %s; teach it in integration/docs, or let the document say something else\n", name, line)
	return 127
}

// played notes a command that is not done as it stands there.
func played(what ...string) error {
	file, err := os.OpenFile(os.Getenv(playedVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, strings.Join(what, " "))
	return errors.Join(err, file.Close())
}

func playedLog(folder string) []byte {
	content, err := os.ReadFile(filepath.Join(folder, playedFile))
	if err != nil {
		return nil // nothing was played
	}
	return content
}

// inEarnest runs the program itself, with the arguments that it was given and some more environment.
func inEarnest(ctx context.Context, program string, arguments []string, more ...string) error {
	command, err := theProgram(ctx, program, arguments, more...)
	if err != nil {
		return err
	}
	command.Stdin, command.Stdout = os.Stdin, os.Stdout
	return command.Run()
}

// answer runs the program itself and returns what it prints.
func answer(ctx context.Context, program string, arguments ...string) ([]byte, error) {
	command, err := theProgram(ctx, program, arguments)
	if err != nil {
		return nil, err
	}
	var output bytes.Buffer
	command.Stdout = &output
	err = command.Run()
	return output.Bytes(), err
}

func theProgram(ctx context.Context, program string, arguments []string, more ...string) (*exec.Cmd, error) {
	for _, folder := range filepath.SplitList(os.Getenv(realPath)) {
		path := filepath.Join(folder, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			command := exec.CommandContext(ctx, path, arguments...)
			command.Stderr, command.Env = os.Stderr, append(os.Environ(), more...)
			return command, nil
		}
	}
	return nil, fmt.Errorf("%s is not installed", program)
}

func TestAStandInRefusesWhatItDoesNotKnow(t *testing.T) {
	tools := standInFolder(t)
	for _, command := range []string{
		"aws s3 rm s3://bucket", "docker run x", "make nothing", "go install example.org/x@v1.0.0", "terraform destroy",
		"gcloud auth login", "az login", "kubectl apply -f x", "duckdb x", "ci-runs x.sh",
	} {
		d := parse("x.md", []byte("```sh\n"+command+"\n```\n"))
		if err := newSession(t, d, tools).run(); err == nil {
			t.Errorf("%s was played", command)
		}
	}
}
