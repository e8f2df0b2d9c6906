package cache_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex/internal/cache"
)

const (
	modelMemory = 10_000
	modelDisk   = 40 * 4096
)

type modelRange struct {
	object         string
	offset, length int64
}

// modelRanges are more than the directory can hold; four of one length are just what memory can hold.
var modelRanges = func() (ranges []modelRange) {
	for offset := range int64(4) {
		ranges = append(ranges, modelRange{"small", offset, modelMemory/4 - cache.Overhead})
	}
	for _, object := range []string{"a", "b"} {
		for _, length := range []int64{0, modelMemory/4 - cache.Overhead + 1, 4096 - int64(cache.HeaderSize), 4096, 12_500, 20_000, 30_000, 40_960 - int64(cache.HeaderSize), 40_960} {
			ranges = append(ranges, modelRange{object, 7, length})
		}
	}
	return ranges
}()

func (r modelRange) path(dir string) string { return cache.Path(dir, r.object, r.offset, r.length) }

type modelEntry struct {
	modelRange
	used time.Time
}

type modelFile struct {
	size    int64
	used    time.Time
	damaged bool
}

// model is a cache in few words: what is in memory, the one used last in front, and the files.
type model struct {
	dir    string
	clock  *handClock
	cache  *cache.Cache
	memory []modelEntry
	files  map[modelRange]modelFile
}

// read says where a range comes from, after which it is kept.
func (m *model) read(r modelRange) string {
	now := m.clock.Now()
	renew := func(used time.Time) time.Time {
		if file, ok := m.files[r]; ok && now.Sub(used).Abs() > time.Minute {
			file.used = now
			m.files[r] = file
		}
		if now.Sub(used).Abs() > time.Minute {
			return now
		}
		return used
	}
	if i := slices.IndexFunc(m.memory, func(e modelEntry) bool { return e.modelRange == r }); i >= 0 {
		kept := m.memory[i]
		kept.used = renew(kept.used)
		m.memory = slices.Insert(slices.Delete(m.memory, i, i+1), 0, kept)
		return "memory"
	}
	defer m.keep(r, now)
	if file, ok := m.files[r]; ok && !file.damaged {
		renew(file.used)
		return "disk"
	}
	delete(m.files, r)
	m.write(r, now)
	return "store"
}

func (m *model) keep(r modelRange, now time.Time) {
	if r.length+cache.Overhead > modelMemory/4 {
		return
	}
	m.memory = slices.Insert(m.memory, 0, modelEntry{r, now})
	for m.held() > modelMemory {
		m.memory = m.memory[:len(m.memory)-1]
	}
}

func (m *model) held() (bytes int64) {
	for _, e := range m.memory {
		bytes += e.length + cache.Overhead
	}
	return bytes
}

func blocks(size int64) int64 { return (size + 4095) / 4096 * 4096 }

func (m *model) write(r modelRange, now time.Time) {
	size := int64(cache.HeaderSize) + r.length
	if blocks(size) > modelDisk/4 {
		return
	}
	total := blocks(size)
	for _, file := range m.files {
		total += blocks(file.size)
	}
	if total > modelDisk {
		oldest := slices.SortedFunc(maps.Keys(m.files), func(a, b modelRange) int { return m.files[a].used.Compare(m.files[b].used) })
		for _, victim := range oldest {
			if total*10 <= modelDisk*9 {
				break
			}
			total -= blocks(m.files[victim].size)
			delete(m.files, victim)
		}
	}
	m.files[r] = modelFile{size: size, used: now}
}

func TestACacheDoesAsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "cache")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{dir: dir, clock: &handClock{}, files: map[modelRange]modelFile{}}
		m.open(t)
		t.Repeat(map[string]func(*rapid.T){
			"read":       m.readOne,
			"read more":  m.readOne,
			"read still": m.readOne,
			"time": func(t *rapid.T) {
				m.clock.pass(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "passed")))
			},
			"damage": m.damageOne,
			"open":   m.open,
			"":       m.check,
		})
	})
}

// open begins anew with an empty memory.
func (m *model) open(t *rapid.T) {
	var err error
	m.cache, err = cache.New(cache.Options{Dir: m.dir, Disk: modelDisk, Memory: modelMemory, Clock: m.clock, Warn: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	m.memory = nil
}

func (m *model) readOne(t *rapid.T) {
	m.clock.pass(time.Millisecond) // no two files are used at one time
	r := rapid.SampledFrom(modelRanges).Draw(t, "range")
	want, before := m.read(r), m.cache.Stats()
	if _, err := read(t.Context(), m.cache, r.object, r.offset, r.length); err != nil {
		t.Fatal(err)
	}
	after := m.cache.Stats()
	for from, grown := range map[string]int64{
		"memory": after.Memory.Ranges - before.Memory.Ranges, "disk": after.Disk.Ranges - before.Disk.Ranges, "store": after.Fetched.Ranges - before.Fetched.Ranges,
	} {
		if (grown == 1) != (from == want) || grown > 1 {
			t.Errorf("%v came %d times from %s, and should come from %s", r, grown, from, want)
		}
	}
}

// damageOne changes or removes a file, and leaves its time as it was.
func (m *model) damageOne(t *rapid.T) {
	if len(m.files) == 0 {
		return
	}
	all := slices.SortedFunc(maps.Keys(m.files), func(a, b modelRange) int { return m.files[a].used.Compare(m.files[b].used) })
	r := rapid.SampledFrom(all).Draw(t, "file")
	file, path := m.files[r], r.path(m.dir)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "remove") {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		delete(m.files, r)
		return
	}
	if rapid.Bool().Draw(t, "cut") && len(content) > 0 {
		content = content[:rapid.IntRange(0, len(content)-1).Draw(t, "to")]
		file.damaged = true
	} else if len(content) > 0 && !file.damaged {
		content[rapid.IntRange(0, len(content)-1).Draw(t, "byte")] ^= 0x10
		file.damaged = true
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, file.used, file.used); err != nil {
		t.Fatal(err)
	}
	file.size = int64(len(content))
	m.files[r] = file
}

// check compares what is kept.
func (m *model) check(t *rapid.T) {
	if got, want := m.cache.Stats().Held, (cache.Count{Ranges: int64(len(m.memory)), Bytes: m.held()}); got != want {
		t.Errorf("%v are in memory, not %v", got, want)
	}
	want := map[string]string{}
	for r, file := range m.files {
		want[r.path(m.dir)] = fmt.Sprint(file.size, file.used.UTC())
	}
	got := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(m.dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = fmt.Sprint(info.Size(), info.ModTime().UTC())
	}
	if !maps.Equal(got, want) {
		t.Errorf("the files are %v, not %v", got, want)
	}
}
