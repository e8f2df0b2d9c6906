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
