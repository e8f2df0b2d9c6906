package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quivercache/quiver/op"
)

// writingFailed is a failure to write a file by the name that people know it by; nil where there is none.
func writingFailed(file string, err error) error {
	if err == nil {
		return nil
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if file == "" {
		file = "standard output"
	}
	return fmt.Errorf("writing to %s: %w", file, err)
}

// writeWhole writes a file beside the one of the name, then renames it. What is no file of a disk, as /dev/null, is written to as it is.
func writeWhole(file string, write func(io.Writer) error) (err error) {
	switch info, err := os.Stat(file); {
	case err == nil && info.IsDir():
		return usageError{fmt.Errorf("%s is a folder; name a file in it", file)}
	case err == nil && !info.Mode().IsRegular():
		out, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			return writingFailed(file, err)
		}
		return errors.Join(write(out), writingFailed(file, out.Close()))
	}
	id, err := op.NewID(op.SystemEntropy())
	if err != nil {
		return err
	}
	name := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+"."+id)
	beside, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return writingFailed(file, err)
	}
	defer os.Remove(name) // nothing is left to remove once it is renamed
	if err := errors.Join(write(beside), writingFailed(file, beside.Close())); err != nil {
		return err
	}
	return os.Rename(name, file)
}
