// Package execution is the engine of quiver exec: it runs a command and remembers what it did, or gives back what it did the last time.
//
// # The call
//
// A command line is a call of module "quiver/exec". Its name is --name, or the base name of the command. Its arguments are, each under a name of its own so
// that queries can ask for it: argv; then, sorted by name, cwd, env:NAME (nil where the variable is not set), in:PATH (the tree digest of an input,
// the path as it was written; a path that is not UTF-8 is in-hex:HEX), no-stdout, out (the sorted names), stdin.
//
// A tree digest is the digest of plain values, built up from below: a file is {File: digest of its bytes, Executable: bool}, a link {Link: text}, a
// directory {Directory: map from names to the digests of what they name}. Names are raw bytes. Owner, times and other permissions do not count.
//
// # The result
//
// The call's result is an [Outcome]: exit status, both streams, and for each --out the entries of its tree. Contents are inside it while there is room, others up to
// 1 MiB share one value, the pack, larger ones are values of their own. The record lists pack and values as its parts.
//
// # The way
//
// [Engine.Run] goes one way: describe the inputs, look up, then either replay, or run, check the inputs again, describe what was left, save the parts,
// then the outcome beside the mark of its record, then the record. A replay fetches and verifies everything before it renames or prints anything, so whatever is
// wrong with it is a miss, and the command runs.
//
// What can be waited for is bounded: a look-up, a transfer without progress, a save, a process that was left behind. Only the command itself takes as long as it takes.
package execution
