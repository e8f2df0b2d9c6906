package integration_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/internal/contracttest"
	"github.com/quivercache/quiver/internal/scripttest"
)

// onEach runs a suite on each server, bare and under a prefix.
func onEach(t *testing.T, suite func(t *testing.T, which servers.Product, open func(t *testing.T) bucket.Bucket)) {
	for _, which := range servers.Products() {
		for _, prefix := range []string{"", "team/project"} {
			t.Run(which.String()+"/"+cmp.Or(prefix, "bare"), func(t *testing.T) {
				s := shared(t, which)
				suite(t, which, func(t *testing.T) bucket.Bucket {
					return open(t, fresh(t, s, prefix)+extras[which].parameter)
				})
			})
		}
	}
}

func TestTheWholeContractHolds(t *testing.T) {
	onEach(t, func(t *testing.T, _ servers.Product, open func(t *testing.T) bucket.Bucket) {
		contracttest.Run(t, open)
	})
}

func TestLostAnswersMakeNoDifference(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			s := shared(t, which)
			contracttest.LostAnswers(t, func(t *testing.T) bucket.Bucket { return open(t, fresh(t, s, "")+extras[which].parameter) })
		})
	}
}

func TestManyWritersLoseNothing(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			s := shared(t, which)
			where := fresh(t, s, "") + extras[which].parameter
			contracttest.ManyWriters(t, func(t *testing.T) bucket.Bucket { return open(t, where) }, 8, 25)
		})
	}
}

// TestScripts runs the command's own scripts, with the command that a user builds, on stores that it knows by their URLs alone.
func TestScripts(t *testing.T) {
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "quiver"), "./cmd/quiver")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if runtime.GOOS == "windows" {
		t.Fatal("the scripts are for a POSIX shell")
	}
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			s := shared(t, which)
			var mu sync.Mutex
			store := func(name string) string {
				mu.Lock()
				defer mu.Unlock()
				return fresh(t, s, name) + extras[which].parameter
			}
			environment := append(s.Env(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			_, conditional := bucket.As[bucket.ConditionalDeleter](open(t, store("probe")))
			testscript.Run(t, scripttest.Params(scripttest.Options{
				Dir: "../cmd/quiver/testdata/script", Store: store, Env: environment, ConditionalDelete: conditional,
				Open: func(ctx context.Context, url string) (bucket.Bucket, error) {
					b, err := all.Open(ctx, url)
					if err != nil {
						return nil, fmt.Errorf("opening a script's store: %w", err)
					}
					return bucket.Decorate(b, bucket.Decorators{})
				},
			}))
		})
	}
}
