package buckettest

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/quivercache/quiver/bucket"
)

func rangeCases() []Case {
	return []Case{
		{Name: "GetRange returns a part, and describes the whole", Extra: bucket.GetRange, Reads: true, run: func(p *probe) {
			const content = "0123456789"
			p.create("a", content)
			for offset := range len(content) {
				for length := 1; length < len(content)+5; length++ {
					p.holdsRange("a", int64(offset), int64(length), content[offset:min(offset+length, len(content))])
				}
			}
		}},
		{Name: "GetRange of a missing object fails with ErrNotFound", Extra: bucket.GetRange, Reads: true, run: func(p *probe) {
			_, err := p.ranges().GetRange(p.ctx, p.key("a"), 0, 1)
			p.fails(bucket.ErrNotFound, err)
		}},
		{Name: "GetRange beyond the end fails with ErrInvalid", Extra: bucket.GetRange, Reads: true, run: func(p *probe) {
			p.create("a", "0123456789")
			for _, offset := range []int64{11, 1 << 40, -1} {
				_, err := p.ranges().GetRange(p.ctx, p.key("a"), offset, 1)
				p.fails(bucket.ErrInvalid, err)
			}
			_, err := p.ranges().GetRange(p.ctx, p.key("a"), 0, -1)
			p.fails(bucket.ErrInvalid, err)
		}},
		{Name: "GetRange refuses a key that cannot be", Extra: bucket.GetRange, Reads: true, run: func(p *probe) {
			for _, key := range []string{"", p.folder + "Upper", p.folder + "../a"} {
				_, err := p.ranges().GetRange(p.ctx, key, 0, 1)
				p.fails(bucket.ErrInvalid, err)
			}
		}},
	}
}

func (p *probe) ranges() bucket.RangeGetter {
	ranges, ok := bucket.As[bucket.RangeGetter](p.b)
	if !ok {
		p.failf("bucket.As finds no RangeGetter")
	}
	return ranges
}

// holdsRange demands that a part of an object has this content.
func (p *probe) holdsRange(name string, offset, length int64, content string) {
	object, err := p.ranges().GetRange(p.ctx, p.key(name), offset, length)
	p.must(err)
	defer object.Body.Close()
	got, err := io.ReadAll(object.Body)
	p.must(err)
	if string(got) != content {
		p.failf("%d bytes from %d are %s, not %s", length, offset, short(string(got)), short(content))
	}
	if info := p.stat(name); object.Key != info.Key || object.Size != info.Size || object.Version != info.Version {
		p.failf("GetRange says %+v, Stat says %+v", object.Info, info)
	}
}

func conditionalDeleteCases() []Case {
	return []Case{
		{Name: "DeleteIf removes the version that was read", Extra: bucket.DeleteIf, run: func(p *probe) {
			p.create("a", "one")
			p.create("b", "two")
			p.must(p.conditional().DeleteIf(p.ctx, p.key("a"), p.stat("a").Version))
			p.lacks("a")
			p.holds("b", "two")
		}},
		{Name: "DeleteIf fails with ErrChanged where there is another version", Extra: bucket.DeleteIf, run: func(p *probe) {
			p.create("a", "one")
			old := p.stat("a").Version
			p.replace("a", "two")
			p.fails(bucket.ErrChanged, p.conditional().DeleteIf(p.ctx, p.key("a"), old))
			p.holds("a", "two")
		}},
		{Name: "DeleteIf of a missing object fails with ErrNotFound", Extra: bucket.DeleteIf, run: func(p *probe) {
			p.create("a", "one")
			version := p.stat("a").Version
			p.must(p.b.Delete(p.ctx, p.key("a")))
			p.fails(bucket.ErrNotFound, p.conditional().DeleteIf(p.ctx, p.key("a"), version))
		}},
		{Name: "DeleteIf without a version is refused", Extra: bucket.DeleteIf, run: func(p *probe) {
			p.create("a", "one")
			p.fails(bucket.ErrInvalid, p.conditional().DeleteIf(p.ctx, p.key("a"), ""))
			p.holds("a", "one")
		}},
		{Name: "of a DeleteIf and an IfMatch of one version one wins", Extra: bucket.DeleteIf, run: func(p *probe) {
			for i := range 50 {
				name := strconv.Itoa(i)
				p.create(name, "one")
				version := p.stat(name).Version
				var won atomic.Int64
				p.together(4, func(w int) {
					deletes := w%2 == 0
					var err error
					if deletes {
						err = p.conditional().DeleteIf(p.ctx, p.key(name), version)
					} else {
						err = p.put(name, "two", bucket.IfMatch(version))
					}
					switch {
					case err == nil:
						won.Add(1)
					case errors.Is(err, bucket.ErrChanged), deletes && errors.Is(err, bucket.ErrNotFound):
					default:
						p.failf("a lost race fails with %w", err)
					}
				})
				if won.Load() != 1 {
					p.failf("%d of 4 that replace or delete one version have won", won.Load())
				}
			}
		}},
	}
}

func (p *probe) conditional() bucket.ConditionalDeleter {
	conditional, ok := bucket.As[bucket.ConditionalDeleter](p.b)
	if !ok {
		p.failf("bucket.As finds no ConditionalDeleter")
	}
	return conditional
}

func removalCases() []Case {
	return []Case{
		{Name: "Remove removes an object", Extra: bucket.Removal, run: func(p *probe) {
			p.create("a", "one")
			p.create("b", "two")
			p.must(p.remover().Remove(p.ctx, p.key("a")))
			p.lacks("a")
			p.holds("b", "two")
		}},
		{Name: "Remove of a missing object succeeds", Extra: bucket.Removal, run: func(p *probe) {
			p.must(p.remover().Remove(p.ctx, p.key("a")))
			p.lacks("a")
		}},
		{Name: "RemoveAll removes all that are there", run: func(p *probe) {
			p.createOrdered()
			gone := []string{"a", "b-c", "b/c/d", "ba", "c/d/ef"}
			keys := []string{p.key("no-such"), p.key("b/no-such")}
			for _, name := range gone {
				keys = append(keys, p.key(name))
			}
			p.must(bucket.RemoveAll(p.ctx, p.b, keys, 3))
			p.lists(bucket.ListOptions{Prefix: p.folder}, slices.DeleteFunc(slices.Clone(ordered), func(name string) bool { return slices.Contains(gone, name) })...)
		}},
		{Name: "Remove refuses a key that cannot be", Extra: bucket.Removal, run: func(p *probe) {
			for _, key := range []string{"", p.folder + "Upper", p.folder + "../a"} {
				p.fails(bucket.ErrInvalid, p.remover().Remove(p.ctx, key))
			}
		}},
	}
}

func (p *probe) remover() bucket.Remover {
	remover, ok := bucket.As[bucket.Remover](p.b)
	if !ok {
		p.failf("bucket.As finds no Remover")
	}
	return remover
}

func bulkDeleteCases() []Case {
	return []Case{
		{Name: "DeleteAll removes all that are there", Extra: bucket.DeleteAll, run: func(p *probe) {
			p.createOrdered()
			gone := []string{"a", "b/c/d", "ba"}
			p.must(p.bulk().DeleteAll(p.ctx, []string{p.key("a"), p.key("no-such"), p.key("b/c/d"), p.key("ba")}))
			p.lists(bucket.ListOptions{Prefix: p.folder}, slices.DeleteFunc(slices.Clone(ordered), func(name string) bool { return slices.Contains(gone, name) })...)
			p.must(p.bulk().DeleteAll(p.ctx, []string{p.key("a")}))
			p.must(p.bulk().DeleteAll(p.ctx, nil))
		}},
		{Name: "DeleteAll takes BulkSize keys and no more", Extra: bucket.DeleteAll, run: func(p *probe) {
			keys := make([]string, bucket.BulkSize+1)
			for i := range keys {
				keys[i] = p.key(strconv.Itoa(i))
			}
			p.create("0", "one")
			p.fails(bucket.ErrInvalid, p.bulk().DeleteAll(p.ctx, keys))
			p.holds("0", "one")
			p.must(p.bulk().DeleteAll(p.ctx, keys[:bucket.BulkSize]))
			p.lacks("0")
		}},
		{Name: "DeleteAll refuses a key that cannot be", Extra: bucket.DeleteAll, run: func(p *probe) {
			p.create("a", "one")
			p.fails(bucket.ErrInvalid, p.bulk().DeleteAll(p.ctx, []string{p.key("a"), p.folder + "../a"}))
			p.holds("a", "one")
		}},
	}
}

func (p *probe) bulk() bucket.BulkDeleter {
	bulk, ok := bucket.As[bucket.BulkDeleter](p.b)
	if !ok {
		p.failf("bucket.As finds no BulkDeleter")
	}
	return bulk
}
