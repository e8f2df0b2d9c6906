package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// tick is a time in units of 100 ns since 1970, the finest that every filesystem in question keeps.
type tick int64

const perSecond = 1e7

func tickOf(t time.Time) tick { return tick(t.Unix()*perSecond + int64(t.Nanosecond())/100) }

func (t tick) time() time.Time { return time.Unix(int64(t)/perSecond, int64(t)%perSecond*100) }

// stamp draws the time of a new file: now, but later than any this process gave, and later than the one it follows.
func (b *Bucket) stamp(follows tick) tick {
	now := tickOf(b.clock.Now())
	for {
		last := b.last.Load()
		next := max(now, follows+1, tick(last)+1)
		if b.last.CompareAndSwap(last, int64(next)) {
			return next
		}
	}
}

// version names the bytes in a file: no two files of one key ever have the same time and the same inode.
func version(t tick, inode uint64) bucket.Version {
	return bucket.Version(strconv.FormatInt(int64(t), 16) + "-" + strconv.FormatUint(inode, 16))
}

// kept fails where the filesystem did not keep the time that a file was given.
func kept(file *os.File, t tick) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if got := info.ModTime(); !got.Equal(t.time()) {
		return &problem{bucket.ErrRefused,
			fmt.Errorf("the filesystem keeps the modification time %s as %s", t.time().UTC().Format(time.RFC3339Nano), got.UTC().Format(time.RFC3339Nano)),
			"versions need times of 100 ns: put the directory on another filesystem, as ext4, xfs, btrfs, zfs, tmpfs, APFS or NTFS"}
	}
	return nil
}

// infoOf describes the object in a file.
func infoOf(key string, info fs.FileInfo, inode uint64) bucket.Info {
	return bucket.Info{Key: key, Size: info.Size(), Version: version(tickOf(info.ModTime()), inode), ModTime: info.ModTime().UTC()}
}

// object fails where what stands at a key is no object.
func object(key string, info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return bucket.ErrNotFound
	}
	return &problem{bucket.ErrRefused, fmt.Errorf("what stands at %s is no regular file: %v", key, info.Mode()), "remove it from the directory"}
}

// look describes the object at a key, and its time. Fails with bucket.ErrNotFound.
func look(root *os.Root, key string) (bucket.Info, tick, error) {
	info, err := root.Lstat(key)
	if err != nil {
		return bucket.Info{}, 0, missing(err)
	}
	if err := object(key, info); err != nil {
		return bucket.Info{}, 0, err
	}
	inode, err := inodeAt(root, key, info)
	if err != nil {
		return bucket.Info{}, 0, missing(err)
	}
	return infoOf(key, info, inode), tickOf(info.ModTime()), nil
}

// missing is the error of looking for a file, where one that is not there is a missing object.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) {
		return bucket.ErrNotFound
	}
	return err
}
