package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Options are the settings of a bucket in a directory; nil means the defaults.
type Options struct {
	NoSync  bool       // do not flush to the disk: for throw-away stores
	Clock   op.Clock   // default the machine's
	Entropy op.Entropy // names of temporary files; default the machine's
}

// Bucket is a bucket in a directory. Its zero value is not ready: use New.
type Bucket struct {
	dir     string // absolute
	sync    bool
	clock   op.Clock
	entropy op.Entropy

	mu      sync.Mutex
	root    *os.Root // nil until the directory is there
	ready   bool     // to be written to
	closed  bool
	settled map[string]bool // folders whose own entries are on the disk

	last      atomic.Int64 // the latest tick given out
	replacing op.Context   // one at a time of a key, in this process
	turns     [lockFiles]chan struct{}

	calls calls
}

// calls are the system calls that tests count or make fail.
type calls struct {
	create  func(root *os.Root, name string) (*os.File, error)
	chtimes func(root *os.Root, name string, t time.Time) error
	link    func(root *os.Root, from, to string) error
	lstat   func(root *os.Root, name string) (fs.FileInfo, error)
	open    func(root *os.Root, folder string) (*os.File, error)
}

var systemCalls = calls{
	create: func(root *os.Root, name string) (*os.File, error) {
		return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	},
	chtimes: func(root *os.Root, name string, t time.Time) error { return root.Chtimes(name, t, t) },
	link:    (*os.Root).Link,
	lstat:   (*os.Root).Lstat,
	open:    (*os.Root).Open,
}

var (
	_ bucket.Bucket             = (*Bucket)(nil)
	_ bucket.RangeGetter        = (*Bucket)(nil)
	_ bucket.ConditionalDeleter = (*Bucket)(nil)
)

// New returns the bucket in a directory. A missing directory is an empty bucket, and is made by the first write. Fails with bucket.ErrNoBucket
// where there is something else than a directory.
func New(dir string, options *Options) (*Bucket, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: the name of the directory is empty", bucket.ErrInvalid)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", dir, err)
	}
	if filepath.Dir(absolute) == absolute {
		return nil, fmt.Errorf("%w: %s is the root of a filesystem: give a bucket a directory of its own", bucket.ErrInvalid, absolute)
	}
	b := &Bucket{
		dir: absolute, sync: true, clock: op.SystemClock(), entropy: op.SystemEntropy(), settled: map[string]bool{},
		replacing: op.PerKey(), calls: systemCalls,
	}
	if options != nil {
		b.sync = !options.NoSync
		if options.Clock != nil {
			b.clock = options.Clock
		}
		if options.Entropy != nil {
			b.entropy = options.Entropy
		}
	}
	for i := range b.turns {
		b.turns[i] = make(chan struct{}, 1)
	}
	if _, err := b.readable(); err != nil {
		return nil, b.answer("open", b.dir, err)
	}
	return b, nil
}

// Close implements bucket.Bucket. Objects that are being read stay readable.
func (b *Bucket) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.root == nil {
		return nil
	}
	root := b.root
	b.root = nil
	return root.Close()
}

// readable is the directory, nil where it is not there.
func (b *Bucket) readable() (*os.Root, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open()
}

// open opens the directory if it is there. The mutex must be held.
func (b *Bucket) open() (*os.Root, error) {
	if b.closed {
		return nil, errClosed
	}
	if b.root != nil {
		return b.root, nil
	}
	info, err := os.Stat(b.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.IsDir() || isNotFolder(err) {
		return nil, &problem{bucket.ErrNoBucket, fmt.Errorf("%s is not a directory", b.dir), "give the name of a directory, or of none yet"}
	}
	if err != nil {
		return nil, err
	}
	b.root, err = os.OpenRoot(b.dir)
	return b.root, err
}

// writable is the directory, made and prepared where that is needed.
func (b *Bucket) writable() (*os.Root, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	root, err := b.open()
	if err != nil || b.ready {
		return root, err
	}
	if root == nil {
		if err := b.makeDir(); err != nil {
			return nil, err
		}
		if root, err = b.open(); err != nil {
			return nil, err
		}
		if root == nil {
			return nil, b.vanished()
		}
	}
	for _, folder := range []string{tempFolder, lockFolder} {
		if err := root.MkdirAll(folder, 0o777); err != nil {
			return nil, err
		}
	}
	b.sweep(root)
	b.ready = true
	return root, nil
}

func (b *Bucket) vanished() error {
	return &problem{bucket.ErrNoBucket, fmt.Errorf("%s was removed while it was in use", b.dir), "open the bucket again"}
}

const (
	internal   = ".quiver"
	tempFolder = internal + "/tmp"
	lockFolder = internal + "/locks"
)

// check refuses a request that is none, or that nobody waits for.
func (b *Bucket) check(ctx context.Context, key string) error {
	if err := bucket.CheckKey(key); err != nil {
		return err
	}
	if isInternal(key) {
		return fmt.Errorf("%w: keys under %s/ belong to the directory's own files", bucket.ErrInvalid, internal)
	}
	if err := checkPlatform(key); err != nil {
		return err
	}
	return awaited(ctx)
}

// awaited refuses a request that nobody waits for, or whose time to be sent is over.
func awaited(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := op.StillFresh(ctx); err != nil {
		return fmt.Errorf("%w: %w", bucket.ErrUnavailable, err)
	}
	return nil
}

// isInternal says whether a key, or a folder, is among the directory's own files.
func isInternal(key string) bool {
	first, _, _ := strings.Cut(key, "/")
	return first == internal
}
