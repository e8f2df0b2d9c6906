// Package keyspace manages the keys of a storage: which there are, whether one is there, what a short digest stands for, and how short a
// digest can be written. Values and calls are two storages in one bucket, each with its [Keys].
//
// No operation reads a whole listing to answer a question about one key. [Keys.Expand] lists two names, the two smallest that begin
// with the prefix: none means unknown, one is the answer, two are ambiguous. [Keys.Shrink] looks for the neighbours of its key, on
// either side, two names at a time. So both cost the same in a bucket of ten objects and in one of ten million.
//
// An entry that is not there is digest.ErrNotFound. A damaged one is a [*DamagedError], which is ErrNotFound too: a miss, with a
// reason. Failures of the store are returned as they are, as *bucket.Error, and are never a miss.
//
// Contract: KeyManagement.
package keyspace
