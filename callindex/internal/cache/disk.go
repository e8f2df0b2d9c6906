package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/op"
)

// disk is the directory of a cache.
type disk struct {
	dir     string // absolute; empty: none
	limit   int64
	clock   op.Clock
	warn    func(error)
	refused atomic.Int64 // when a file could not be written last, in ns since 1970; 0: never
	damaged atomic.Int64 // files

	mu   sync.Mutex
	room int64 // bytes that may be written before the directory is counted again
}

const (
	magic      = "QVRANGE1"
	headerSize = len(magic) + 8 + 4
	tempPrefix = "tmp-"
	suffix     = ".range"
	block      = 4 << 10 // in which most filesystems keep files

	pause      = time.Minute      // after a file could not be written
	touchAfter = time.Minute      // what was used less long ago counts as just used
	tempLife   = 15 * time.Minute // what was left behind by a process that died is older
)

// name is what the file of a range is called.
func (e extent) name() string {
	message := append(make([]byte, 0, 256), "quiver cache 1\x00"...)
	message = binary.BigEndian.AppendUint64(message, uint64(e.offset))
	message = binary.BigEndian.AppendUint64(message, uint64(e.length))
	hash := sha256.Sum256(append(message, e.object...))
	return hex.EncodeToString(hash[:]) + suffix
}

func (d *disk) path(name string) string { return filepath.Join(d.dir, name[:2], name) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header stands before the content of a file. Its checksum covers the name: a file under another's name is not believed.
func header(name string, content []byte) []byte {
	sum := crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, content)
	header := binary.BigEndian.AppendUint64([]byte(magic), uint64(len(content)))
	return binary.BigEndian.AppendUint32(header, sum)
}

// decode returns the content of a file if it is the whole one of that name.
func decode(name string, file []byte) (content []byte, ok bool) {
	if len(file) < headerSize {
		return nil, false
	}
	content = file[headerSize:len(file):len(file)]
	return content, bytes.Equal(file[:headerSize], header(name, content))
}

// read returns the content of a range's file. What cannot be read is a miss, whatever the reason: if it lasts, writing will meet it too.
func (d *disk) read(e extent) (content []byte, ok bool) {
	if d.dir == "" {
		return nil, false
	}
	name := e.name()
	info, err := os.Lstat(d.path(name))
	if err == nil && info.Mode().IsRegular() && info.Size() == int64(headerSize)+e.length { // a pipe would hold up who opens it
		var file []byte
		file, err = os.ReadFile(d.path(name))
		content, ok = decode(name, file)
	}
	switch {
	case err != nil:
		return nil, false
	case !ok:
		d.damaged.Add(1)
		_ = os.Remove(d.path(name)) // or it is found damaged again
		return nil, false
	}
	d.touch(e, info.ModTime().UnixNano())
	return content, true
}

// touch notes that a file is used, and returns the time that it has then. A file whose time cannot be set is swept too early.
func (d *disk) touch(e extent, used int64) int64 {
	now := d.clock.Now()
	if now.Sub(time.Unix(0, used)).Abs() <= touchAfter {
		return used
	}
	_ = os.Chtimes(d.path(e.name()), now, now)
	return now.UnixNano()
}

// write keeps a range in a file, unless it is too large or the directory cannot take it.
func (d *disk) write(e extent, content []byte) {
	size, now := inBlocks(int64(headerSize)+e.length), d.clock.Now().UnixNano()
	if size > d.limit/fraction || time.Duration(now-d.refused.Load()).Abs() < pause {
		return
	}
	err := d.reserve(size)
	if err == nil {
		err = d.place(e.name(), content)
	}
	if err == nil {
		return
	}
	if _, ok := d.read(e); ok { // another process was faster, and Windows lets nobody replace a file that is being read
		return
	}
	if d.refused.Swap(now) == 0 && d.warn != nil {
		d.warn(fmt.Errorf("the local cache %s cannot keep what is read from the store: %w; make room, give this user the rights to it, or choose another directory: "+
			"until then it is read again by every process", d.dir, err))
	}
}

// place writes a file under a temporary name and gives it its own.
func (d *disk) place(name string, content []byte) error {
	path, now := d.path(name), d.clock.Now()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), tempPrefix+"*")
	if err != nil {
		return err
	}
	_, err1 := temp.Write(header(name, content))
	_, err2 := temp.Write(content)
	err = errors.Join(err1, err2, temp.Close(), os.Chtimes(temp.Name(), now, now))
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // or it is swept some day
	}
	return err
}

// reserve makes room for a file. A sixteenth of the limit is written at the most before it counts again: others write too.
func (d *disk) reserve(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room < size {
		total := d.sweep(size)
		if total+size > d.limit {
			return fmt.Errorf("%d bytes in use there could not be removed", total)
		}
		d.room = min(d.limit-total, max(d.limit/16, size))
	}
	d.room -= size
	return nil
}

// sweep counts the bytes in use. If there is no room for a file, it removes others, those used least recently first, until nine tenths of the limit will be in use.
func (d *disk) sweep(size int64) (total int64) {
	var files []fs.FileInfo
	names, _ := fs.Glob(os.DirFS(d.dir), "??/*") // fails for malformed patterns only
	for _, name := range names {
		path := filepath.Join(d.dir, name)
		info, err := os.Lstat(path)
		isTemp := strings.HasPrefix(name[2:], "/"+tempPrefix)
		isRange := strings.HasSuffix(name, suffix) && len(name) == len("ab/")+2*sha256.Size+len(suffix)
		switch {
		case err != nil, !info.Mode().IsRegular(), !isTemp && !isRange:
			continue
		case isRange:
			files = append(files, info)
		case d.clock.Now().Sub(info.ModTime()) > tempLife:
			_ = os.Remove(path) // or the next sweep does
			continue
		}
		total += inBlocks(info.Size())
	}
	if total+size <= d.limit {
		return total
	}
	slices.SortStableFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, file := range files {
		if total+size <= d.limit/10*9 {
			break
		}
		if err := os.Remove(d.path(file.Name())); err == nil || errors.Is(err, fs.ErrNotExist) { // by another process
			total -= inBlocks(file.Size())
		}
	}
	return total
}

func inBlocks(size int64) int64 { return (size + block - 1) / block * block }
