package file

import (
	"io/fs"
	"os"
	"time"
)

// The system calls of a bucket, for tests to change.

func (b *Bucket) OnCreate(f func(root *os.Root, name string) (*os.File, error)) { b.calls.create = f }

func (b *Bucket) OnChtimes(f func(root *os.Root, name string, t time.Time) error) {
	b.calls.chtimes = f
}

func (b *Bucket) OnLink(f func(root *os.Root, from, to string) error) { b.calls.link = f }

func (b *Bucket) OnLstat(f func(root *os.Root, name string) (fs.FileInfo, error)) { b.calls.lstat = f }

func (b *Bucket) OnOpenFolder(f func(root *os.Root, folder string) (*os.File, error)) {
	b.calls.open = f
}

var (
	LockName   = lockName
	ParseNote  = parseNote
	FormatNote = formatNote
)

type Tick = tick
