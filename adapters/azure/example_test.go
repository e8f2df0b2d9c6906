package azure_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/quivercache/quiver/adapters/azure"
	"github.com/quivercache/quiver/bucket"
)

// A program that has a client of its own keeps it.
func ExampleNew() {
	ctx := context.Background()
	server := httptest.NewServer(newService()) // stands for https://account.blob.core.windows.net
	defer server.Close()
	credential, err := container.NewSharedKeyCredential("account", key)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := container.NewClientWithSharedKeyCredential(server.URL+"/account/c", credential, &container.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: azure.Transport(server.Client())},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := azure.New(ctx, client, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	fmt.Println(b.Put(ctx, "greeting", bucket.Bytes([]byte("hello")), bucket.IfAbsent()))
	fmt.Println(b.Put(ctx, "greeting", bucket.Bytes([]byte("servus")), bucket.IfAbsent()))
	object, err := b.Get(ctx, "greeting")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer object.Body.Close()
	content, err := io.ReadAll(object.Body)
	fmt.Println(string(content), object.Version, err)
	// Output:
	// <nil>
	// put greeting: there is an object already (BlobAlreadyExists, request request-1): The specified blob already exists
	// hello "0x8DF1" <nil>
}
