package op

import "context"

// Intent says what an operation does to its key, so that a [Context] can choose a shared or an exclusive lock.
//
// Contract: Intent.
type Intent string

// The two intents.
const (
	Read  Intent = "read"
	Write Intent = "write"
)

// Context wraps an operation on a key. Do calls operation once, or again where the implementation re-runs lost races, and returns
// its error; it may also fail before operation is called, as when a lock cannot be had before the deadline of ctx.
// The operation must use the context.Context it is given, which carries what is held.
//
// Contract: OperationContext._operation_context.
type Context interface {
	Do(ctx context.Context, key string, intent Intent, operation func(context.Context) error) error
}

type none struct{}

// None is the context that does nothing.
func None() Context { return none{} }

func (none) Do(ctx context.Context, _ string, _ Intent, operation func(context.Context) error) error {
	return operation(ctx)
}

type chain []Context

// Chain composes contexts: each wraps the next, the first is outermost. An empty chain does nothing.
func Chain(contexts ...Context) Context { return chain(contexts) }

func (c chain) Do(ctx context.Context, key string, intent Intent, operation func(context.Context) error) error {
	if len(c) == 0 {
		return operation(ctx)
	}
	return c[0].Do(ctx, key, intent, func(ctx context.Context) error {
		return c[1:].Do(ctx, key, intent, operation)
	})
}
