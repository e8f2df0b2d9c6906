//go:build soak

package s3_test

import (
	"testing"

	"github.com/quivercache/quiver/adapters/s3"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestS3MeetsTheWholeContract(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		b, _ := open(t, newFake(), &s3.Options{ConditionalDelete: true})
		return b
	}, bucket.GetRange, bucket.Removal, bucket.DeleteIf, bucket.DeleteAll, bucket.ListFolders, bucket.ListUploads)
}
