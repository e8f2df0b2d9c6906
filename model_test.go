package quiver_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/layout"
)

// TestAMemoisedFunctionIsTheFunction: whatever several processes do with a store, and whatever becomes of the store, Call and Refresh return what the function returns, and
// Load that or a miss or the store's failure.
func TestAMemoisedFunctionIsTheFunction(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := mem.New(nil)
		type process struct {
			*client
			*power
			f *quiver.Function[int, string]
		}
		runs := &counter{}
		processes := make([]process, rapid.IntRange(1, 3).Draw(r, "processes"))
		for i := range processes {
			p := &power{kind: rapid.SampledFrom([]error{bucket.ErrUnavailable, bucket.ErrRefused, bucket.ErrThrottled}).Draw(r, "kind")}
			c := newClient(b, quiver.Options{}, p.middleware)
			processes[i] = process{c, p, words(t, c.Store, runs)}
		}
		oneOf := func(r *rapid.T) process { return rapid.SampledFrom(processes).Draw(r, "process") }
		sizes := rapid.SampledFrom([]int{0, inlineSize, valueSize})
		check := func(r *rapid.T, n int, got string, err error) {
			if err != nil || got != word(n) {
				r.Fatalf("%.30q, %v", got, err)
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"call": func(r *rapid.T) {
				n := sizes.Draw(r, "n")
				got, err := oneOf(r).f.Call(context.Background(), n)
				check(r, n, got, err)
			},
			"refresh": func(r *rapid.T) {
				n := sizes.Draw(r, "n")
				got, err := oneOf(r).f.Refresh(context.Background(), n)
				check(r, n, got, err)
			},
			"load": func(r *rapid.T) {
				n, p := sizes.Draw(r, "n"), oneOf(r)
				got, err := p.f.Load(context.Background(), n)
				if err == nil || !errors.Is(err, quiver.ErrNotFound) && !p.off.Load() {
					check(r, n, got, err)
				}
			},
			"fail": func(r *rapid.T) {
				p := oneOf(r)
				p.writes.Store(rapid.Bool().Draw(r, "only writes"))
				p.off.Store(rapid.Bool().Draw(r, "off"))
			},
			"damage": func(r *rapid.T) {
				all := objects(t, b)
				maps.DeleteFunc(all, func(key string, body []byte) bool {
					return len(body) == 0 || strings.HasPrefix(key, layout.Index) || key == layout.Format
				})
				if len(all) == 0 {
					return // nothing is stored yet
				}
				key := rapid.SampledFrom(slices.Sorted(maps.Keys(all))).Draw(r, "object")
				body := slices.Clone(all[key])
				switch rapid.IntRange(0, 2).Draw(r, "how") {
				case 0:
					body[rapid.IntRange(0, len(body)-1).Draw(r, "at")] ^= rapid.ByteRange(1, 255).Draw(r, "pattern")
				case 1:
					body = body[:rapid.IntRange(0, len(body)-1).Draw(r, "length")]
				case 2:
					if err := b.Delete(context.Background(), key); err != nil {
						t.Fatal(err)
					}
					return
				}
				plant(t, b, key, body)
			},
		})
	})
}
