package servers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// folder is a server's own: its data, its output, and a lock that the test process holds while it lives. The lock's path is what a
// container is labelled with.
type folder struct {
	path string
	lock *flock.Flock
}

func root() string { return filepath.Join(os.TempDir(), "quiver-servers") }

func lockIn(path string) string { return filepath.Join(path, "lock") }

// newFolder makes a folder.
func newFolder(product Product) (*folder, error) {
	path := filepath.Join(root(), fmt.Sprintf("%s-%s", product, draw()[:8]))
	f := &folder{path: path, lock: flock.New(lockIn(path))}
	err := alone(func() error {
		if err := os.MkdirAll(f.data(), 0o777); err != nil {
			return err
		}
		return f.lock.Lock()
	})
	if err != nil {
		return nil, errors.Join(err, f.remove())
	}
	return f, nil
}

// alone does something while no other process makes or sweeps folders: between its making and its locking a folder looks abandoned. The lock stays, empty.
func alone(do func() error) error {
	turn := flock.New(root() + ".lock")
	if err := turn.Lock(); err != nil {
		return err
	}
	return errors.Join(do(), turn.Unlock())
}

func (f *folder) data() string { return filepath.Join(f.path, "data") }

func (f *folder) output() string { return filepath.Join(f.path, "output") }

func (f *folder) remove() error {
	return alone(func() error {
		err := errors.Join(os.RemoveAll(f.path), f.lock.Unlock())
		_ = os.Remove(root()) // which stays where there are others
		return err
	})
}

// abandoned says whether the test process that held a lock is no more.
func abandoned(lock string) (bool, error) {
	if _, err := os.Stat(lock); errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	held := flock.New(lock)
	free, err := held.TryLock()
	return free, errors.Join(err, held.Unlock())
}

// sweepFolders removes what killed test processes have left.
func sweepFolders() error { return alone(sweep) }

func sweep() error {
	entries, err := os.ReadDir(root())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(root(), entry.Name())
		free, err := abandoned(lockIn(path))
		if err == nil && free {
			err = os.RemoveAll(path)
		}
		if err != nil {
			return fmt.Errorf("removing the abandoned %s: %w", path, err)
		}
	}
	return nil
}
