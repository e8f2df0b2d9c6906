// Package buckettest proves buckets, and programs that use them.
//
// # The conformance suite
//
// [Run] holds an implementation of bucket.Bucket, or a decorator, to every sentence of the contract:
//
//	buckettest.Run(t, func(t *testing.T) bucket.Bucket { return … }, bucket.GetRange, bucket.DeleteIf)
//
// The verbs are the extras that the bucket must have. [RunReading] is the part of the suite that a read-only bucket passes. [Cases] is the same
// suite as a list, for a program that runs it outside of a test. New behaviour is a new case here first.
//
// # Faults
//
// [Faults] does scripted harm to the requests of one client: errors before they reached the store, answers that were lost after they did,
// bodies that are cut, hooks that let another client go first, and crashes. A fault that struck nothing fails the test. [EachCrash] stops a
// program at each of its request boundaries in turn.
//
// # Requests
//
// [Recorder] notes the requests of an operation and holds them to a budget.
//
// # The model
//
// [Model] lets several clients do random things to a bucket under random faults, and compares what they see with a plain map.
package buckettest
