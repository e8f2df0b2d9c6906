package buckettest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
)

// The first write lands, but its client is not told.
func ExampleFaults() {
	ctx := context.Background()
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: "calls/*", Do: buckettest.LoseAnswer()})
	b := bucket.Wrap(mem.New(nil), faults.Inject)
	record := bucket.Bytes([]byte("{}"))
	fmt.Println(b.Put(ctx, "calls/ab/abcd.json", record, bucket.IfAbsent()))
	fmt.Println(b.Put(ctx, "calls/ab/abcd.json", record, bucket.IfAbsent()))
	fmt.Println(len(faults.Unused()), "faults were not used up")
	// Output:
	// put calls/ab/abcd.json: the store did not answer well: the request was done, its answer lost
	// put calls/ab/abcd.json: there is an object already
	// 0 faults were not used up
}

func ExampleRecorder() {
	ctx := context.Background()
	var requests buckettest.Recorder
	b := bucket.Wrap(mem.New(nil), requests.Record)
	_, err := b.Stat(ctx, "values/ab/abcd")
	fmt.Println(errors.Is(err, bucket.ErrNotFound))
	fmt.Println(b.Put(ctx, "values/ab/abcd", bucket.Bytes(nil), bucket.IfAbsent()))
	for _, request := range requests.Take() {
		fmt.Println(request)
	}
	// Output:
	// true
	// <nil>
	// stat values/ab/abcd
	// put values/ab/abcd
}

// A bucket is held to the contract outside of a test.
func ExampleCases() {
	b, failures := mem.New(nil), 0
	for _, c := range buckettest.Cases() {
		if c.Closes {
			continue
		}
		if err := c.Run(context.Background(), b, c.Folder()); err != nil {
			failures++
			fmt.Println(c.Name, err)
		}
	}
	fmt.Println(failures, "failures")
	// Output: 0 failures
}
