package main

import (
	"context"
	"errors"
	"io"
	"os"

	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/integration/servers"
)

type gcsPeer struct{ bucket *storage.BucketHandle }

func dialGCS(ctx context.Context, server *servers.Server, bucketName string) (peer, error) {
	own := adapters.Client()
	transport, err := htransport.NewTransport(ctx, own.Transport, option.WithoutAuthentication()) // as the SDK makes its own, over its own connections
	if err != nil {
		return nil, err
	}
	own.Transport = transport
	client, err := storage.NewClient(ctx, option.WithoutAuthentication(), option.WithHTTPClient(own))
	if err != nil {
		return nil, err
	}
	return gcsPeer{client.Bucket(bucketName)}, nil
}

// put sends one request: the SDK would keep a buffer of 16 MiB otherwise.
func (p gcsPeer) put(ctx context.Context, key string, content []byte) error {
	w := p.bucket.Object(key).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ChunkSize = 0
	if _, err := w.Write(content); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close()
}

func (p gcsPeer) get(ctx context.Context, key string) ([]byte, error) {
	r, err := p.bucket.Object(key).NewReader(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readFull(r, r.Attrs.Size)
}

func (p gcsPeer) remove(ctx context.Context, key string) error {
	return p.bucket.Object(key).Delete(ctx)
}

// list asks for what Quiver needs of an object, and no more.
func (p gcsPeer) list(ctx context.Context, prefix string) (n int, err error) {
	query := &storage.Query{Prefix: prefix, Projection: storage.ProjectionNoACL}
	if err := query.SetAttrSelection([]string{"Name", "Size", "Generation", "Updated"}); err != nil {
		return 0, err
	}
	objects := p.bucket.Objects(ctx, query)
	objects.PageInfo().MaxSize = 1000 // as GCS gives at the most; the emulator gives all at once
	for ; ; n++ {
		if _, err := objects.Next(); errors.Is(err, iterator.Done) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

func (p gcsPeer) upload(ctx context.Context, key string, file *os.File, _ int64) error {
	w := p.bucket.Object(key).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	if _, err := io.Copy(w, file); err != nil {
		return errors.Join(err, w.Close())
	}
	return w.Close()
}

func (p gcsPeer) download(ctx context.Context, key string, file *os.File) error {
	r, err := p.bucket.Object(key).NewReader(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(file, r)
	return err
}
