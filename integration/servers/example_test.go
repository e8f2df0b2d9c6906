package servers_test

import (
	"context"
	"fmt"

	"github.com/quivercache/quiver/integration/servers"
)

func ExampleStart() {
	server, err := servers.Start(context.Background(), servers.FakeGCS)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	made, err := server.NewBucket(context.Background())
	fmt.Println(server.Name, made.URL == "gs://"+made.Name, err)
	// Output: fake-gcs-server true <nil>
}
