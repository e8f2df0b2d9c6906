package quiver_test

import (
	"context"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/contracttest"
)

// stores are those that need no server; plain has no extras, as a cloud that cannot delete conditionally.
var stores = map[string]func(t *testing.T) bucket.Bucket{
	"mem":   func(*testing.T) bucket.Bucket { return mem.New(nil) },
	"plain": func(*testing.T) bucket.Bucket { return struct{ bucket.Bucket }{mem.New(nil)} },
	"file": func(t *testing.T) bucket.Bucket {
		b, err := file.New(t.TempDir(), &file.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		return b
	},
}

// TestContract is the storage contract, row by row, bare and under a prefix.
func TestContract(t *testing.T) {
	for name, open := range stores {
		for _, prefix := range []string{"", "/team/project"} {
			t.Run(name+prefix, func(t *testing.T) {
				contracttest.Run(t, func(t *testing.T) bucket.Bucket {
					b, err := bucket.Decorate(open(t), bucket.Decorators{Prefix: strings.TrimPrefix(prefix+"/", "/"), Limit: 16})
					if err != nil {
						t.Fatal(err)
					}
					return b
				})
			})
		}
	}
}

// TestAnAnswerThatIsLostMakesNoDifference loses the answer to each request of each operation.
func TestAnAnswerThatIsLostMakesNoDifference(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { contracttest.LostAnswers(t, open) })
	}
}

// TestEveryCrashPointOfEveryOperation stops the client at each request of each operation.
func TestEveryCrashPointOfEveryOperation(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { contracttest.Crashes(t, open) })
	}
}

func mustDigest(t *testing.T, v any) digest.Digest {
	t.Helper()
	d, err := digest.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func mustPut(t *testing.T, s *quiver.Store, v any) digest.Digest {
	t.Helper()
	d, err := s.Values.Save(context.Background(), v, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
