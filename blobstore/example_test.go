package blobstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
)

func Example() {
	ctx := context.Background()
	store := blobstore.New(mem.New(nil), nil)

	type fit struct {
		Weights []float64
		Rounds  int
	}
	key, err := store.Save(ctx, fit{[]float64{0.5, -1}, 12}, nil)
	if err != nil {
		log.Fatal(err)
	}
	loaded, err := blobstore.LoadAs[fit](ctx, store, key.Abbreviate(8))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(loaded.Weights, loaded.Rounds)
	// Output: [0.5 -1] 12
}

func ExampleStore_SaveReader() {
	ctx := context.Background()
	store := blobstore.New(mem.New(nil), nil)
	key, err := store.SaveReader(ctx, strings.NewReader("a long text"), nil)
	if err != nil {
		log.Fatal(err)
	}
	value, err := store.Open(ctx, key)
	if err != nil {
		log.Fatal(err)
	}
	defer value.Close()
	text, err := io.ReadAll(value) // an error means that what was read is not to be believed
	fmt.Println(string(text), value.Codec(), err)
	// Output: a long text raw <nil>
}

func ExampleStore_Load_miss() {
	store := blobstore.New(mem.New(nil), nil)
	var value []string
	err := store.Load(context.Background(), digest.OfBytes([]byte("never saved")), &value)
	fmt.Println(errors.Is(err, digest.ErrNotFound))
	// Output: true
}

func ExampleStore_Save_refused() {
	type metres float64
	store := blobstore.New(mem.New(nil), nil)
	_, err := store.Save(context.Background(), []any{metres(3)}, nil) // an interface would forget that these are metres
	fmt.Println(err != nil)
	_, err = store.Save(context.Background(), []metres{3}, nil)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// upper keeps strings of capital letters.
type upper struct{}

func (upper) Name() string { return "x-upper" }

func (upper) Encode(v any) ([]byte, error) { return []byte(strings.ToLower(v.(string))), nil }

func (upper) Decode(b []byte, into any) error {
	*into.(*string) = strings.ToUpper(string(b))
	return nil
}

func ExampleCodec() {
	ctx := context.Background()
	store := blobstore.New(mem.New(nil), &blobstore.Options{Codecs: []blobstore.Codec{upper{}}})
	key, err := store.Save(ctx, "LOUD", &blobstore.SaveOptions{Codec: upper{}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(blobstore.LoadAs[string](ctx, store, key))
	_, err = store.Save(ctx, "quiet", &blobstore.SaveOptions{Codec: upper{}}) // it would come back as QUIET
	fmt.Println(err != nil)
	// Output:
	// LOUD <nil>
	// true
}
