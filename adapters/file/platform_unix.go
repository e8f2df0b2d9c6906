//go:build unix

package file

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonBlocking keeps the opening of a pipe from waiting for its other end.
const nonBlocking = syscall.O_NONBLOCK

func checkPlatform(string) error { return nil }

func inodeAt(_ *os.Root, _ string, info fs.FileInfo) (uint64, error) { return inode(info), nil }

func inodeOf(_ *os.File, info fs.FileInfo) (uint64, error) { return inode(info), nil }

func inode(info fs.FileInfo) uint64 {
	return uint64(info.Sys().(*syscall.Stat_t).Ino) //nolint:unconvert // FreeBSD before 12 had 32 bits
}

func flushFolder(root *os.Root, folder string) error {
	f, err := root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

func isTooLong(err error) bool { return errors.Is(err, syscall.ENAMETOOLONG) }

func isTooMany(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func isNotFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

// isUnsupported says whether the filesystem cannot do what it was asked. Hard links are refused with EPERM where there are none (FAT).
func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOLCK) ||
		errors.Is(err, syscall.EMLINK) || errors.Is(err, syscall.EXDEV)
}
