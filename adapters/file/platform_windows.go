package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/windows"

	"github.com/quivercache/quiver/bucket"
)

const nonBlocking = 0

// checkPlatform refuses the names of devices, and those whose closing dot Windows would drop.
func checkPlatform(key string) error {
	if !filepath.IsLocal(filepath.FromSlash(key)) || strings.Contains(key+"/", "./") {
		return fmt.Errorf("%w: Windows has no file of the name %s", bucket.ErrInvalid, key)
	}
	return nil
}

func inodeAt(root *os.Root, key string, info fs.FileInfo) (uint64, error) {
	file, err := root.Open(key)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return inodeOf(file, info)
}

func inodeOf(file *os.File, _ fs.FileInfo) (uint64, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(file.Fd()), &info); err != nil {
		return 0, err
	}
	return uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), nil
}

// flushFolder does nothing: NTFS logs its names itself.
func flushFolder(*os.Root, string) error { return nil }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

func isTooLong(err error) bool { return errors.Is(err, windows.ERROR_FILENAME_EXCED_RANGE) }

func isTooMany(err error) bool { return errors.Is(err, windows.ERROR_TOO_MANY_OPEN_FILES) }

func isNotFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }

func isUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, windows.ERROR_INVALID_FUNCTION)
}
