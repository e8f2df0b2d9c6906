package op

import (
	"context"
	"sync"
)

// Notes are what one run of an operation under [Conditional] has read: of each object the version that it saw first. What it writes must be conditional on that. A nil *Notes notes nothing.
// Notes may be used by many goroutines.
type Notes struct {
	mu    sync.Mutex
	first map[string]string
}

type notesKey struct{}

// Noted returns the notes of the run that ctx belongs to, nil outside of one.
func Noted(ctx context.Context) *Notes {
	notes, _ := ctx.Value(notesKey{}).(*Notes)
	return notes
}

// Unnoted returns a context under which nothing is noted and nothing is conditional on notes: for what an operation does beside its purpose, as reading back whether a write has landed.
func Unnoted(ctx context.Context) context.Context { return noting(ctx, nil) }

func noting(ctx context.Context, notes *Notes) context.Context {
	return context.WithValue(ctx, notesKey{}, notes)
}

// Read notes the version of an object that was read, empty where there was none. What was read first counts.
func (n *Notes) Read(name, version string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.first == nil {
		n.first = map[string]string{}
	}
	if _, ok := n.first[name]; !ok {
		n.first[name] = version
	}
}

// First returns the version of an object that was read first, empty where there was none. It says false where the object was not read, or was written since.
func (n *Notes) First(name string) (version string, ok bool) {
	if n == nil {
		return "", false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	version, ok = n.first[name]
	return version, ok
}

// Written notes that the run itself has written or removed an object: what it had read counts no more.
func (n *Notes) Written(name string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.first, name)
}
