package execution

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// unstartable says of a command that could not be started what the system's error hides: that it is a directory, or that it is there and what is to run it is not.
func unstartable(path string, err error) error {
	info, statErr := os.Stat(path)
	switch {
	case statErr != nil:
		return err
	case info.IsDir():
		return errors.New("it is a directory")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	line := firstLine(path)
	if !strings.HasPrefix(line, "#!") {
		return errors.New("it is there, but the interpreter or the loader that it needs is missing")
	}
	return fmt.Errorf("its interpreter is missing: its first line is %q", line)
}

// interpreterLine is how many bytes of a script's first line a system heeds.
const interpreterLine = 256

// firstLine is the first line of a file; empty where it cannot be read.
func firstLine(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReader(io.LimitReader(f, interpreterLine)).ReadString('\n') // an end without a newline is one too
	return strings.TrimSuffix(line, "\n")
}
