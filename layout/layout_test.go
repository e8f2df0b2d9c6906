package layout_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
)

var (
	digests = rapid.Custom(func(t *rapid.T) (d digest.Digest) {
		copy(d[:], rapid.SliceOfN(rapid.Byte(), len(d), len(d)).Draw(t, "bytes"))
		return d
	})
	ids       = rapid.StringMatching(`[0-9a-f]{32}`)
	functions = rapid.Custom(func(t *rapid.T) layout.Function { return layout.Function(rapid.Uint32().Draw(t, "function")) })
	shards    = rapid.Custom(func(t *rapid.T) layout.Shard {
		return layout.Shard(rapid.IntRange(0, layout.Shards-1).Draw(t, "shard"))
	})
)

// TestNamesStay pins the names to what docs/format.md says: they are in people's buckets.
func TestNamesStay(t *testing.T) {
	d, err := digest.Parse(strings.Repeat("3fa9c1d2", 8))
	if err != nil {
		t.Fatal(err)
	}
	id := "00112233445566778899aabbccddeeff"
	f := layout.FunctionOf("train")
	for _, c := range []struct{ got, want string }{
		{layout.Format, "quiver.json"},
		{layout.ValueSpace.Name(d), "values/3f/" + d.String()},
		{layout.RecordSpace.Name(d), "calls/3f/" + d.String() + ".json"},
		{layout.LeaseSpace.Name(d), "leases/" + d.String() + ".json"},
		{layout.ValueSpace.Prefix("3fa9"), "values/3f/3fa9"},
		{f.String(), "9693bbb6"},
		{f.Shard().String(), "25"},
		{layout.Mark{Function: f, Key: d, Signature: 0xab, Write: id}.Name(), "index/25/marks/9693bbb6/" + d.String() + ".00000000000000ab." + id},
		{layout.BatchMark{Function: f, Write: id}.Name(), "index/25/marks/9693bbb6/batch." + id},
		{layout.Manifest(5), "index/05/manifest.json"},
		{layout.Segment{Shard: 5, ID: id}.Table(), "index/05/segments/" + id + ".parquet"},
		{layout.Segment{Shard: 5, ID: id}.Filter(), "index/05/segments/" + id + ".filter"},
		{layout.Segment{Shard: 5, ID: id}.Deletions(), "index/05/segments/" + id + ".deletions"},
	} {
		if c.got != c.want {
			t.Errorf("name %s, want %s", c.got, c.want)
		}
		if err := bucket.CheckKey(c.got); err != nil {
			t.Errorf("name %s is no key: %v", c.got, err)
		}
	}
}

func TestWhatIsBuiltIsParsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, id, f, s := digests.Draw(t, "digest"), ids.Draw(t, "id"), functions.Draw(t, "function"), shards.Draw(t, "shard")
		for _, space := range []layout.Keyspace{layout.ValueSpace, layout.RecordSpace, layout.LeaseSpace} {
			if got, ok := space.Parse(space.Name(d)); !ok || got != d {
				t.Errorf("Parse(%s) = %v, %v", space.Name(d), got, ok)
			}
			n := rapid.IntRange(2, 64).Draw(t, "length")
			if prefix := space.Prefix(d.String()[:n]); !strings.HasPrefix(space.Name(d), prefix) || !strings.HasPrefix(prefix, space.Folder()) {
				t.Errorf("%s does not begin with %s, or that not with %s", space.Name(d), prefix, space.Folder())
			}
		}
		mark := layout.Mark{Function: f, Key: d, Signature: layout.Signature(rapid.Uint64().Draw(t, "signature")), Write: id}
		if got, batch := layout.ParseMark(mark.Name()); got == nil || *got != mark || batch != nil {
			t.Errorf("ParseMark(%s) = %v, %v", mark.Name(), got, batch)
		}
		if got, ok := layout.ParseEntry(mark.Entry()); !ok || got.Key != d || got.Signature != mark.Signature {
			t.Errorf("ParseEntry(%s) = %v, %v", mark.Entry(), got, ok)
		}
		batch := layout.BatchMark{Function: f, Write: id}
		if single, got := layout.ParseMark(batch.Name()); got == nil || *got != batch || single != nil {
			t.Errorf("ParseMark(%s) = %v, %v", batch.Name(), single, got)
		}
		for _, name := range []string{mark.Name(), batch.Name()} {
			if !strings.HasPrefix(name, layout.MarkFolder(f)) {
				t.Errorf("%s is not in the folder of its function", name)
			}
		}
		segment := layout.Segment{Shard: s, ID: id}
		for _, name := range []string{segment.Table(), segment.Filter(), segment.Deletions()} {
			if got, ok := layout.ParseSegment(name); !ok || got != segment || !strings.HasPrefix(name, layout.SegmentFolder(s)) {
				t.Errorf("ParseSegment(%s) = %v, %v", name, got, ok)
			}
		}
		if got, ok := layout.ParseShard(s.String()); !ok || got != s {
			t.Errorf("ParseShard(%s) = %v, %v", s, got, ok)
		}
	})
}

// TestShardsAreFilledEvenly looks at the shards of many names: none has much more than its share.
func TestShardsAreFilledEvenly(t *testing.T) {
	const names = 64_000
	var filled [layout.Shards]int
	for i := range names {
		filled[layout.FunctionOf(strings.Repeat("f", i%7)+string(rune('a'+i%26))+layout.Function(i).String()).Shard()]++
	}
	for s, n := range filled {
		if n < 800 || n > 1200 {
			t.Errorf("shard %d has %d of %d names, want about %d", s, n, names, names/layout.Shards)
		}
	}
}

// FuzzParse holds that no parser accepts a name that its builder would not build, whatever it is given.
func FuzzParse(f *testing.F) {
	d := digest.OfBytes([]byte("x"))
	id := strings.Repeat("0f", 16)
	for _, name := range []string{
		"", "/", "values/", "calls/ab/.json", layout.Format, layout.ValueSpace.Name(d), layout.RecordSpace.Name(d), strings.ToUpper(layout.ValueSpace.Name(d)),
		layout.Mark{Key: d, Write: id}.Name(), layout.BatchMark{Write: id}.Name(), layout.Manifest(1), layout.Segment{ID: id}.Table(),
		layout.Segment{ID: id}.Table() + ".filter", "index/40/marks/00000000/batch." + id,
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, space := range []layout.Keyspace{layout.ValueSpace, layout.RecordSpace, layout.LeaseSpace} {
			if d, ok := space.Parse(name); ok && space.Name(d) != name {
				t.Errorf("Parse(%q) = %v", name, d)
			}
		}
		if mark, batch := layout.ParseMark(name); mark != nil && mark.Name() != name || batch != nil && batch.Name() != name {
			t.Errorf("ParseMark(%q) = %v, %v", name, mark, batch)
		}
		if s, ok := layout.ParseSegment(name); ok && s.Table() != name && s.Filter() != name && s.Deletions() != name {
			t.Errorf("ParseSegment(%q) = %v", name, s)
		}
		if m, ok := layout.ParseEntry(name); ok && m.Entry() != name {
			t.Errorf("ParseEntry(%q) = %v", name, m)
		}
		if s, ok := layout.ParseShard(name); ok && s.String() != name {
			t.Errorf("ParseShard(%q) = %v", name, s)
		}
	})
}
