package cache_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/callindex/internal/cache"
)

// specified is the file of a range as the package's documentation has it.
func specified(object string, offset, length int64) (path string, file []byte) {
	hashed := append([]byte("quiver cache 1\x00"), binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(offset)), uint64(length))...)
	sum := sha256.Sum256(append(hashed, object...))
	name := hex.EncodeToString(sum[:]) + ".range"
	return filepath.Join(name[:2], name), sealed(name, truth(object, offset, length))
}

// sealed is a file with its header.
func sealed(name string, content []byte) []byte {
	file := binary.BigEndian.AppendUint64([]byte("QVRANGE1"), uint64(len(content)))
	file = binary.BigEndian.AppendUint32(file, crc32.Checksum(append([]byte(name), content...), crc32.MakeTable(crc32.Castagnoli)))
	return append(file, content...)
}

func TestAFileIsAsSpecified(t *testing.T) {
	dir := t.TempDir()
	for _, length := range []int64{0, 1, 5000} {
		mustRead(t, open(t, cache.Options{Dir: dir}), "o", 3, length, true)
		path, want := specified("o", 3, length)
		if file, err := os.ReadFile(filepath.Join(dir, path)); err != nil || !bytes.Equal(file, want) {
			t.Errorf("%s is %x, not %x: %v", path, file, want, err)
		}
	}
}

// damaged puts a file in the place of a range's, and demands that it is noticed.
func damaged(t *testing.T, dir string, file []byte, object string, offset, length int64) {
	t.Helper()
	path := cache.Path(dir, object, offset, length)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, file, 0o600)); err != nil {
		t.Fatal(err)
	}
	c := open(t, cache.Options{Dir: dir, Memory: -1})
	mustRead(t, c, object, offset, length, true)
	mustRead(t, c, object, offset, length, false)
	if got := c.Stats().Damaged; got != 1 {
		t.Errorf("%d files were damaged: %x", got, file)
	}
}

func TestDamageOfAnyByteAndAnyOtherSizeIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path, whole := specified("o", 3, 20)
	for i := range whole {
		for _, with := range []byte{1, 0x80, 0xff} {
			file := bytes.Clone(whole)
			file[i] ^= with
			damaged(t, dir, file, "o", 3, 20)
		}
		damaged(t, dir, whole[:i], "o", 3, 20)
	}
	damaged(t, dir, append(bytes.Clone(whole), 0), "o", 3, 20)
	damaged(t, dir, make([]byte, len(whole)), "o", 3, 20)
	for _, length := range []int64{0, 19, 21, 5000} { // in itself it is whole
		damaged(t, dir, sealed(filepath.Base(path), truth("o", 3, length)), "o", 3, 20)
	}
}

func TestTheFileOfAnotherRangeIsNotBelieved(t *testing.T) {
	dir := t.TempDir()
	_, other := specified("p", 3, 20)
	damaged(t, dir, other, "o", 3, 20)
	_, other = specified("o", 4, 20)
	damaged(t, dir, other, "o", 3, 20)
}

func FuzzFile(f *testing.F) {
	const length = 5
	path, whole := specified("o", 3, length)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(append(bytes.Clone(whole), 0))
	f.Add(make([]byte, len(whole)))
	f.Add([]byte{})
	dir := f.TempDir()
	path = filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		c := open(t, cache.Options{Dir: dir, Memory: -1})
		mustRead(t, c, "o", 3, length, !bytes.Equal(file, whole))
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, whole) {
			t.Errorf("the file is %x, %v", after, err)
		}
	})
}

func TestAFileOrADirectoryThatSomebodyRemovesIsAMiss(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	c := open(t, cache.Options{Dir: dir, Memory: -1})
	mustRead(t, c, "o", 0, 100, true)
	for _, path := range []string{cache.Path(dir, "o", 0, 100), filepath.Dir(cache.Path(dir, "o", 0, 100)), dir} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		mustRead(t, c, "o", 0, 100, true)
		mustRead(t, c, "o", 0, 100, false)
	}
	if got := c.Stats().Damaged; got > 0 {
		t.Errorf("%d files were damaged", got)
	}
}

func TestWhatIsNoFileButHasTheNameOfOneIsRemoved(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	length := int64(len(outside) - cache.HeaderSize) // so that a link to it has the size of the range's file
	_, whole := specified("o", 0, length)
	path := cache.Path(dir, "o", 0, length)
	if err := errors.Join(os.WriteFile(outside, whole, 0o600), os.MkdirAll(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	c := open(t, cache.Options{Dir: dir, Memory: -1})
	mustRead(t, c, "o", 0, length, true)
	mustRead(t, c, "o", 0, length, false)
	if err := errors.Join(os.Remove(path), os.Symlink(outside, path)); err != nil {
		t.Fatal(err)
	}
	mustRead(t, c, "o", 0, length, true)
	mustRead(t, c, "o", 0, length, false)
	if after, err := os.ReadFile(outside); err != nil || !bytes.Equal(after, whole) || c.Stats().Damaged != 2 {
		t.Errorf("%x, %v, %+v", after, err, c.Stats())
	}
}

func TestWhatCannotBeRemovedFailsNoQueryAndIsToldOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(cache.Path(dir, "o", 0, 100), "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	clock := &handClock{}
	var told []error
	c := open(t, cache.Options{Dir: dir, Memory: -1, Clock: clock, Warn: func(err error) { told = append(told, err) }})
	mustRead(t, c, "o", 0, 100, true)
	mustRead(t, c, "other", 0, 100, true)
	mustRead(t, c, "other", 0, 100, true) // it takes a rest
	clock.pass(2 * time.Minute)
	mustRead(t, c, "o", 0, 100, true)
	clock.pass(2 * time.Minute)
	mustRead(t, c, "other", 0, 100, true)
	mustRead(t, c, "other", 0, 100, false)
	if len(told) != 1 || !strings.Contains(told[0].Error(), dir) {
		t.Errorf("%v", told)
	}
}

func TestADirectoryThatIsNoneFailsNoQuery(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var told []error
	c := open(t, cache.Options{Dir: file, Warn: func(err error) { told = append(told, err) }})
	for _, offset := range []int64{0, 1} {
		mustRead(t, c, "o", offset, 100, true)
		mustRead(t, c, "o", offset, 100, false)
	}
	if len(told) != 1 {
		t.Errorf("%v", told)
	}
	c, err := cache.New(cache.Options{Dir: file})
	if err != nil {
		t.Fatal(err)
	}
	mustRead(t, c, "o", 0, 100, true) // nobody to be told
}

func TestAHitRenewsTheTimeOfAFileOnceAMinuteAtTheMost(t *testing.T) {
	for name, memory := range map[string]int64{"from memory": 0, "from the directory": -1} {
		t.Run(name, func(t *testing.T) {
			dir, clock := t.TempDir(), &handClock{}
			c := open(t, cache.Options{Dir: dir, Memory: memory, Clock: clock})
			want := clock.Now()
			mustRead(t, c, "o", 0, 100, true)
			for _, step := range []struct {
				after  time.Duration
				renews bool
			}{{0, false}, {time.Minute, false}, {1, true}, {time.Minute, false}, {time.Hour, true}, {-time.Hour, true}, {time.Second, false}} {
				clock.pass(step.after)
				mustRead(t, c, "o", 0, 100, false)
				if step.renews {
					want = clock.Now()
				}
				if info, err := os.Stat(cache.Path(dir, "o", 0, 100)); err != nil || !info.ModTime().Equal(want) {
					t.Errorf("%v later, it is of %v, not %v: %v", step.after, info.ModTime(), want, err)
				}
			}
		})
	}
}

func TestWhatWasUsedLastIsKeptWhenTheLimitIsPassed(t *testing.T) {
	dir, clock := t.TempDir(), &handClock{}
	c := open(t, cache.Options{Dir: dir, Memory: -1, Disk: 10 * 4096, Clock: clock})
	for n := range int64(10) {
		mustRead(t, c, "o", n, 100, true)
		clock.pass(2 * time.Minute)
	}
	mustRead(t, c, "o", 0, 100, false) // now 1 and 2 are the oldest
	clock.pass(time.Second)
	mustRead(t, c, "o", 10, 100, true)
	for n, want := range []bool{false, true, true, false, false, false, false, false, false, false, false} {
		if _, err := os.Stat(cache.Path(dir, "o", int64(n), 100)); want != errors.Is(err, os.ErrNotExist) {
			t.Errorf("%d: %v", n, err)
		}
	}
	if got := usage(t, dir); got != 9*4096 {
		t.Errorf("%d bytes are in use", got)
	}
}

func TestAWriterNoticesWhatOthersWrite(t *testing.T) {
	dir, clock := t.TempDir(), &handClock{}
	const limit, writers = 32 * 4096, 4
	caches := make([]*cache.Cache, writers)
	for i := range caches {
		caches[i] = open(t, cache.Options{Dir: dir, Memory: -1, Disk: limit, Clock: clock})
	}
	most := int64(0)
	for n := range int64(150) {
		clock.pass(time.Second)
		mustRead(t, caches[n%writers], "o", n, 100, true)
		most = max(most, usage(t, dir))
	}
	if most > limit+(writers-1)*limit/16 {
		t.Errorf("%d bytes were in use, with a limit of %d", most, limit)
	}
}

func TestTemporaryFilesThatWereLeftBehindAreSweptAndOthersAreLeftAlone(t *testing.T) {
	dir, clock := t.TempDir(), &handClock{}
	path := cache.Path(dir, "o", 0, 100)
	in := func(name string) string { return filepath.Join(filepath.Dir(path), name) }
	oldTemp, newTemp := in("tmp-1"), in("tmp-2")
	foreign := []string{
		in("0123"), in("README.range"), filepath.Join(dir, "RE", "README.range"), filepath.Join(dir, "xx", strings.Repeat("x", 70)), filepath.Join(dir, "CACHEDIR.TAG"), filepath.Join(dir, "tmp-3"),
		filepath.Join(dir, "long", filepath.Base(path)), in(filepath.Base(path)[:64]),
	}
	large := make([]byte, 50_000)
	for i, name := range append([]string{oldTemp, newTemp}, foreign...) {
		used := clock.Now().Add(-time.Hour)
		if i == 1 {
			used = clock.Now().Add(-time.Minute)
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, large, 0o600), os.Chtimes(name, used, used)); err != nil {
			t.Fatal(err)
		}
	}
	folder, used := in("tmp-4"), clock.Now().Add(-time.Hour)
	if err := errors.Join(os.Mkdir(folder, 0o700), os.Chtimes(folder, used, used)); err != nil {
		t.Fatal(err)
	}
	c := open(t, cache.Options{Dir: dir, Memory: -1, Disk: 100_000, Clock: clock})
	for n := range int64(100) {
		mustRead(t, c, "o", n, 100, true)
		clock.pass(time.Second)
	}
	if _, err := os.Stat(oldTemp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old one: %v", err)
	}
	for _, name := range append(foreign, newTemp) {
		if info, err := os.Stat(name); err != nil || info.Size() != int64(len(large)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(folder); err != nil {
		t.Error(err)
	}
	ranges := 0
	for _, name := range files(t, dir) {
		if name != newTemp && name != folder && !slices.Contains(foreign, name) {
			ranges++
		}
	}
	if ranges < 8 || ranges > 11 { // blocks of 4 KiB, beside the 13 of the new temporary file, in nine tenths of 100,000 bytes to all of them
		t.Errorf("there are %d ranges", ranges)
	}
}

func TestWithNoRoomAtAllNothingIsWrittenAndNobodyFails(t *testing.T) {
	dir, clock := t.TempDir(), &handClock{}
	temp := filepath.Join(filepath.Dir(cache.Path(dir, "o", 0, 100)), "tmp-1")
	now := clock.Now()
	if err := errors.Join(os.MkdirAll(filepath.Dir(temp), 0o700), os.WriteFile(temp, make([]byte, 100_000), 0o600), os.Chtimes(temp, now, now)); err != nil {
		t.Fatal(err)
	}
	var told []error
	c := open(t, cache.Options{Dir: dir, Memory: -1, Disk: 100_000, Clock: clock, Warn: func(err error) { told = append(told, err) }})
	mustRead(t, c, "o", 0, 100, true)
	mustRead(t, c, "o", 0, 100, true)
	clock.pass(time.Hour)
	mustRead(t, c, "o", 0, 100, true)
	mustRead(t, c, "o", 0, 100, false)
	if len(told) != 1 {
		t.Errorf("%v", told)
	}
}
