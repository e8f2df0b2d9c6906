// Command lambda-housekeeping is an AWS Lambda function that keeps a store tidy: a schedule invokes it with {"task": "fold"} or {"task": "gc"}.
package main

import (
	"context"
	"errors"
	"log"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
)

func main() {
	maxAge, err := parseAge(os.Getenv("QUIVER_GC_MAX_AGE"))
	if err != nil {
		log.Fatalln("lambda-housekeeping:", err)
	}
	store, err := open(context.Background(), os.Getenv("QUIVER_STORE"))
	if err != nil {
		log.Fatalln("lambda-housekeeping:", err)
	}
	h := &housekeeper{store: store, maxAge: maxAge}
	lambda.Start(h.handle)
}

// requestsAtOnce is how many requests are under way: enough for the smallest function, which has a fraction of a processor.
const requestsAtOnce = 32

// open opens the store, once for an instance. It sends nothing yet. adapters/all would open every kind of store, and bring the libraries of the other clouds with it.
func open(ctx context.Context, location string) (*quiver.Store, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, errors.New("QUIVER_STORE is no URL, as s3://bucket/prefix?region=eu-central-1") // the cause would show it, and what secrets are in it
	}
	var b bucket.Bucket
	switch u.Scheme {
	case s3.Scheme:
		b, err = s3.OpenURL(ctx, u)
	case "file": // to try it out
		b, err = file.OpenURL(ctx, u)
	default:
		err = errors.New("set QUIVER_STORE to the store's URL, as s3://bucket/prefix?region=eu-central-1")
	}
	if err != nil {
		return nil, err
	}
	if b, err = bucket.Decorate(b, bucket.Decorators{Limit: requestsAtOnce}); err != nil {
		return nil, err
	}
	return quiver.New(ctx, b, nil)
}

var errAge = errors.New("QUIVER_GC_MAX_AGE is a number of days of at least 1, as 180d; without it no call is evicted")

// parseAge parses how old a call may become; empty: any age, which is 0.
func parseAge(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	number, isDays := strings.CutSuffix(text, "d")
	days, err := strconv.ParseUint(number, 10, 16)
	if err != nil || !isDays || days == 0 {
		return 0, errAge
	}
	return time.Duration(days) * 24 * time.Hour, nil
}
