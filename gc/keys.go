package gc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/digest"
)

// entry is a key with what a listing tells of its object.
type entry struct {
	key  digest.Digest
	size int64
	time time.Time
}

const (
	entrySize = 32 + 8 + 8
	chunkSize = 1 << 16
)

// keys are the keys of one keyspace in ascending order. Their first 8 bytes are in memory, the rest in a file. What begins with the same 8 bytes as a key and is none of them is taken for it.
type keys struct {
	file   *os.File
	hidden bool // the file has no name any more, so that it does not outlive the process; not where an open file cannot be removed
	out    *bufio.Writer
	chunks [][]uint64      // the first bytes of keys, ascending; all but the last chunk are full
	found  []atomic.Uint64 // a bit for each key, after seal
	latest []atomic.Uint32 // for each key, where that is asked for, after seal
	n      int

	last  digest.Digest         // that was added
	twins map[digest.Digest]int // the numbers of keys that begin with the same 8 bytes as another one
}

func newKeys(dir string) (*keys, error) {
	file, err := os.CreateTemp(dir, "quiver-gc-*")
	if err != nil {
		return nil, fmt.Errorf("keeping keys in a temporary file: %w", err)
	}
	return &keys{file: file, hidden: os.Remove(file.Name()) == nil, out: bufio.NewWriterSize(file, 1<<16)}, nil
}

// close removes the file.
func (k *keys) close() error {
	err := k.file.Close()
	if !k.hidden {
		err = errors.Join(err, os.Remove(k.file.Name()))
	}
	return err
}

// add adds a key that follows all others.
func (k *keys) add(e entry) error {
	last := len(k.chunks) - 1
	if last < 0 || len(k.chunks[last]) == chunkSize {
		k.chunks = append(k.chunks, make([]uint64, 0, min(k.n, chunkSize)))
		last++
	}
	k.chunks[last] = append(k.chunks[last], start(e.key))
	if k.n > 0 && start(k.last) == start(e.key) {
		if k.twins == nil {
			k.twins = map[digest.Digest]int{}
		}
		k.twins[k.last], k.twins[e.key] = k.n-1, k.n
	}
	k.last = e.key
	k.n++
	var line [entrySize]byte
	copy(line[:], e.key[:])
	binary.BigEndian.PutUint64(line[32:], uint64(e.size))
	binary.BigEndian.PutUint64(line[40:], uint64(e.time.UnixNano()))
	_, err := k.out.Write(line[:])
	return err
}

func start(key digest.Digest) uint64 { return binary.BigEndian.Uint64(key[:8]) }

// seal ends the adding.
func (k *keys) seal(latest bool) error {
	k.found = make([]atomic.Uint64, (k.n+63)/64)
	if latest {
		k.latest = make([]atomic.Uint32, k.n)
	}
	return k.out.Flush()
}

// numbers yields the numbers of the keys that may be this one: itself, where it has twins, else all that begin with the same 8 bytes.
func (k *keys) numbers(key digest.Digest) iter.Seq[int] {
	return func(yield func(int) bool) {
		if i, ok := k.twins[key]; ok {
			yield(i)
			return
		}
		wanted := start(key)
		// The chunk before the first one that begins with more, or with the same, may end with the same.
		c, _ := slices.BinarySearchFunc(k.chunks, wanted, func(chunk []uint64, wanted uint64) int {
			if chunk[0] < wanted {
				return -1
			}
			return 1
		})
		for c = max(c-1, 0); c < len(k.chunks) && k.chunks[c][0] <= wanted; c++ {
			i, _ := slices.BinarySearch(k.chunks[c], wanted)
			for ; i < len(k.chunks[c]) && k.chunks[c][i] == wanted; i++ {
				if !yield(c*chunkSize + i) {
					return
				}
			}
		}
	}
}

// find notes that a key was found, at a time in minutes where that is kept.
func (k *keys) find(key digest.Digest, minute uint32) {
	for i := range k.numbers(key) {
		k.found[i/64].Or(1 << (i % 64))
		if k.latest == nil {
			continue
		}
		for {
			was := k.latest[i].Load()
			if was >= minute || k.latest[i].CompareAndSwap(was, minute) {
				break
			}
		}
	}
}

// forget forgets what was found.
func (k *keys) forget() {
	for i := range k.found {
		k.found[i].Store(0)
	}
}

func (k *keys) isFound(i int) bool { return k.found[i/64].Load()&(1<<(i%64)) != 0 }

// all yields all keys with their numbers, from the file.
func (k *keys) all(yield func(i int, e entry) error) error {
	in := bufio.NewReaderSize(io.NewSectionReader(k.file, 0, int64(k.n)*entrySize), 1<<16)
	var line [entrySize]byte
	for i := range k.n {
		if _, err := io.ReadFull(in, line[:]); err != nil {
			return fmt.Errorf("reading keys from a temporary file: %w", err)
		}
		e := entry{digest.Digest(line[:32]), int64(binary.BigEndian.Uint64(line[32:])), time.Unix(0, int64(binary.BigEndian.Uint64(line[40:])))}
		if err := yield(i, e); err != nil {
			return err
		}
	}
	return nil
}
