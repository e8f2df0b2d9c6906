package integration_test

import (
	"cmp"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/integration/servers"
)

// extras are what a bucket of each server can do besides, and the parameter that says so. MinIO and fake-gcs-server ignore the condition of a DELETE;
// versitygw looks before it deletes, so that a DELETE and a PUT of one version may both win, and answers 204 where there is nothing.
var extras = map[servers.Product]struct {
	verbs     []bucket.Verb
	parameter string
}{
	servers.MinIO:     {verbs: []bucket.Verb{bucket.GetRange, bucket.Removal, bucket.ListFolders, bucket.DeleteAll, bucket.ListUploads}},
	servers.Versitygw: {verbs: []bucket.Verb{bucket.GetRange, bucket.Removal, bucket.ListFolders, bucket.DeleteAll, bucket.ListUploads}},
	servers.FakeGCS:   {verbs: []bucket.Verb{bucket.GetRange, bucket.Removal, bucket.ListFolders}},
	servers.Azurite:   {verbs: []bucket.Verb{bucket.GetRange, bucket.Removal, bucket.ListFolders, bucket.DeleteIf}, parameter: "&conditional_delete=true"},
}

func TestServersMeetTheContract(t *testing.T) {
	for _, which := range servers.Products() {
		for _, prefix := range []string{"", "team/project"} {
			t.Run(which.String()+"/"+cmp.Or(prefix, "bare"), func(t *testing.T) {
				t.Parallel()
				s := shared(t, which)
				buckettest.Run(t, func(t *testing.T) bucket.Bucket {
					return open(t, fresh(t, s, prefix)+extras[which].parameter)
				}, extras[which].verbs...)
			})
		}
	}
}
