package blobstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
)

// rewindable returns what r yields as something that can be read more than once: r itself, a copy in memory, or one in a temporary file, which release
// removes.
func (s *Store) rewindable(ctx context.Context, r io.Reader) (content *io.SectionReader, release func() error, err error) {
	release = func() error { return nil }
	if content, ok := section(r); ok {
		return content, release, nil
	}
	r = interruptible{ctx, r}
	start, err := io.ReadAll(io.LimitReader(r, large))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the value: %w", err)
	}
	if len(start) < large {
		return io.NewSectionReader(bytes.NewReader(start), 0, int64(len(start))), release, nil
	}
	return s.spool(io.MultiReader(bytes.NewReader(start), r))
}

// section is what a reader that can seek holds from where it stands. It does not hold for readers that cannot say how much that is, such as pipes and
// devices.
func section(r io.Reader) (*io.SectionReader, bool) {
	seeker, ok := r.(io.ReadSeeker)
	if !ok {
		return nil, false
	}
	begin, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, false
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if _, back := seeker.Seek(begin, io.SeekStart); err != nil || back != nil {
		return nil, false
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		at = &seekingReaderAt{r: seeker, begin: begin}
	}
	if n, _ := at.ReadAt(make([]byte, 1), max(begin, end)); n > 0 {
		return nil, false // there is more than it says, as in /proc
	}
	return io.NewSectionReader(at, begin, max(0, end-begin)), true
}

// seekingReaderAt makes an io.ReaderAt of a reader that can only seek. It leaves the reader where it stood.
type seekingReaderAt struct {
	mu    sync.Mutex
	r     io.ReadSeeker
	begin int64
}

func (s *seekingReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.r.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	_, back := s.r.Seek(s.begin, io.SeekStart)
	if back != nil {
		return n, back
	}
	return n, err
}

// spool keeps a stream in a temporary file. Where the system lets it, the file loses its name at once, so that not even a crash leaves it behind.
func (s *Store) spool(r io.Reader) (content *io.SectionReader, release func() error, err error) {
	file, err := os.CreateTemp(s.spoolDir, "quiver-spool-*")
	if err != nil {
		return nil, nil, fmt.Errorf("making a temporary file for a value that cannot be read twice: %w", err)
	}
	nameless := os.Remove(file.Name()) == nil
	release = func() error {
		err := file.Close()
		if !nameless {
			err = errors.Join(err, os.Remove(file.Name()))
		}
		return err
	}
	size, err := io.Copy(file, io.LimitReader(r, min(s.spoolLimit, math.MaxInt64-1)+1))
	if err == nil && size > s.spoolLimit {
		err = &SizeError{Size: -1, Limit: s.spoolLimit, Hint: "raise Options.SpoolLimit, or save it from a file or another reader that can seek"}
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("keeping the value in a temporary file: %w", err), release())
	}
	return io.NewSectionReader(file, 0, size), release, nil
}
