package scripttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

func (h harness) freshStore(ts *testscript.TestScript, args []string) {
	want(ts, args, 1, "fresh-store NAME")
	ts.Setenv(args[0], h.Store(storeName(ts.Name(), args[0])))
}

func (h harness) objects(ts *testscript.TestScript, args []string) {
	want(ts, args, 2, "objects URL N")
	h.in(ts, args[0], func(ctx context.Context, b bucket.Bucket) error {
		n := 0
		for _, err := range bucket.All(ctx, b, bucket.ListOptions{}) {
			if err != nil {
				return err
			}
			n++
		}
		if fmt.Sprint(n) != args[1] {
			return fmt.Errorf("the store has %d objects, want %s", n, args[1])
		}
		return nil
	})
}

func (h harness) plant(ts *testscript.TestScript, args []string) {
	want(ts, args, 3, "plant URL NAME FILE")
	h.in(ts, args[0], func(ctx context.Context, b bucket.Bucket) error {
		return b.Put(ctx, args[1], bucket.Bytes([]byte(ts.ReadFile(args[2]))), bucket.IfAbsent())
	})
}

func (h harness) spoil(ts *testscript.TestScript, args []string) {
	want(ts, args, 3, "spoil cut|flip|empty|foreign FOLDER KEY")
	name := object(ts, args[1], args[2])
	body := h.read(ts, name)
	switch args[0] {
	case "cut":
		body = body[:len(body)-1]
	case "flip":
		body = bytes.Clone(body)
		body[len(body)*2/3] ^= 1
	case "empty":
		body = nil
	case "foreign":
		body = []byte("an object of somebody else")
	default:
		ts.Fatalf("cannot %s an object", args[0])
	}
	h.write(ts, ts.Getenv("STORE"), name, body)
}

func (h harness) newer(ts *testscript.TestScript, args []string) {
	want(ts, args, 2, "newer FOLDER KEY")
	text := fmt.Sprintf(`{"format":2,"key":%q`, args[1])
	h.write(ts, ts.Getenv("STORE"), object(ts, args[0], args[1]), fmt.Appendf(nil, "%s,\"sha256\":\"%x\"}\n", text, sha256.Sum256([]byte(text))))
}

func (h harness) transplant(ts *testscript.TestScript, args []string) {
	want(ts, args, 3, "transplant FOLDER KEY URL")
	name := object(ts, args[0], args[1])
	h.write(ts, args[2], name, h.read(ts, name))
}

// object is the name of the object of a value or a call.
func object(ts *testscript.TestScript, folder, key string) string {
	d, err := digest.Parse(key)
	ts.Check(err)
	switch folder + "/" {
	case layout.Values:
		return layout.ValueSpace.Name(d)
	case layout.Calls:
		return layout.RecordSpace.Name(d)
	}
	ts.Fatalf("there is no folder %s: values or calls", folder)
	return ""
}

const objectLimit = 1 << 20 // bytes that are read of an object

// read returns an object of the script's store.
func (h harness) read(ts *testscript.TestScript, name string) (body []byte) {
	h.in(ts, ts.Getenv("STORE"), func(ctx context.Context, b bucket.Bucket) (err error) {
		body, _, err = bucket.ReadAll(ctx, b, name, objectLimit)
		return err
	})
	return body
}

// write writes an object, whatever is there.
func (h harness) write(ts *testscript.TestScript, url, name string, body []byte) {
	h.in(ts, url, func(ctx context.Context, b bucket.Bucket) error {
		condition := bucket.IfAbsent()
		info, err := b.Stat(ctx, name)
		switch {
		case err == nil:
			condition = bucket.IfMatch(info.Version)
		case !errors.Is(err, bucket.ErrNotFound):
			return err
		}
		return b.Put(ctx, name, bucket.Bytes(body), condition)
	})
}

// in does something with the bucket that a URL names, within the deadlines of bucket.Decorate.
func (h harness) in(ts *testscript.TestScript, url string, do func(ctx context.Context, b bucket.Bucket) error) {
	ctx := context.Background()
	b, err := h.Open(ctx, url)
	ts.Check(err)
	defer b.Close()
	decorated, err := bucket.Decorate(b, bucket.Decorators{})
	ts.Check(err)
	ts.Check(do(ctx, decorated))
}
