// Command lambda is an AWS Lambda function that finds the key phrases of a text. It remembers them in a store, so that of all instances, now and later, one has to
// compute each text's.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

func main() {
	store, err := open(context.Background(), os.Getenv("QUIVER_STORE"))
	if err != nil {
		log.Fatalln("lambda:", err)
	}
	h := &handler{store: store, clock: op.SystemClock()}
	lambda.StartWithOptions(h.handle, lambda.WithEnableSIGTERM(func() { // the instance is to end, in a fraction of a second
		if err := store.Close(); err != nil { // which waits for what is being saved, and for leases that are being released
			log.Fatalln("lambda:", err)
		}
		os.Exit(0)
	}))
}

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
	if b, err = bucket.Decorate(b, bucket.Decorators{}); err != nil {
		return nil, err
	}
	return quiver.New(ctx, b, nil)
}

// request is what the function is invoked with.
type request struct {
	Text  string `json:"text"`
	Count int    `json:"count"` // of phrases; default 5
}

// response is what it returns.
type response struct {
	Phrases []phrase `json:"phrases"`
	Hit     bool     `json:"hit"` // they were remembered
}

// handler answers invocations, one at a time, as an instance is given them.
type handler struct {
	store *quiver.Store
	clock op.Clock
}

const (
	answering = 500 * time.Millisecond // of an invocation's time, for what comes after the computing
	computing = 3 * time.Second        // that the computing takes at the most
	term      = 10 * time.Second       // of a lease: how long others wait for an instance that was frozen
)

func (h *handler) handle(ctx context.Context, in request) (response, error) {
	if in.Text == "" {
		return response{}, errors.New(`there is no text: invoke the function with {"text": "…", "count": 5}`)
	}
	if in.Count <= 0 {
		in.Count = 5
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return response{}, errors.New("the invocation has no deadline, by which this function decides how long it waits for others")
	}
	deadline = deadline.Add(-answering)
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errors.New("the invocation has no time left: give the function a longer timeout"))
	defer cancel()
	keyPhrases, err := h.function(deadline.Sub(h.clock.Now()))
	if err != nil {
		return response{}, err
	}
	before := h.store.Stats().Hits
	phrases, err := keyPhrases.Call(ctx, document(in))
	if err != nil {
		return response{}, fmt.Errorf("finding the key phrases of a text of %d bytes: %w", len(in.Text), err)
	}
	return response{Phrases: phrases, Hit: h.store.Stats().Hits > before}, nil
}

// function returns the memoised function for an invocation that has some time left. To make it costs microseconds and no request.
func (h *handler) function(left time.Duration) (*quiver.Function[document, []phrase], error) {
	return quiver.Func(h.store, quiver.Def{Name: "key-phrases", Module: "examples/lambda", Version: quiver.IntVersion(1)}, keyPhrases, &quiver.FuncOptions[[]phrase]{
		Once:          term,
		OnceWait:      max(left-computing, time.Millisecond), // then there is time yet to compute here
		LookUpTime:    max(left/4, time.Millisecond),         // a store that does not answer must not use up the invocation
		OmitArguments: true,                                  // texts count by their digests, and are not kept
	})
}
