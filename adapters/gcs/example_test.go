package gcs_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/bucket"
)

// A public bucket needs no credentials. Nothing is sent before the first request.
func ExampleOpenURL() {
	location, err := url.Parse("gs://gcp-public-data-landsat/index?anonymous=true")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := gcs.OpenURL(context.Background(), location)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	err = b.Put(context.Background(), "a", bucket.Bytes(nil), bucket.IfMatch("an ETag"))
	fmt.Println(errors.Is(err, bucket.ErrInvalid))
	// Output: true
}

// A program makes its client as it likes; with Watched under it the store's time is known.
func ExampleNew() {
	ctx := context.Background()
	own := adapters.Client()
	own.Transport = gcs.Watched(own.Transport)
	client, err := storage.NewClient(ctx, option.WithHTTPClient(own), option.WithoutAuthentication())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	b, err := gcs.New(ctx, client, "shelf", &gcs.Options{ConditionalDelete: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	_, conditional := bucket.As[bucket.ConditionalDeleter](b)
	fmt.Println(conditional)
	// Output: true
}
