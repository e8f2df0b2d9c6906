// Package op is the operation context of Quiver: what surrounds an operation on a key, and what bounds it.
//
// A [Context] is entered around every keyed operation of a storage (load, save, evict, contains, expand, shrink) with an
// [Intent], so that it can lock, lease, count or trace what happens inside. Contexts compose with [Chain], the first one
// outermost. Four of them stand here: [None] does nothing, [Serial] lets one operation run at a time, [PerKey] lets readers of
// one key share it and gives writers the key alone. The locks order the goroutines of one process. What must hold between processes
// rests on the conditional writes of the bucket, never on a lock: under [Conditional] an operation replaces only what it has read.
//
// Entering a context again for the same key, from inside an operation, does not deadlock: the context.Context that the operation
// receives remembers what is held. So an operation must pass on the context it was given.
//
// # Changing what is there
//
// To change a record without losing what somebody else makes of it meanwhile, enter its key, and read, change and write inside:
//
//	store.Calls.Do(ctx, key, op.Write, func(ctx context.Context) error {
//		r, err := store.Calls.Load(ctx, key)
//		if err != nil {
//			return err
//		}
//		r.Metadata["tags"]["reviewed"] = true
//		_, err = store.Calls.Save(ctx, r, &callindex.SaveOptions{Replace: true})
//		return err
//	})
//
// where the store has the context Chain(Conditional(backoff, attempts), PerKey()). [Notes] in the operation's ctx hold which version was read first; the write is sent on condition that it is still there; where it is not, the error of the
// write is [ErrLostRace], and the operation, which must pass it on, begins anew. The lock spares the goroutines of one process these races; it is not needed.
//
// The change is made again in one case where it had been made: its write had landed, the answer was lost, and somebody else has replaced the record before it could be looked at. No compare-and-swap can tell that from a race that
// was lost. Let a change be one that may be made twice: set a value, do not add to it.
//
// # Bounds
//
// An operation is bounded too: by the deadline of its context.Context, by a [Backoff] between attempts, and by a [Budget] of
// retries that all requests of a store share. [SingleAttempt] switches repetition off for a request whose outcome the caller must
// be able to tell, as when a record is written under a mark. Time and chance come from a [Clock] and an [Entropy], so that
// tests decide them.
//
// Contract: OperationContext, Intent.
package op
