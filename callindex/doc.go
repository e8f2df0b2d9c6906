// Package callindex keeps the records of calls: what was called with which arguments, and where its result is.
//
// A [Record] is the truth about a call, in an object of its own under the call's key. It is JSON, ends with a checksum, and repeats what its key is made of, so that
// reading it proves that it is the record that was asked for.
//
// # Saving
//
// Every write of a record, be it new, replaced or evicted, is announced by a mark: a tiny object whose name says "look at this record again".
// The marks tell whoever answers a query which records the segments of the index may not know yet. Three rules make that exact:
//
//   - a record is written only under a mark that is younger than [MarkLife], by the wall clock or the monotonic one, whichever says longer;
//   - it is written by a request that nobody repeats, with a deadline; another attempt gets another mark;
//   - it carries the write id of its mark, so that a writer whose answer was lost recognises its own record.
//
// A save costs two round trips: the mark, beside whatever [SaveOptions] says must be stored too, then the record. Saves of one process to one
// function that happen at once share a mark. The first record of a call wins, unless it is told to replace: then the record
// is read first and replaced in just the version that was read. No record is ever overwritten blindly.
//
// A damaged record is a miss with a reason, and the next save of the call replaces it. With Options.Signer, records are signed with all that they hold, and one
// that is not signed, or not by a key that is trusted, is damaged too: its DamagedError wraps a *signing.Refusal.
//
// # The index
//
// Marks, manifests and segments are a view of the records, which answers queries without reading them. A mark says that the view of its call may be out of date; [Store.Fold] reads the records of marked calls, writes their rows into an
// immutable segment, lists it in the manifest of its shard by compare-and-swap, and deletes the marks. [Store.Query] lists the marks first, then reads the manifest: what has no mark is answered by rows, what has one by its record. So a query
// finds every call that was saved before it began, folded or not, and no writer ever waits for a folder. Nothing folds by itself: a program says when (Store.Fold; quiver fold on a schedule).
//
// [Store.Sweep] deletes what no manifest lists any more, [Store.Check] compares the view with the records and heals it. A manifest, a segment or a filter that cannot be believed is an [*IndexError], never a miss.
//
// # Requests
//
//	load                      1 GET
//	save                      2 PUTs; N of one function at once N + 1
//	query of a function       1 LIST for each 1,000 marks, 1 GET of the manifest, for each segment that may have what is wanted 1 GET of its filter
//	                          and 1 for each 8 MiB of row groups that may; 1 for each marked call whose arguments may match
//	query without a name      1 LIST, and the same for each shard
//	fold                      for each shard 1 GET, 1 LIST for each 1,000 marks, 1 GET for each marked call, 3 PUTs, the deletes
//
// What was read of segments and filters is kept (Options.Cache): they never change.
//
// Contract: CallStorage, CallMixin.
package callindex
