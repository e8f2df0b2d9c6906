package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/gc"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

// listAtOnce is how many folders are listed at once, by gc and by what it is compared with.
const listAtOnce = 8

// benchGC compares the search for garbage in a store of so many calls, each with a value of its own, and some values more that nothing names, with what it cannot do without: a listing of the values and a reading of the segments. It lists the calls besides, since
// the index may lack some. Listings are made up as they are asked for, from keys that are in memory, and the index is read from a directory; in a cloud each request takes 30 ms.
func benchGC(ctx context.Context, r *report, only *regexp.Regexp, s settings) (err error) {
	x := &index{settings: s, report: r, only: only, calls: newCalls(fromSeed, s.calls)}
	defer func() {
		for _, undo := range slices.Backward(x.undo) {
			err = errors.Join(err, undo())
		}
	}()
	b, err := x.seeded(ctx)
	if err != nil {
		return err
	}
	h, err := hoarded(ctx, b, x.calls)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		suffix string
		wait   time.Duration
		goal   *float64
	}{{", without a wait", 0, nil}, {", +30 ms", faraway, new(1.3)}} {
		name := fmt.Sprintf("find in %d values and calls%s", s.calls, c.suffix)
		if !only.MatchString("gc " + name) {
			continue
		}
		far, err := remote(h, c.wait, nil)
		if err != nil {
			return err
		}
		if err := collect(ctx, r, s, far, h, name, c.goal); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// collect takes pairs until the time is decided, and reports it with the CPU time and the most memory.
func collect(ctx context.Context, r *report, s settings, b bucket.Bucket, h *hoard, name string, goal *float64) error {
	find := func(ctx context.Context) error {
		values := blobstore.New(b, nil)
		g, err := gc.Find(ctx, gc.Store{Bucket: b, Values: values, Calls: callindex.New(b, nil), Leases: lease.New(b, nil)}, nil)
		if err != nil {
			return err
		}
		if g.Values != h.nameless || g.KeptValues != len(h.keys[layout.Values])-h.nameless || g.KeptCalls != s.calls {
			err = fmt.Errorf("it finds %+v", g.Summary)
		}
		return errors.Join(err, g.Close())
	}
	floor := func(ctx context.Context) error {
		err := together(ctx, listAtOnce, 256, func(i int) error {
			for _, err := range bucket.All(ctx, b, bucket.ListOptions{Prefix: layout.ValueSpace.Prefix(fmt.Sprintf("%02x", i))}) {
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return callindex.New(b, nil).Trace(ctx, func(*callindex.Traced) error { return nil })
	}
	var taken pairs
	wall, processor := seconds(goal), cpu(", CPU", nil)
	for n := 0; n < 7 || goal != nil && n < s.pairs && taken.compare(wall.of, 1).verdict(*goal) == "noise"; n++ {
		if err := taken.add(ctx, find, floor); err != nil {
			return err
		}
	}
	for _, m := range []measure{wall, processor} {
		if err := r.add(lineOf("gc", name+m.name, m.unit, m.goal, taken.compare(m.of, 1))); err != nil {
			return err
		}
	}
	ours, err := peak(ctx, find)
	if err != nil {
		return err
	}
	theirs, err := peak(ctx, floor)
	if err != nil {
		return err
	}
	ratio := ours / theirs
	return r.add(lineOf("gc", name+", heap", "MiB", nil, comparison{ours: ours / (1 << 20), theirs: theirs / (1 << 20), ratio: ratio, low: ratio, high: ratio, pairs: 1}))
}

// hoard is a bucket with the index of calls, in a directory, and listings of calls and values that are not there.
type hoard struct {
	*file.Bucket
	keys     map[string][]digest.Digest // by folder, ascending
	nameless int                        // of the values
}

func hoarded(ctx context.Context, b *file.Bucket, c *calls) (*hoard, error) {
	begun := clock.Now()
	h := &hoard{Bucket: b, keys: map[string][]digest.Digest{}, nameless: max(1, c.n/20)}
	order, err := c.byKey(ctx)
	if err != nil {
		return nil, err
	}
	for i, o := range order {
		h.keys[layout.Calls] = append(h.keys[layout.Calls], o.key)
		h.keys[layout.Values] = append(h.keys[layout.Values], c.chance('r', i))
	}
	for i := range h.nameless {
		h.keys[layout.Values] = append(h.keys[layout.Values], c.chance('n', i))
	}
	slices.SortFunc(h.keys[layout.Values], digest.Digest.Compare)
	fmt.Fprintf(os.Stderr, "bench: keys of %d calls made in %.1f s\n", c.n, clock.Now().Sub(begun).Seconds())
	return h, nil
}

// List implements bucket.Bucket.
func (h *hoard) List(ctx context.Context, o bucket.ListOptions) (bucket.Page, error) {
	space := layout.ValueSpace
	if strings.HasPrefix(o.Prefix, layout.Calls) {
		space = layout.RecordSpace
	} else if !strings.HasPrefix(o.Prefix, layout.Values) {
		return h.Bucket.List(ctx, o)
	}
	keys := h.keys[space.Folder()]
	from := max(o.Prefix, o.After, o.Token)
	at, found := slices.BinarySearchFunc(keys, from, func(d digest.Digest, from string) int { return cmp.Compare(space.Name(d), from) })
	if found && from != o.Prefix {
		at++
	}
	now := clock.Now()
	page := bucket.Page{Date: now}
	for _, d := range keys[at:] {
		name := space.Name(d)
		if !strings.HasPrefix(name, o.Prefix) {
			break
		}
		if len(page.Objects) == cmp.Or(o.Limit, bucket.PageSize) {
			page.Next = page.Objects[len(page.Objects)-1].Key
			break
		}
		page.Objects = append(page.Objects, bucket.Info{Key: name, Size: 300, Version: "1", ModTime: now.Add(-48 * time.Hour)})
	}
	return page, nil
}
