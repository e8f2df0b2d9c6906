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
// Contract: CallStorage, CallMixin.
package callindex
