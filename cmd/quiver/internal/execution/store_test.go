package execution_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
	"github.com/quivercache/quiver/digest"
)

func TestRequestsOfARun(t *testing.T) {
	w := newWorld(t)
	var recorder buckettest.Recorder
	w.middleware = []bucket.Middleware{recorder.Record}
	small := []string{"child-print", "out", "err", "0"}
	w.run(execution.Options{}, small...)
	recorder.Take() // a new bucket costs the reading and the writing of its format
	w.run(execution.Options{}, small...)
	recorder.Expect(t, "get quiver.json", "get calls/*")

	w.run(execution.Options{}, "child-print", "another", "", "0")
	recorder.Expect(t, "get quiver.json", "get calls/*", "put index/*/marks/*", "put values/*", "put calls/*")

	packed := execution.Options{Out: []string{"out"}}
	w.run(packed, "child-tree", "out") // all but the large file are one value
	recorder.Expect(t, "get quiver.json", "get calls/*", "stat values/*", "put values/*", "put values/*", "put index/*/marks/*", "put values/*", "put calls/*")
	if err := os.RemoveAll("out"); err != nil {
		t.Fatal(err)
	}
	w.run(packed, "child-tree", "out")
	recorder.Expect(t, "get quiver.json", "get calls/*", "get values/*", "get values/*")
	w.run(packed, "child-tree", "out") // what is there already is not fetched
	recorder.Expect(t, "get quiver.json", "get calls/*")
	w.wantRuns(3)
}

// failing makes every request fail in one way.
func failing(err error) bucket.Middleware {
	return func(bucket.Handler) bucket.Handler {
		return func(_ context.Context, r *bucket.Request) (bucket.Answer, error) {
			return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: err}
		}
	}
}

func TestAStoreThatFailsNeverStopsTheCommandUnlessStrict(t *testing.T) {
	for _, kind := range []error{bucket.ErrRefused, bucket.ErrNoBucket, bucket.ErrThrottled, bucket.ErrUnavailable} {
		w := newWorld(t)
		w.engine.StoreName = "s3://bucket"
		w.middleware = []bucket.Middleware{failing(kind)}
		got := w.run(execution.Options{}, "child-print", "out", "", "0")
		if got.status != 0 || got.stdout != "out" {
			t.Fatalf("%v: %+v", kind, got)
		}
		w.wantTalk(got, "quiver: the store s3://bucket failed: "+kind.Error()+"; the command runs without it\n")
		if strings.Count(got.stderr, "\n") != 1 {
			t.Fatalf("one failure is said more than once: %s", got.stderr)
		}
		w.wantRuns(1)
		if e := w.events; len(e) != 1 || e[0] != (stats.Event{Without: true}) {
			t.Fatalf("counted %+v", e)
		}
		got = w.run(execution.Options{Explain: true}, "child-print", "out", "", "0")
		w.wantTalk(got, "quiver: computed without the store (the store failed), key ", "quiver: not remembered: "+kind.Error()+"\n")
		if strings.Contains(got.stderr, "miss") {
			t.Fatalf("a failure is called a miss: %s", got.stderr)
		}
		w.wantRuns(2)
		got = w.run(execution.Options{Strict: true}, "child-print", "out", "", "0")
		if got.status != execution.Failed || got.stdout != "" {
			t.Fatalf("%v, strict: %+v", kind, got)
		}
		w.wantTalk(got, kind.Error())
		w.wantRuns(2)
	}
}

func TestAnotherFailureAtTheSaveIsSaid(t *testing.T) {
	w := newWorld(t)
	faults := buckettest.NewFaults(
		buckettest.Fault{Verb: bucket.Get, Key: "calls/*", Do: buckettest.Fail(bucket.ErrThrottled)},
		buckettest.Fault{Verb: bucket.Put, Key: "calls/*", Do: buckettest.Fail(bucket.ErrRefused)},
	)
	w.middleware = []bucket.Middleware{faults.Inject}
	w.wantTalk(w.run(execution.Options{}, "child-print", "", "", "0"),
		"the store failed: "+bucket.ErrThrottled.Error(), "not remembered: "+bucket.ErrRefused.Error())
	faults.Done(t)
	if e := w.events; len(e) != 2 || e[0] != (stats.Event{Without: true}) || e[1] != (stats.Event{Unsaved: true}) {
		t.Fatalf("counted %+v", e)
	}
}

func TestOneRefusalIsSaidOnceWhateverItsNumber(t *testing.T) {
	w := newWorld(t)
	var n atomic.Int64
	w.middleware = []bucket.Middleware{func(bucket.Handler) bucket.Handler {
		return func(_ context.Context, r *bucket.Request) (bucket.Answer, error) {
			code := fmt.Sprintf("InvalidAccessKeyId, request %d", n.Add(1))
			return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrRefused, Code: code, Err: fmt.Errorf("operation %s", r.Verb)}
		}
	}}
	got := w.run(execution.Options{}, "child-print", "out", "", "0")
	if strings.Count(got.stderr, "\n") != 1 || len(w.events) != 1 {
		t.Fatalf("%+v, counted %+v", got, w.events)
	}
}

func TestAStoreThatCannotBeOpenedNeverStopsTheCommandUnlessStrict(t *testing.T) {
	w := newWorld(t)
	w.engine.Store = func(context.Context) (*quiver.Store, error) { return nil, errors.New("no such scheme") }
	got := w.run(execution.Options{}, "child-print", "out", "", "0")
	w.wantTalk(got, "the store failed: no such scheme; the command runs without it")
	w.wantRuns(1)
	if len(w.events) != 1 {
		t.Fatalf("one failure is counted as %+v", w.events)
	}
	if got := w.run(execution.Options{Strict: true}, "child-print", "out", "", "0"); got.status != execution.Failed {
		t.Fatalf("%+v", got)
	}
	w.wantRuns(1)
}

func TestAFailureToRememberIsSaid(t *testing.T) {
	for _, strict := range []bool{false, true} {
		w := newWorld(t)
		faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Key: "calls/*", Do: buckettest.Fail(bucket.ErrRefused)})
		w.middleware = []bucket.Middleware{faults.Inject}
		got := w.run(execution.Options{Strict: strict}, "child-print", "out", "", "0")
		want := 0
		if strict {
			want = execution.Failed
		}
		if got.status != want || got.stdout != "out" {
			t.Fatalf("strict %v: %+v", strict, got)
		}
		if !strings.Contains(got.stderr, bucket.ErrRefused.Error()) {
			t.Fatalf("strict %v: %+v", strict, got)
		}
		faults.Done(t)
	}
}

// silent never answers, and minds its context.
func silent(bucket.Handler) bucket.Handler {
	return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
		<-ctx.Done()
		return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable, Err: ctx.Err()}
	}
}

// deaf never answers, and minds nothing until the test is over.
func deaf(over chan struct{}) bucket.Middleware {
	return func(bucket.Handler) bucket.Handler {
		return func(_ context.Context, r *bucket.Request) (bucket.Answer, error) {
			<-over
			return bucket.Answer{}, &bucket.Error{Verb: r.Verb, Key: r.Name(), Kind: bucket.ErrUnavailable}
		}
	}
}

func TestALookUpEndsAfterThreeSeconds(t *testing.T) {
	for _, isDeaf := range []bool{false, true} {
		w := newWorld(t)
		w.write("script", "#!/bin/sh\n")
		// Package os/signal starts a goroutine when it is first used, which must not be inside the bubble.
		w.run(execution.Options{Disable: true}, "child-print", "", "", "0")
		synctest.Test(t, func(t *testing.T) {
			w.T = t
			over := make(chan struct{})
			defer close(over)
			w.middleware = []bucket.Middleware{silent}
			if isDeaf {
				w.middleware = []bucket.Middleware{deaf(over)}
			}
			began := w.engine.Clock.Now()
			// A dry run has the same look-up and no child, which the false clock could not know.
			got := w.run(execution.Options{DryRun: true}, "./script")
			took := w.engine.Clock.Now().Sub(began)
			w.wantTalk(got, "the store did not answer in time (3s)", "would run the command")
			if took < 3e9 || took > 3.5e9 {
				t.Fatalf("it took %s", took)
			}
		})
	}
}

func TestATransferWithoutProgressEnds(t *testing.T) {
	w := newWorld(t)
	o := execution.Options{Out: []string{"out"}}
	w.wantSilence(w.run(o, "child-tree", "out"))
	if err := os.RemoveAll("out"); err != nil {
		t.Fatal(err)
	}
	w.middleware = []bucket.Middleware{func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if r.Verb == bucket.Get && strings.HasPrefix(r.Key, "values/") {
				return silent(next)(ctx, r)
			}
			return next(ctx, r)
		}
	}}
	synctest.Test(t, func(t *testing.T) {
		w.T = t
		w.wantTalk(w.run(o, "child-tree", "out"), "the store failed: ", "did not answer in time", "the command runs")
	})
	w.T = t
	w.wantRuns(2)
}

// each calls do for every object under a prefix.
func each(w *world, prefix string, do func(name string, version bucket.Version, content []byte)) (n int) {
	w.Helper()
	for info, err := range bucket.All(w.Context(), w.bucket, bucket.ListOptions{Prefix: prefix}) {
		if err != nil {
			w.Fatal(err)
		}
		object, err := w.bucket.Get(w.Context(), info.Key)
		if err != nil {
			w.Fatal(err)
		}
		content, err := io.ReadAll(object.Body)
		if err != nil {
			w.Fatal(err)
		}
		do(info.Key, object.Version, content)
		n++
	}
	return n
}

func TestWhatIsDamagedOrLostIsAMissAndHeals(t *testing.T) {
	for _, prefix := range []string{"calls/", "values/"} {
		for name, harm := range map[string]func(w *world, name string, version bucket.Version, content []byte) error{
			"damaged": func(w *world, name string, version bucket.Version, content []byte) error {
				content[len(content)*2/3] ^= 0x40
				return w.bucket.Put(w.Context(), name, bucket.Bytes(content), bucket.IfMatch(version))
			},
			"cut": func(w *world, name string, version bucket.Version, content []byte) error {
				return w.bucket.Put(w.Context(), name, bucket.Bytes(content[:len(content)/2]), bucket.IfMatch(version))
			},
			"lost": func(w *world, name string, _ bucket.Version, _ []byte) error {
				return w.bucket.Delete(w.Context(), name)
			},
		} {
			t.Run(prefix+name, func(t *testing.T) {
				w := newWorld(t)
				o := execution.Options{Out: []string{"out"}}
				w.wantSilence(w.run(o, "child-tree", "out"))
				before := listing(t, "out")
				if err := os.RemoveAll("out"); err != nil {
					t.Fatal(err)
				}
				if each(w, prefix, func(object string, version bucket.Version, content []byte) {
					if err := harm(w, object, version, content); err != nil {
						t.Fatal(err)
					}
				}) == 0 {
					t.Fatal("there is nothing to harm")
				}
				if prefix+name != "calls/lost" {
					strict := o
					strict.Strict = true
					if got := w.run(strict, "child-tree", "out"); got.status != execution.Failed {
						t.Fatalf("strict: %+v", got)
					}
					w.wantRuns(1)
				}
				got := w.run(o, "child-tree", "out")
				w.wantRuns(2)
				if prefix+name == "calls/lost" {
					w.wantSilence(got)
				} else {
					w.wantTalk(got, "quiver: damaged or lost: ", "; the command runs\n")
				}
				// The run healed what was found damaged; what was behind it is found next.
				for n := 0; ; n++ {
					if err := os.RemoveAll("out"); err != nil {
						t.Fatal(err)
					}
					before := w.ran()
					w.run(o, "child-tree", "out")
					if w.ran() == before {
						break
					}
					if n == 3 {
						t.Fatal("it does not heal")
					}
				}
				if after := listing(t, "out"); after != before {
					t.Fatalf("restored\n%s\nnot\n%s", after, before)
				}
			})
		}
	}
}

func TestNothingIsPrintedOrWrittenBeforeAllIsThere(t *testing.T) {
	w := newWorld(t)
	w.write("out/old", "precious")
	o := execution.Options{Out: []string{"out"}}
	argv := []string{"/bin/sh", "-c", `printf x >>$COUNT; echo printed; if [ -e fail ]; then exit 9; fi; "$0" child-tree out`, os.Args[0]}
	o.NoAutoIn = true
	w.run(o, argv...)
	if err := os.RemoveAll("out"); err != nil {
		t.Fatal(err)
	}
	w.write("out/old", "precious")
	w.write("fail", "")
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Get, Key: "values/*", Nth: 2, Do: buckettest.CutBody(1000)})
	w.middleware = []bucket.Middleware{faults.Inject}
	got := w.run(o, argv...)
	faults.Done(t)
	if got.status != 9 || got.stdout != "printed\n" {
		t.Fatalf("%+v", got)
	}
	if w.read("out/old") != "precious" || names(t, "out") != "old" || names(t, ".") != "fail out" {
		t.Fatal("something was written")
	}
}

func TestTheFirstOfTwoWinsAndBothStream(t *testing.T) {
	w := newWorld(t)
	inner := newWorldEngine(w)
	// While the first runs, another engine runs the same command line and remembers it.
	var stderr buffer
	argv := []string{"/bin/sh", "-c", "printf x >>$COUNT; echo ready $(wc -c <$COUNT)"}
	stdout := whenReady(func() { inner(argv) })
	got := w.runWith(stdout, &stderr, execution.Options{}, argv...)
	w.want(got, outcome{0, "ready 1\n", ""})
	w.wantRuns(2)
	w.want(w.run(execution.Options{}, argv...), outcome{0, "ready 2\n", ""})
	w.wantRuns(2)
}

func TestTheOneThatIsNotFirstIsToldUnderExplain(t *testing.T) {
	for script, talk := range map[string]string{
		"printf x >>$COUNT; echo ready $(wc -c <$COUNT)": "not remembered: another run was remembered first, computed 20",
		"echo ready": "not remembered: another run with the same outcome was remembered first, computed 20",
	} {
		w := newWorld(t)
		inner := newWorldEngine(w)
		var stderr buffer
		argv := []string{"/bin/sh", "-c", script}
		got := w.runWith(whenReady(func() { inner(argv) }), &stderr, execution.Options{Explain: true}, argv...)
		w.wantTalk(got, "miss (not remembered yet)", talk, " on here in ")
		if strings.Contains(got.stderr, "quiver: remembered") {
			t.Fatalf("it was told otherwise too: %s", got.stderr)
		}
	}
}

// newWorldEngine returns a second client of the same store.
func newWorldEngine(w *world) func(argv []string) {
	other := w.engine
	return func(argv []string) {
		other.Stdout, other.Stderr = io.Discard, io.Discard
		if status := other.Run(w.Context(), execution.Options{Argv: argv}); status != 0 {
			w.Errorf("the other client ended with %d", status)
		}
	}
}

func TestAForgedOutcomeWritesNothing(t *testing.T) {
	w := newWorld(t)
	o := execution.Options{Out: []string{"out"}}
	w.wantSilence(w.run(o, "child-write", "out", "x"))
	store, err := w.engine.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	record := onlyRecord(t, store)
	none := execution.Content{Digest: digest.OfBytes([]byte{})}
	forged := execution.Outcome{Stdout: none, Stderr: none, Outs: []execution.Out{{Name: []byte("out"), Entries: []execution.Entry{
		{Path: []byte{}, Kind: execution.Directory}, {Path: []byte("../evil"), Kind: execution.File, Content: none},
	}}}}
	encoded, err := blobstore.CBOR.Encode(forged)
	if err != nil {
		t.Fatal(err)
	}
	if record.Result, err = digest.Of(forged); err != nil {
		t.Fatal(err)
	}
	record.Inline = &callindex.Inline{Codec: blobstore.CBOR.Name(), Data: encoded}
	if _, err := store.Calls.Save(t.Context(), record, &callindex.SaveOptions{Replace: true}); err != nil {
		t.Fatal(err)
	}
	w.wantTalk(w.run(o, "child-write", "out", "x"), "damaged or lost: ", `"../evil" has a part that names no file`, "the command runs")
	w.wantRuns(2)
	if got := names(t, "."); got != "out" {
		t.Fatalf("there is %s", got)
	}
}
