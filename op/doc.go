// Package op is the operation context of Quiver: what surrounds an operation on a key, and what bounds it.
//
// A [Context] is entered around every keyed operation of a storage (load, save, evict, contains, expand, shrink) with an
// [Intent], so that it can lock, lease, count or trace what happens inside. Contexts compose with [Chain], the first one
// outermost. Three of them stand here: [None] does nothing, [Serial] lets one operation run at a time, [PerKey] lets readers of
// one key share it and gives writers the key alone. They order the goroutines of one process. What must hold between processes
// rests on the conditional writes of the bucket, never on a lock.
//
// Entering a context again for the same key, from inside an operation, does not deadlock: the context.Context that the operation
// receives remembers what is held. So an operation must pass on the context it was given.
//
// An operation is bounded too: by the deadline of its context.Context, by a [Backoff] between attempts, and by a [Budget] of
// retries that all requests of a store share. [SingleAttempt] switches repetition off for a request whose outcome the caller must
// be able to tell, as when a record is written under a mark. Time and chance come from a [Clock] and an [Entropy], so that
// tests decide them.
//
// Contract: OperationContext, Intent.
package op
