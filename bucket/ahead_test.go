package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/bucket/mem"
)

// distant is a store that is worth reading in parts, three at once.
type distant struct{ *mem.Bucket }

func (distant) Tuning() bucket.Tuning { return bucket.Tuning{ReadAhead: 3} }

// part is how many bytes of a large object a request asks for.
const part = 8 << 20

// noise is what large objects have.
var noise = sync.OnceValue(func() []byte {
	content := make([]byte, 6*part)
	if _, err := rand.NewChaCha8([32]byte{1}).Read(content); err != nil {
		panic(err) // it reads for ever
	}
	return content
})

// large returns a distant store with an object of some bytes, and the bytes.
func large(t *testing.T, size int) (distant, []byte) {
	t.Helper()
	b := distant{mem.New(nil)}
	if err := b.Put(t.Context(), "k", bucket.Bytes(noise()[:size]), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	return b, noise()[:size]
}

// compared is a writer that wants certain bytes.
type compared struct {
	want []byte
	at   int
}

func (c *compared) Write(p []byte) (int, error) {
	if end := c.at + len(p); end > len(c.want) || !bytes.Equal(p, c.want[c.at:end]) {
		return 0, fmt.Errorf("other bytes from %d on", c.at)
	}
	c.at += len(p)
	return len(p), nil
}

// yields says what r yields, if it is not the content or a start of it.
func yields(r io.Reader, content []byte) (int, error) {
	c := &compared{want: content}
	_, err := io.Copy(c, r)
	return c.at, err
}

// opened reads ahead, and closes the body when the test ends.
func opened(t *testing.T, b bucket.Bucket) *bucket.Object {
	t.Helper()
	object, err := bucket.ReadAhead(t.Context(), b, "k")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { object.Body.Close() })
	return object
}

// onlyReader hides a reader's WriteTo.
type onlyReader struct{ io.Reader }

func TestReadAheadYieldsTheObject(t *testing.T) {
	for name, as := range map[string]func(io.Reader) io.Reader{
		"Read":        func(r io.Reader) io.Reader { return onlyReader{r} },
		"short Reads": func(r io.Reader) io.Reader { return iotest.HalfReader(r) },
		"WriteTo":     func(r io.Reader) io.Reader { return r },
	} {
		b, content := large(t, 4*part+12345)
		if n, err := yields(as(opened(t, b).Body), content); err != nil || n != len(content) {
			t.Errorf("by %s: %d bytes, %v", name, n, err)
		}
	}
	for _, size := range []int{0, 1, 4*part - 1, 4 * part} {
		b, content := large(t, size)
		object := opened(t, b)
		if n, err := yields(object.Body, content); err != nil || n != size || object.Size != int64(size) {
			t.Errorf("of %d bytes: %d, %v", size, n, err)
		}
	}
}

func TestReadAheadYieldsMoreThanAPartAtOnce(t *testing.T) {
	b, content := large(t, 4*part)
	object := opened(t, b)
	start := make([]byte, part+100)
	if _, err := io.ReadFull(object.Body, start); err != nil || !bytes.Equal(start, content[:len(start)]) {
		t.Fatal(err)
	}
	if n, err := yields(object.Body, content[len(start):]); err != nil || n != len(content)-len(start) {
		t.Errorf("then %d bytes, %v", n, err)
	}
}

func TestReadAheadHasABudget(t *testing.T) {
	b, _ := large(t, 5*part+1)
	var requests buckettest.Recorder
	decorated, err := bucket.Decorate(b, bucket.Decorators{Limit: 8})
	if err != nil {
		t.Fatal(err)
	}
	recorded := bucket.Wrap(decorated, requests.Record)
	if _, err := io.Copy(io.Discard, opened(t, recorded).Body); err != nil {
		t.Error(err)
	}
	requests.Expect(t, "get k", "get range k", "get range k", "get range k", "get range k", "get range k")
	if _, err := io.CopyN(io.Discard, opened(t, recorded).Body, 200<<10); err != nil {
		t.Error(err)
	}
	requests.Expect(t, "get k") // who looks at the start pays for no more
	small, _ := large(t, 4*part-1)
	if _, err := io.Copy(io.Discard, opened(t, bucket.Wrap(small, requests.Record)).Body); err != nil {
		t.Error(err)
	}
	requests.Expect(t, "get k")
	near := mem.New(nil)
	if err := near.Put(t.Context(), "k", bucket.Bytes(make([]byte, 5*part)), bucket.IfAbsent()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, opened(t, bucket.Wrap(near, requests.Record)).Body); err != nil {
		t.Error(err)
	}
	requests.Expect(t, "get k")
}

func TestReadAheadAsksForSoManyPartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := large(t, 6*part)
		var asked atomic.Int64
		answer := make(chan struct{})
		object := opened(t, bucket.Wrap(b, around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if r.Verb == bucket.GetRange {
				asked.Add(1)
				<-answer
			}
			return next(ctx, r)
		})))
		for _, c := range []struct{ read, asked int64 }{{256 << 10, 0}, {1, 3}, {part - 256<<10 - 1, 3}} {
			if _, err := io.CopyN(io.Discard, onlyReader{object.Body}, c.read); err != nil {
				t.Fatal(err)
			}
			if synctest.Wait(); asked.Load() != c.asked {
				t.Errorf("%d parts are asked for, not %d", asked.Load(), c.asked)
			}
		}
		close(answer)
		for _, c := range []struct{ read, asked int64 }{{1, 3}, {part, 4}, {2 * part, 5}} {
			if _, err := io.CopyN(io.Discard, onlyReader{object.Body}, c.read); err != nil {
				t.Fatal(err)
			}
			if synctest.Wait(); asked.Load() != c.asked {
				t.Errorf("%d parts are asked for, not %d", asked.Load(), c.asked)
			}
		}
	})
}

func TestReadAheadTellsWhatFailed(t *testing.T) {
	for name, c := range map[string]struct {
		fault buckettest.Fault
		kind  error
		words string
	}{
		"an object that is gone":   {buckettest.Fault{Verb: bucket.GetRange, Key: "k", Nth: 2, Do: buckettest.Fail(bucket.ErrNotFound)}, bucket.ErrUnavailable, "reading the body, at byte"},
		"a part that fails":        {buckettest.Fault{Verb: bucket.GetRange, Key: "k", Nth: 2, Do: buckettest.Fail(bucket.ErrThrottled)}, bucket.ErrThrottled, "reading the body, at byte"},
		"a part that is cut":       {buckettest.Fault{Verb: bucket.GetRange, Key: "k", Nth: 1, Do: buckettest.CutBody(100)}, bucket.ErrUnavailable, "reading the body, at byte"},
		"a first part that is cut": {buckettest.Fault{Verb: bucket.Get, Key: "k", Do: buckettest.CutBody(100)}, bucket.ErrUnavailable, "broke after 100 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			b, content := large(t, 4*part)
			faults := buckettest.NewFaults(c.fault)
			object := opened(t, bucket.Wrap(b, faults.Inject))
			n, err := yields(object.Body, content)
			is(t, err, c.kind)
			if errors.Is(err, bucket.ErrNotFound) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%d bytes, then %v", n, err)
			}
			if _, again := object.Body.Read(make([]byte, 1)); !errors.Is(again, c.kind) {
				t.Errorf("the next Read says %v", again)
			}
		})
	}
}

func TestReadAheadMixesNoVersions(t *testing.T) {
	b, content := large(t, 4*part)
	object := opened(t, b)
	if err := b.Put(t.Context(), "k", bucket.Bytes(noise()[1:4*part+1]), bucket.IfMatch(object.Version)); err != nil {
		t.Fatal(err)
	}
	n, err := yields(object.Body, content)
	is(t, err, bucket.ErrUnavailable)
	if n != part {
		t.Errorf("%d bytes of the object were read", n)
	}
}

// A reader holds no slot that another needs to go on.
func TestManyReadAheadUnderALimit(t *testing.T) {
	b, content := large(t, 4*part)
	limited := bucket.Wrap(b, bucket.Limit(2))
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			object, err := bucket.ReadAhead(t.Context(), limited, "k")
			if err != nil {
				t.Error(err)
				return
			}
			defer object.Body.Close()
			if n, err := yields(object.Body, content); err != nil || n != len(content) {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
	readers.Wait()
}

func TestAReaderAheadThatIsClosedEarlyKeepsNothing(t *testing.T) {
	b, _ := large(t, 4*part)
	limited := bucket.Wrap(b, bucket.Limit(4))
	for _, taken := range []int64{0, 1 << 20, part + 1} {
		t.Run(fmt.Sprint(taken), func(t *testing.T) {
			for range 3 { // slots that stay taken run out
				object, err := bucket.ReadAhead(t.Context(), limited, "k")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.CopyN(io.Discard, object.Body, taken); err != nil {
					t.Error(err)
				}
				object.Body.Close()
				if _, err := object.Body.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
					t.Errorf("a closed body reads: %v", err)
				}
			}
		})
	}
}

func TestAReaderAheadEndsWithItsContext(t *testing.T) {
	b, _ := large(t, 6*part)
	ctx, cancel := context.WithCancel(t.Context())
	object, err := bucket.ReadAhead(ctx, b, "k")
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	if _, err := io.CopyN(io.Discard, object.Body, part+1); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, object.Body)
	is(t, err, bucket.ErrUnavailable)
	is(t, err, context.Canceled)
}
