// Package quiver keeps the results of function calls in a bucket, so that a fleet of serverless functions and batch jobs computes each of them
// once. There is no server and no database: the bucket is the whole system.
//
// A [Store] is two storages in one bucket. Its Values hold bytes under the digest of what they stand for; its Calls hold a record of each call,
// under a key made of the function and the digests of its arguments, which names the result. Both accept short digests
// wherever a key is accepted.
//
// A save that returned is found at once by everybody; a crash at any point loses none that was acknowledged; wrong bytes are never returned. What is missing or
// damaged is a miss (ErrNotFound), which computing again heals. A store that refuses, throttles or does not answer is an error, never a miss.
//
// # Functions
//
// [Func] memoises a Go function: its results are remembered in the store, for every process that uses it.
//
//	similar, err := quiver.Func(store, quiver.Def{Name: "similar", Version: quiver.IntVersion(1)}, compare, nil)
//	score, err := similar.Call(ctx, pair{a, b}) // computed once
//
// The fields of its argument are the arguments of the call; its name, version (or code digest) and types are the rest of the key. A hit on a small result is one request. Concurrent
// calls of one process share a computation, of several processes the first result wins. When the store is down the function still runs.
//
// # Queries
//
// [Store.Query] finds calls by function, arguments (as values or as digests), result, metadata and time. What it returns is a [Selection], which is filtered, sorted, counted, evicted or
// transferred to another store. [Function.Redigest] and callindex's Transform file calls under new keys.
//
// # Believing
//
// Every value and record is checked as it is read. With Options.Signing it must also have been written by who has a signing key.
//
// The core knows no cloud: a Store is made of any bucket.Bucket. Package adapters/all opens one from a URL.
package quiver
