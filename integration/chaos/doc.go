// Package chaos lets eight processes work on one store on MinIO while a tormentor kills them, freezes them, spoils their network and crashes the server; and judges afterwards what came of it. It is a test:
//
//	go test ./chaos                                 # 30 seconds of torment
//	go test -tags soak -timeout 30m ./chaos         # 10 minutes
//	go test -v ./chaos -torment 3m -seed 42 -journals FOLDER
//
// The seed decides who does what and what is done to whom, not when.
//
// Each process (this test binary, started again) opens the store by its URL and has several hands. A hand does one thing after the other, by chance: it saves, replaces and evicts calls and values, calls memoised functions, some of them computed
// once, prepares calls and commits or abandons them, loads, queries, folds, sweeps, collects garbage. Before each operation and after it, it writes a line to the journal of its process and has it synced. So the judge knows what was asked and what was answered; an operation
// that has a beginning and no end, or that failed, may have happened or not.
//
// # What must hold
//
// Of calls and values of a hand's own, which nobody else writes: every load, every query and the end show exactly what the hand's last acknowledged operation left; where a write was left open, what was before it or what it would leave.
//
// Of shared calls, which all processes ask for and nobody removes or replaces: there is one result. It is what every call returned, whoever computed and whenever, what each load and query shows that began after the first of them had returned, and what is there at the end.
//
// Of contended calls, which all replace and evict at will: what is found was computed by somebody for that call, and whole.
//
// Of aged calls, which are saved as if they were more than a year old: none that was saved before a collection that succeeded is there after it, unless its record was still on its way; after one more collection at the end none is.
//
// Of the store: a check that reads all data finds nothing, neither before a repair nor with it nor after it; what a load finds, a query finds, and the other way round; no lease is unreadable; foreign objects are untouched. Every failure says that
// the store did not answer, or that others were quicker. No operation outlasts its deadline by much, and no process its work; none leaves a goroutine.
//
// # Where the store cannot promise more
//
// A request whose answer was lost, or whose sender died or gave it up, may land later. Nothing in S3 recalls it. If the same call is written again meanwhile, the late request finds another state than it was meant for:
//
//   - a late PUT of a new record lands on a call that was evicted since, and the call is back. Its condition, that nothing is there, holds. So it is on every store;
//   - a late DELETE lands on a call that was saved again since, and removes it. MinIO ignores the condition of a DELETE; AWS, Google and Azure refuse it.
//
// So a hand does not write a key any more once a write of it was left open: neither when the operation failed, nor when it succeeded by another attempt, which a hand sees from below its bucket's decorators. What is then there is known and must stay so. Calls that are
// written on all the same are the contended ones, of which less is said. For the same reason a contended call may be evicted and be back; and where DELETE is unconditional, an eviction may remove a record that another process saved a moment ago.
//
// An eviction of a value whose first DELETE got no answer and whose second finds nothing counts as a success, whether or not the value was there.
//
// Garbage is a day old at the least, so that no value is collected here, whatever is done: that values stay which are in use is shown, not that others go.
package chaos
