// Package doctor is the engine of quiver doctor: it puts to a user's bucket what Quiver needs of one, with several clients at once, and says in a sentence
// each what holds, what does not, and what that costs.
//
// # The way
//
// [Run] opens its clients, makes one check after another, and cleans up. A check is a function of a file that is named after what it looks at. It ends in a
// [Finding]: it holds, it does not, or that could not be told. A check that rests on another (a race needs the right to put) is not tried where that one does not
// hold, so one fault is told of by one check. A store that does not answer is no finding about the contract: [Report.Err] then is its error.
//
// # What is needed, and why
//
// Needed is what a guarantee rests on: the four rights; creating and swapping, alone, in a race and above the size from which an upload has parts; 404 for a missing
// key, because a refusal is never taken for a miss; reading and listing what was just written, in order; bytes as they were written; a clock less than 5 minutes from
// this machine's. The last follows from the rule for record writes: a record is sent under a mark younger than 5 minutes, a service takes its signature for 15 more, by
// its own clock, and a mark is taken after 30: what is between is for clocks that differ, and a second of rounding. Only nice are a delete with a condition, unless the
// bucket claims to have one, few milliseconds, and a bucket without versions.
//
// # What it leaves
//
// All its objects are under a random folder, quiver-doctor/<id>/, by a prefix around each client: it cannot touch another key. A ledger knows which objects may be there,
// also those of a write whose answer was lost. They are removed at the end whatever happened, under a deadline of its own, and what could not be removed is told.
package doctor
