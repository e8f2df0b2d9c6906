package mem

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// Options are the settings of a bucket in memory; nil means the defaults.
type Options struct {
	Clock op.Clock // the store's clock; default the machine's
}

// Bucket holds objects in memory. Its versions are numbers that never repeat. Its zero value is not ready: use New.
type Bucket struct {
	clock op.Clock

	mu      sync.RWMutex
	objects map[string]object
	keys    []string        // of objects, ascending
	version uint64          // the last one given
	uploads []bucket.Upload // unfinished ones, in their order
	begun   int             // uploads
	closed  bool
}

type object struct {
	content []byte // never changed once it is here
	version bucket.Version
	modTime time.Time
}

// New returns an empty bucket.
func New(options *Options) *Bucket {
	b := &Bucket{clock: op.SystemClock(), objects: map[string]object{}}
	if options != nil && options.Clock != nil {
		b.clock = options.Clock
	}
	return b
}

var errClosed = errors.New("the bucket is closed")

// check refuses what no request may be. The lock must be held.
func (b *Bucket) check(ctx context.Context, verb bucket.Verb, key string, err error) error {
	switch {
	case err != nil:
		return fail(verb, key, bucket.ErrInvalid, err)
	case b.closed:
		return fail(verb, key, bucket.ErrInvalid, errClosed)
	case ctx.Err() != nil:
		return fail(verb, key, bucket.ErrUnavailable, ctx.Err())
	}
	if err := op.StillFresh(ctx); err != nil {
		return fail(verb, key, bucket.ErrUnavailable, err)
	}
	return nil
}

func fail(verb bucket.Verb, key string, kind, err error) error {
	return &bucket.Error{Verb: verb, Key: key, Kind: kind, Err: err}
}

// Get implements bucket.Bucket.
func (b *Bucket) Get(ctx context.Context, key string) (*bucket.Object, error) {
	return b.read(ctx, bucket.Get, key, func(content []byte) ([]byte, error) { return content, nil })
}

// GetRange implements bucket.RangeGetter.
func (b *Bucket) GetRange(ctx context.Context, key string, offset, length int64) (*bucket.Object, error) {
	return b.read(ctx, bucket.GetRange, key, func(content []byte) ([]byte, error) {
		size := int64(len(content))
		if offset < 0 || length < 0 || offset > size {
			return nil, fmt.Errorf("no range of %d bytes from %d in an object of %d", length, offset, size)
		}
		return content[offset : offset+min(length, size-offset)], nil
	})
}

func (b *Bucket) read(ctx context.Context, verb bucket.Verb, key string, part func([]byte) ([]byte, error)) (*bucket.Object, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.check(ctx, verb, key, bucket.CheckKey(key)); err != nil {
		return nil, err
	}
	o, ok := b.objects[key]
	if !ok {
		return nil, fail(verb, key, bucket.ErrNotFound, nil)
	}
	content, err := part(o.content)
	if err != nil {
		return nil, fail(verb, key, bucket.ErrInvalid, err)
	}
	return &bucket.Object{Info: b.answered(o, key), Body: body{bytes.NewReader(content), ctx, verb, key}}, nil
}

// body ends with its context, as a connection would.
type body struct {
	io.Reader
	ctx  context.Context
	verb bucket.Verb
	key  string
}

func (r body) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fail(r.verb, r.key, bucket.ErrUnavailable, err)
	}
	return r.Reader.Read(p)
}

func (body) Close() error { return nil }

func (o object) info(key string) bucket.Info {
	return bucket.Info{Key: key, Size: int64(len(o.content)), Version: o.version, ModTime: o.modTime}
}

// answered describes an object in the answer to a request for it.
func (b *Bucket) answered(o object, key string) bucket.Info {
	info := o.info(key)
	info.Date = b.clock.Now()
	return info
}

// Stat implements bucket.Bucket.
func (b *Bucket) Stat(ctx context.Context, key string) (bucket.Info, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.check(ctx, bucket.Stat, key, bucket.CheckKey(key)); err != nil {
		return bucket.Info{}, err
	}
	o, ok := b.objects[key]
	if !ok {
		return bucket.Info{}, fail(bucket.Stat, key, bucket.ErrNotFound, nil)
	}
	return b.answered(o, key), nil
}

// Put implements bucket.Bucket.
func (b *Bucket) Put(ctx context.Context, key string, source bucket.Source, condition bucket.Condition) error {
	_, err := b.PutVersion(ctx, key, source, condition)
	return err
}

// PutVersion implements bucket.VersionPutter.
func (b *Bucket) PutVersion(ctx context.Context, key string, source bucket.Source, condition bucket.Condition) (bucket.Version, error) {
	if err := condition.Check(); err != nil {
		return "", fail(bucket.Put, key, bucket.ErrInvalid, err)
	}
	content, err := content(source)
	if err != nil {
		return "", fail(bucket.Put, key, bucket.ErrInvalid, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.check(ctx, bucket.Put, key, bucket.CheckKey(key)); err != nil {
		return "", err
	}
	old, exists := b.objects[key]
	switch {
	case condition.Absent() && exists:
		return "", fail(bucket.Put, key, bucket.ErrExists, nil)
	case !condition.Absent() && (!exists || old.version != condition.Version()):
		return "", fail(bucket.Put, key, bucket.ErrChanged, nil)
	}
	b.version++
	version := bucket.Version(strconv.FormatUint(b.version, 10))
	b.objects[key] = object{content, version, b.clock.Now()}
	if !exists {
		at, _ := slices.BinarySearch(b.keys, key)
		b.keys = slices.Insert(b.keys, at, key)
	}
	return version, nil
}

// content reads a body to be stored, whose size must be what its source said.
func content(source bucket.Source) ([]byte, error) {
	r, err := source.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if size := source.Size(); size >= 0 && size != int64(len(content)) {
		return nil, fmt.Errorf("the body has %d bytes, not the %d that were announced", len(content), size)
	}
	return content, nil
}

// Delete implements bucket.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	return b.remove(ctx, bucket.Delete, key, func(object) error { return nil })
}

// DeleteIf implements bucket.ConditionalDeleter.
func (b *Bucket) DeleteIf(ctx context.Context, key string, version bucket.Version) error {
	if err := bucket.IfMatch(version).Check(); err != nil {
		return fail(bucket.DeleteIf, key, bucket.ErrInvalid, err)
	}
	return b.remove(ctx, bucket.DeleteIf, key, func(o object) error {
		if o.version != version {
			return fail(bucket.DeleteIf, key, bucket.ErrChanged, nil)
		}
		return nil
	})
}

func (b *Bucket) remove(ctx context.Context, verb bucket.Verb, key string, may func(object) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.check(ctx, verb, key, bucket.CheckKey(key)); err != nil {
		return err
	}
	o, ok := b.objects[key]
	if !ok {
		return fail(verb, key, bucket.ErrNotFound, nil)
	}
	if err := may(o); err != nil {
		return err
	}
	b.forget(key)
	return nil
}

// Remove implements bucket.Remover.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	err := b.remove(ctx, bucket.Removal, key, func(object) error { return nil })
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	return err
}

// forget drops an object. The lock must be held.
func (b *Bucket) forget(key string) {
	if at, ok := slices.BinarySearch(b.keys, key); ok {
		b.keys = slices.Delete(b.keys, at, at+1)
		delete(b.objects, key)
	}
}

// DeleteAll implements bucket.BulkDeleter.
func (b *Bucket) DeleteAll(ctx context.Context, keys []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := bucket.Request{Verb: bucket.DeleteAll, Keys: keys}
	if err := b.check(ctx, r.Verb, r.Name(), bucket.CheckBulk(keys)); err != nil {
		return err
	}
	for _, key := range keys {
		b.forget(key)
	}
	return nil
}

// List implements bucket.Bucket. Its token is the last key of the page before.
func (b *Bucket) List(ctx context.Context, options bucket.ListOptions) (bucket.Page, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.check(ctx, bucket.List, options.Prefix+"*", bucket.CheckList(options)); err != nil {
		return bucket.Page{}, err
	}
	limit := cmp.Or(options.Limit, bucket.PageSize)
	page := bucket.Page{Date: b.clock.Now()}
	after := max(options.After, options.Token)
	at, _ := slices.BinarySearch(b.keys, max(options.Prefix, after))
	for _, key := range b.keys[at:] {
		if key == after {
			continue
		}
		if !strings.HasPrefix(key, options.Prefix) {
			break
		}
		if len(page.Objects) == limit {
			page.Next = page.Objects[limit-1].Key
			break
		}
		page.Objects = append(page.Objects, b.objects[key].info(key))
	}
	return page, nil
}

// ListFolders implements bucket.FolderLister. Its token is where the keys after those of the last folder begin.
func (b *Bucket) ListFolders(ctx context.Context, options bucket.ListOptions) (bucket.FolderPage, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.check(ctx, bucket.ListFolders, options.Prefix+"*", bucket.CheckFolders(options)); err != nil {
		return bucket.FolderPage{}, err
	}
	limit := cmp.Or(options.Limit, bucket.PageSize)
	var page bucket.FolderPage
	next := max(options.Prefix, options.Token)
	at, _ := slices.BinarySearch(b.keys, next)
	for at < len(b.keys) && strings.HasPrefix(b.keys[at], options.Prefix) {
		name, _, inside := strings.Cut(b.keys[at][len(options.Prefix):], "/")
		if !inside {
			at++
			continue
		}
		if len(page.Folders) == limit {
			page.Next = next
			break
		}
		page.Folders = append(page.Folders, options.Prefix+name+"/")
		next = options.Prefix + name + "0" // the character after the slash
		at, _ = slices.BinarySearch(b.keys, next)
	}
	return page, nil
}

// Close implements bucket.Bucket. The objects stay until the bucket is garbage.
func (b *Bucket) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}
