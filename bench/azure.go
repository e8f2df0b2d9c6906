package main

import (
	"bytes"
	"context"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/integration/servers"
)

type azurePeer struct{ container *container.Client }

func dialAzure(_ context.Context, server *servers.Server, bucketName string) (peer, error) {
	account := os.Getenv("AZURE_STORAGE_ACCOUNT")
	credential, err := container.NewSharedKeyCredential(account, os.Getenv("AZURE_STORAGE_KEY"))
	if err != nil {
		return nil, err
	}
	options := &container.ClientOptions{}
	options.Transport = adapters.Client()
	client, err := container.NewClientWithSharedKeyCredential("http://"+server.Address+"/"+account+"/"+bucketName, credential, options)
	if err != nil {
		return nil, err
	}
	return azurePeer{client}, nil
}

func absent() *blob.AccessConditions {
	return &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
}

func (p azurePeer) put(ctx context.Context, key string, content []byte) error {
	body := streaming.NopCloser(bytes.NewReader(content))
	_, err := p.container.NewBlockBlobClient(key).Upload(ctx, body, &blockblob.UploadOptions{AccessConditions: absent()})
	return err
}

func (p azurePeer) get(ctx context.Context, key string) ([]byte, error) {
	out, err := p.container.NewBlobClient(key).DownloadStream(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return readFull(out.Body, *out.ContentLength)
}

func (p azurePeer) remove(ctx context.Context, key string) error {
	_, err := p.container.NewBlobClient(key).Delete(ctx, nil)
	return err
}

func (p azurePeer) list(ctx context.Context, prefix string) (n int, err error) {
	pages := p.container.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix, MaxResults: to.Ptr(int32(5000))})
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return n, err
		}
		n += len(page.Segment.BlobItems)
	}
	return n, nil
}

func (p azurePeer) upload(ctx context.Context, key string, file *os.File, _ int64) error {
	_, err := p.container.NewBlockBlobClient(key).UploadFile(ctx, file, &blockblob.UploadFileOptions{
		BlockSize: 8 << 20, Concurrency: 5, AccessConditions: absent(),
	})
	return err
}

func (p azurePeer) download(ctx context.Context, key string, file *os.File) error {
	_, err := p.container.NewBlobClient(key).DownloadFile(ctx, file, &blob.DownloadFileOptions{BlockSize: 8 << 20, Concurrency: 5})
	return err
}
