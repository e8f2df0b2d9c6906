package quiver_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
)

type query struct {
	Name  string
	Year  int
	Ratio float64
}

type answer struct {
	Title string
	Words []string
	Mean  float64
	Count int
	Data  []byte
}

// BenchmarkHit compares a hit with its floor, which is the bare GETs and the decoding of what they bring: of a record with the result in it, and of a record and a value.
// The two are interleaved, and "ratio" is the one by the other.
func BenchmarkHit(b *testing.B) {
	for _, store := range []struct {
		name string
		open func(b *testing.B) bucket.Bucket
	}{
		{"mem", func(*testing.B) bucket.Bucket { return mem.New(nil) }},
		{"file", func(b *testing.B) bucket.Bucket {
			directory, err := file.New(b.TempDir(), nil)
			if err != nil {
				b.Fatal(err)
			}
			return directory
		}},
	} {
		for _, size := range []struct {
			name string
			data int
		}{{"inline", 100}, {"64KiB", 64 << 10}} {
			b.Run(store.name+"/"+size.name, func(b *testing.B) {
				benchmarkHit(b, open(store.open(b), nil), size.data)
			})
		}
	}
}

func benchmarkHit(b *testing.B, s *quiver.Store, size int) {
	ctx, in := b.Context(), query{"alpha", 1984, 0.5}
	f, err := quiver.Func(s, quiver.Def{Name: "f", Version: quiver.IntVersion(1)}, func(context.Context, query) (answer, error) {
		return answer{"title", []string{"a", "b", "c"}, 1.5, 42, make([]byte, size)}, nil
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.Call(ctx, in); err != nil {
		b.Fatal(err)
	}
	key, err := f.Key(in)
	if err != nil {
		b.Fatal(err)
	}
	hit := func() {
		if out, err := f.Call(ctx, in); err != nil || out.Count != 42 {
			b.Fatal(out.Count, err)
		}
	}
	floor := func() {
		r, err := s.Calls.Load(ctx, key)
		if err != nil {
			b.Fatal(err)
		}
		var out answer
		if r.Inline != nil {
			err = s.Values.Decode(&blobstore.Encoded{Key: r.Result, Codec: r.Inline.Codec, Data: r.Inline.Data}, &out)
		} else {
			err = s.Values.Load(ctx, r.Result, &out)
		}
		if err != nil || out.Count != 42 {
			b.Fatal(out.Count, err)
		}
	}
	var hits, floors timer
	b.ReportAllocs()
	for b.Loop() {
		hits.time(hit)
		floors.time(floor)
	}
	if s.Stats().Computed != 1 {
		b.Fatal("not every call was a hit")
	}
	b.ReportMetric(float64(hits.median()), "hit-ns")
	b.ReportMetric(float64(floors.median()), "floor-ns")
	b.ReportMetric(float64(hits.median())/float64(floors.median()), "ratio")
}

// timer measures work in batches. The median of the batches is not moved by what else the machine does.
type timer struct{ batches []time.Duration }

func (t *timer) time(work func()) {
	const batch = 50
	start := time.Now()
	for range batch {
		work()
	}
	t.batches = append(t.batches, time.Since(start)/batch)
}

func (t *timer) median() time.Duration {
	slices.Sort(t.batches)
	return t.batches[len(t.batches)/2]
}
