// Package lease lets one of many processes do something while the others wait: through an object in the bucket for each key.
//
// A lease saves work and guards nothing. Whoever has it may be frozen by its platform, lose it, and go on an hour later; so what it makes must be committed in a way that is right without a lease, as records are, of which the
// first wins. The functions of package quiver use leases so, if they are told to compute once.
//
//	leases := lease.New(bucket, nil)
//	l, err := leases.Take(ctx, lease.Claim{Key: key, Term: 30 * time.Second}, nil) // waits for its turn
//	stop := l.Keep(ctx, nil)                                                       // renews it
//	…
//	lost := stop()
//	err = l.Release(ctx)
//
// # What it admits
//
// While nobody breaks or removes a lease, and no clock stands still, at most one client is told by [Lease.Lost] that it has it: its term counts from before its last write was sent, that of who waits from after it was seen. Two act at once
// nevertheless where one is frozen between asking and acting, and up to a term after a lease was broken. Its holder is told at the next renewal, which [Lease.Keep] sends after a third of the term, and at the end of the term in any case. A
// renewal or release that succeeds proves that nobody has had the lease since the write before it: one that lands after a takeover is refused.
//
// # Waiting
//
// [Leases.Take] waits: it asks for the lease once a second at first, then less often, and takes it when it is released, or when it was not renewed for its whole term. What it waits for need not
// be the lease: it asks [Waiting.Done] before it takes a lease that somebody else has had.
//
// Taking a free lease is a PUT, and so is each renewal and the release. One that somebody has had before costs a GET more. docs/format.md, section 9, has the protocol.
//
// [Leases.Context] is the same as an op.Context: entered around an operation, it holds the lease of its key.
//
// Contract: OperationContext.
package lease
