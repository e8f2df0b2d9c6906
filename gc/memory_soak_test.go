//go:build soak

package gc_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/layout"
)

// vast is a bucket with so many values in each of the 256 folders, which are made up as they are listed.
type vast struct {
	*mem.Bucket
	inFolder int
}

// key is a value of a folder.
func (v vast) key(folder, i int) (d digest.Digest) {
	d[0] = byte(folder)
	binary.BigEndian.PutUint64(d[1:], uint64(i)<<32)
	return d
}

func (v vast) List(ctx context.Context, o bucket.ListOptions) (bucket.Page, error) {
	if !strings.HasPrefix(o.Prefix, layout.Values) {
		return v.Bucket.List(ctx, o)
	}
	folder, i := 0, 0
	if rest := strings.TrimPrefix(o.Prefix, layout.Values); rest != "" {
		if _, err := fmt.Sscanf(rest, "%02x", &folder); err != nil {
			return bucket.Page{}, err
		}
	}
	if o.Token != "" {
		last, _ := layout.ValueSpace.Parse(o.Token)
		i = int(binary.BigEndian.Uint64(last[1:])>>32) + 1
	}
	now := time.Now()
	page := bucket.Page{Date: now}
	for ; i < v.inFolder; i++ {
		if len(page.Objects) == bucket.MaxPage {
			page.Next = page.Objects[len(page.Objects)-1].Key
			break
		}
		page.Objects = append(page.Objects, bucket.Info{Key: layout.ValueSpace.Name(v.key(folder, i)), Size: 100, Version: "1", ModTime: now.Add(-2 * day)})
	}
	return page, nil
}

// TestTenMillionValuesTakeAQuarterOfAGiBAtTheMost measures the heap with all that is dead in it, as the operating system sees it.
func TestTenMillionValuesTakeAQuarterOfAGiBAtTheMost(t *testing.T) {
	for _, options := range []gc.Options{{}, {MaxBytes: 1 << 30, KeepLast: 1}} {
		b := vast{mem.New(nil), 10_000_000/256 + 1}
		c := newClient(b, &wallClock{}, nil)
		options.TempDir = t.TempDir()
		runtime.GC()
		done := make(chan error)
		var g *gc.Garbage
		go func() {
			var err error
			g, err = gc.Find(t.Context(), c.Store, &options)
			done <- err
		}()
		most, begun := uint64(0), time.Now()
		ticks := time.NewTicker(5 * time.Millisecond)
		defer ticks.Stop()
		for running := true; running; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				running = false
			case <-ticks.C:
				read := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
				metrics.Read(read)
				most = max(most, read[0].Value.Uint64())
			}
		}
		t.Logf("%+v: %d values in %v, at most %d MiB of heap", options, g.Values, time.Since(begun).Round(time.Millisecond), most>>20)
		if g.Values < 10_000_000 || most > 256<<20 {
			t.Errorf("%d values, at most %d bytes of heap", g.Values, most)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(context.Context, time.Duration) error { return nil }
