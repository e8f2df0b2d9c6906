package file

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/quivercache/quiver/bucket"
)

const (
	lockFiles = 256
	poll      = 2 * time.Millisecond // between two tries at a lock that another process holds
)

// slot chooses the lock file of a key.
func slot(key string) int {
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % lockFiles)
}

func lockName(key string) string { return fmt.Sprintf("%s/%02x", lockFolder, slot(key)) }

// locked runs change while no other goroutine and no other process replaces or removes the object.
func (b *Bucket) locked(ctx context.Context, key string, change func() error) (err error) {
	turn := b.turns[slot(key)]
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return stuck(ctx.Err(), "another goroutine")
	}
	defer func() { <-turn }()
	lock := flock.New(filepath.Join(b.dir, filepath.FromSlash(lockName(key))), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
	switch _, err := lock.TryLockContext(ctx, poll); {
	case errors.Is(err, fs.ErrNotExist):
		return b.vanished()
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return stuck(err, "another process")
	case isUnsupported(err):
		return &problem{bucket.ErrRefused, fmt.Errorf("the filesystem has no locks: %w", err), "put the directory on a local filesystem"}
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return change()
}

func stuck(err error, by string) error {
	return &problem{bucket.ErrUnavailable, fmt.Errorf("waiting for the lock of the key: %w", err),
		"the lock is held by " + by + ", which may be stopped; new objects are not held up"}
}

// retired is the latest time that a replaced or removed file of the keys of a lock had, 0 where there was none. It is noted twice in the lock file,
// so that whoever reads it without the lock, while it is being written, can tell.
func retired(root *os.Root, key string) (tick, error) {
	for {
		text, err := root.ReadFile(lockName(key))
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if t, ok := parseNote(text); ok {
			return t, nil
		}
		again, err := root.ReadFile(lockName(key))
		if err != nil {
			return 0, err
		}
		if string(again) == string(text) {
			return 0, nil // not being written, but cut by a power failure: nobody holds a version from before it
		}
	}
}

const noteFormat = "%020d %020d\n"

func formatNote(t tick) []byte { return fmt.Appendf(nil, noteFormat, t, t) }

func parseNote(text []byte) (tick, bool) {
	var t, again tick
	_, err := fmt.Sscanf(string(text), noteFormat, &t, &again)
	return t, err == nil && t == again
}

// retire notes the time of a file before it is replaced or removed. The lock must be held.
func retire(root *os.Root, key string, t tick) error {
	latest, err := retired(root, key)
	if err != nil || t <= latest {
		return err
	}
	file, err := root.OpenFile(lockName(key), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(formatNote(t), 0)
	return errors.Join(err, file.Close())
}
