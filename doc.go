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
// The core knows no cloud: a Store is made of any bucket.Bucket. Package adapters/all opens one from a URL.
package quiver
