package file_test

import (
	"testing"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestADirectoryMeetsTheContract(t *testing.T) {
	buckettest.Run(t, func(t *testing.T) bucket.Bucket {
		b, err := file.New(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}, bucket.GetRange, bucket.DeleteIf)
}
