package quiver

import (
	"context"
	"log/slog"
	"sync"
)

// saidLimit is how many notices are kept from being repeated; when there are more, all are forgotten.
const saidLimit = 1024

// notices tells people of what a function got by with, once of each thing.
type notices struct {
	logger *slog.Logger
	mu     sync.Mutex
	said   map[string]bool
}

// once logs a warning, unless there was one about the same thing.
func (n *notices) once(ctx context.Context, about, message string, attributes ...any) {
	n.mu.Lock()
	said := n.said[about]
	if len(n.said) >= saidLimit {
		clear(n.said)
	}
	n.said[about] = true
	n.mu.Unlock()
	if !said {
		n.logger.WarnContext(ctx, "quiver: "+message, attributes...)
	}
}

// unkept tells of a role that may not replace values: see blobstore.Options.Unkept.
func (n *notices) unkept(err error) {
	n.once(context.Background(), "unkept", "this role may not write values again that are there: what was saved more than 6 hours ago is named as it is, and a gc that runs at this moment may remove it if nothing else names it. Run gc while nobody writes", "error", err)
}
