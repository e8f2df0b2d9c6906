// Package stats counts, on this machine, what remembering was good for: hits, misses and why, failures of the store, time saved.
//
// The counts are one small JSON file in the user's cache folder, changed under a file lock, written beside and renamed. They are a
// convenience: losing them loses nothing else, and who cannot write them goes on without.
package stats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Counts are what happened with one store.
type Counts struct {
	Hits    int64            `json:"hits"`
	Misses  map[string]int64 `json:"misses,omitempty"` // by reason
	Without int64            `json:"without_store"`    // runs that were neither: the store failed as it was asked
	Unsaved int64            `json:"unsaved"`          // runs that the store did not take, though it had answered before
	Saved   float64          `json:"saved_seconds"`    // that the hits took less than the runs they replaced
	Since   time.Time        `json:"since"`
	Updated time.Time        `json:"updated"`
}

// Event is one thing that happened.
type Event struct {
	Hit   bool
	Miss  string        // why; empty: no miss
	Saved time.Duration // by the hit

	Without bool // the store failed as it was asked: neither hit nor miss
	Unsaved bool // the store failed as it was to remember
}

// File is where the counts are, by the names of their stores.
type File struct {
	path string
	now  func() time.Time
}

// In returns the counts in a folder.
func In(folder string, now func() time.Time) *File {
	return &File{filepath.Join(folder, "stats.json"), now}
}

// Read returns the counts by store; none where there is no file yet.
func (f *File) Read() (map[string]Counts, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Counts{}, nil
	}
	if err != nil {
		return nil, err
	}
	counts := map[string]Counts{}
	if err := json.Unmarshal(text, &counts); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w; remove it to count anew", f.path, err)
	}
	return counts, nil
}

const (
	lockTime = 2 * time.Second
	lockPoll = 5 * time.Millisecond
)

// Add counts an event with a store.
func (f *File) Add(ctx context.Context, store string, e Event) (err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	lock := flock.New(f.path + ".lock")
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("locking %s: %w", f.path, err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	counts, err := f.Read()
	if err != nil {
		return err
	}
	counts[store] = counts[store].with(e, f.now().UTC())
	return f.write(counts)
}

// with returns the counts after an event.
func (c Counts) with(e Event, now time.Time) Counts {
	if c.Since.IsZero() {
		c.Since = now
	}
	c.Updated = now
	if e.Hit {
		c.Hits++
		c.Saved += e.Saved.Seconds()
	}
	if e.Miss != "" {
		if c.Misses == nil {
			c.Misses = map[string]int64{}
		}
		c.Misses[e.Miss]++
	}
	if e.Without {
		c.Without++
	}
	if e.Unsaved {
		c.Unsaved++
	}
	return c
}

func (f *File) write(counts map[string]Counts) error {
	text, err := json.MarshalIndent(counts, "", "  ")
	if err != nil {
		return err
	}
	beside, err := os.CreateTemp(filepath.Dir(f.path), "stats.*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(beside.Name()) // nothing is left to remove once it is renamed
	_, err = beside.Write(append(text, '\n'))
	if err = errors.Join(err, beside.Close()); err != nil {
		return err
	}
	return os.Rename(beside.Name(), f.path)
}
