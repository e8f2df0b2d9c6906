package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/gc"
)

// request is what the function is invoked with.
type request struct {
	Task string `json:"task"` // fold or gc
}

// folded is what a fold did.
type folded struct {
	Task     string `json:"task"`
	Complete bool   `json:"complete"` // false: the time was over, and the next one goes on
	Marks    int    `json:"marks"`    // found
	Taken    int    `json:"taken"`    // of them, into the index
	Rows     int    `json:"rows"`     // written
	Merged   int    `json:"merged"`   // segments, into others
	Damaged  int    `json:"damaged"`  // records that cannot be folded: quiver check says which
}

// collected is what gc did.
type collected struct {
	Task     string  `json:"task"`
	Complete bool    `json:"complete"` // false: the time was over, and the next one goes on
	Found    garbage `json:"found"`
	Removed  garbage `json:"removed"`
}

// garbage is what nothing needs.
type garbage struct {
	Calls    int   `json:"calls"`
	Values   int   `json:"values"`
	Bytes    int64 `json:"bytes"`    // of the values
	Segments int   `json:"segments"` // objects of the index
	Leases   int   `json:"leases"`
	Uploads  int   `json:"uploads"`
}

// housekeeper does one task at a time.
type housekeeper struct {
	store  *quiver.Store
	maxAge time.Duration // of calls; 0: any
}

// answering is what is kept of an invocation's time, to stop and to answer.
const answering = 2 * time.Second

var errTimeOver = errors.New("the invocation's time is over")

// handle does what it is asked for, until shortly before the invocation's deadline. What is done by then stays done.
func (h *housekeeper) handle(ctx context.Context, in request) (any, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-answering), errTimeOver)
		defer cancel()
	}
	switch in.Task {
	case "fold":
		return h.fold(ctx)
	case "gc":
		return h.collect(ctx)
	}
	return nil, fmt.Errorf(`there is no task %q: invoke the function with {"task": "fold"} or {"task": "gc"}`, in.Task)
}

// fold brings the index up to date.
func (h *housekeeper) fold(ctx context.Context) (any, error) {
	done, err := h.store.Fold(ctx, nil)
	if err != nil && (!isOver(ctx) || done.Taken+done.Merged == 0) {
		return nil, explain(ctx, err)
	}
	return folded{"fold", err == nil, done.Marks, done.Taken, done.Rows, done.Merged, done.Damaged}, nil
}

// collect removes what nothing needs.
func (h *housekeeper) collect(ctx context.Context) (any, error) {
	found, err := h.store.FindGarbage(ctx, &quiver.GCOptions{MaxAge: h.maxAge})
	if err != nil {
		return nil, explain(ctx, err)
	}
	defer found.Close()
	removed, err := found.Remove(ctx)
	if err != nil && (!isOver(ctx) || removed == (gc.Removed{})) {
		return nil, explain(ctx, err)
	}
	return collected{
		"gc", err == nil,
		garbage{found.Calls, found.Values, found.ValueBytes, found.Segments, found.Leases, found.Uploads},
		garbage{removed.Calls, removed.Values, removed.ValueBytes, removed.Segments, removed.Leases, removed.Uploads},
	}, nil
}

// isOver says whether the time that there was for the work is over.
func isOver(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errTimeOver) }

// explain says what to do where the time was over before anything was done: the next invocation would not get any further.
func explain(ctx context.Context, err error) error {
	if isOver(ctx) {
		return fmt.Errorf("nothing could be done in the time that there was: give the function more time and memory, or run it as a job without such a limit: %w", err)
	}
	return err
}
