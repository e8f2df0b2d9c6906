package chaos_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// entry is a line of a journal: the beginning of an operation, or, with an end, its end.
type entry struct {
	At    int64             `json:"at"`   // nanoseconds since 1970
	Hand  string            `json:"hand"` // "3-1": the second hand of process 3
	Do    verb              `json:"do"`
	Class class             `json:"class,omitempty"`
	Name  string            `json:"name,omitempty"` // of the function
	Key   string            `json:"key,omitempty"`
	Want  string            `json:"want,omitempty"` // the result that would be saved: its digest
	End   end               `json:"end,omitempty"`
	Got   string            `json:"got,omitempty"`   // the result that was returned: its digest
	Rows  map[string]string `json:"rows,omitempty"`  // results by keys, of a query
	Loose bool              `json:"loose,omitempty"` // a request that writes the key has no answer, and may still land
	Err   string            `json:"err,omitempty"`
}

type verb string

const (
	save    verb = "save" // the first wins; so with a memoised call, and with a commit
	replace verb = "replace"
	evict   verb = "evict"
	load    verb = "load"
	query   verb = "query"
	collect verb = "collect" // garbage
	tend    verb = "tend"    // the index: fold, sweep
)

type class string

const (
	own       class = "own"
	value     class = "value" // of a hand's own, saved by itself
	aged      class = "aged"
	shared    class = "shared"
	contended class = "contended"
)

type end string

const (
	ok      end = "ok"
	missing end = "missing" // it is not there
	nothing end = "nothing" // nothing was tried: the call was abandoned, or somebody else had its lease
	failed  end = "failed"  // with an error that says that the store did not answer, or others were quicker
	wrong   end = "wrong"   // with an error that may not be
)

// journal is the journal of one process. Many hands may write to it.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

// journalName names the journal of the nth process of a worker. Each process has its own, so that only a last line can be cut.
func journalName(dir string, worker, nth int) string {
	return filepath.Join(dir, fmt.Sprintf("worker-%d.%04d.jsonl", worker, nth))
}

// write appends an entry and syncs it.
func (j *journal) write(e entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.At = time.Now().UnixNano()
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return errors.Join(err, j.file.Sync())
}

// readJournals reads the journals of all processes: those of one worker one after the other, as its processes lived.
func readJournals(dir string) (journals [][]entry, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "worker-*.jsonl"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		entries, err := parseJournal(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		journals = append(journals, entries)
	}
	return journals, nil
}

// parseJournal parses a journal, whose last line may have been cut when its process was killed.
func parseJournal(content []byte) ([]entry, error) {
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	var entries []entry
	for line := range strings.Lines(string(whole)) {
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		var e entry
		if err := decoder.Decode(&e); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}
