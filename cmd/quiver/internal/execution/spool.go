package execution

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// memorySpool is how much of a stream is kept in memory; what is larger goes to a temporary file.
const memorySpool = 1 << 20

// spool keeps what is written to it: in memory while it is small, then in a temporary file. Close removes the file.
type spool struct {
	directory string // of the temporary file; empty: the system's
	memory    bytes.Buffer
	file      *os.File
	size      int64
}

func (s *spool) Write(b []byte) (int, error) {
	if s.file == nil && s.size+int64(len(b)) <= memorySpool {
		s.size += int64(len(b))
		return s.memory.Write(b)
	}
	if s.file == nil {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(b)
	s.size += int64(n)
	return n, err
}

// spill moves what is in memory to a temporary file.
func (s *spool) spill() error {
	file, err := os.CreateTemp(s.directory, "quiver-exec-*")
	if err != nil {
		return fmt.Errorf("keeping the stream in a temporary file: %w", err)
	}
	// Where an open file can be removed, nothing stays behind even if this process is killed.
	_ = os.Remove(file.Name())
	s.file = file
	_, err = s.memory.WriteTo(file)
	s.memory = bytes.Buffer{}
	return err
}

// reader returns the content from its start. All readers of a spool that went to a file share its position: use one after the other.
func (s *spool) reader() (io.ReadSeeker, error) {
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes()), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

// Close forgets the content.
func (s *spool) Close() error {
	s.memory = bytes.Buffer{}
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	_ = os.Remove(s.file.Name()) // where it could not be removed while it was open
	s.file = nil
	return err
}
