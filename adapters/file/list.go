package file

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// List implements bucket.Bucket. Its token is the last key of the page before.
func (b *Bucket) List(ctx context.Context, options bucket.ListOptions) (bucket.Page, error) {
	page, err := b.list(ctx, options)
	return page, b.answer(bucket.List, options.Prefix+"*", err)
}

func (b *Bucket) list(ctx context.Context, options bucket.ListOptions) (bucket.Page, error) {
	if err := bucket.CheckList(options); err != nil {
		return bucket.Page{}, err
	}
	if err := awaited(ctx); err != nil {
		return bucket.Page{}, err
	}
	root, err := b.readable()
	if err != nil {
		return bucket.Page{}, err
	}
	page := bucket.Page{Date: b.clock.Now()}
	folder := options.Prefix[:strings.LastIndexByte(options.Prefix, '/')+1]
	if root == nil || folder != "" && (bucket.CheckKey(strings.TrimSuffix(folder, "/")) != nil || isInternal(folder)) {
		return page, nil
	}
	w := walk{ctx: ctx, calls: b.calls, root: root, prefix: options.Prefix, after: max(options.After, options.Token), limit: cmp.Or(options.Limit, bucket.PageSize)}
	if folder == "" || w.wanted(folder) {
		if err := w.enter(folder); err != nil {
			return bucket.Page{}, err
		}
	}
	if err := w.run(&page); err != nil {
		return bucket.Page{}, err
	}
	return page, nil
}

// walk collects a page in the order of the keys, which is not that of names in folders: "a.b" is before "a/b", and that before "a0". What is
// known and not yet visited waits in a heap, a folder under its key with a closing slash. A name is first taken for a file, and put back as a
// folder when it turns out to be one: so nothing is looked at that is not on the page, and no folder is read before its turn.
type walk struct {
	ctx     context.Context
	calls   calls
	root    *os.Root
	prefix  string
	after   string
	limit   int
	waiting keys
}

func (w *walk) run(page *bucket.Page) error {
	for len(w.waiting) > 0 {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		key := heap.Pop(&w.waiting).(string)
		if strings.HasSuffix(key, "/") {
			if err := w.enter(key); err != nil {
				return err
			}
			continue
		}
		info, err := w.visit(key)
		switch {
		case err != nil:
			return err
		case info.Key == "" || info.Key <= w.after:
			continue
		case len(page.Objects) == w.limit:
			page.Next = page.Objects[w.limit-1].Key
			return nil
		}
		page.Objects = append(page.Objects, info)
	}
	return nil
}

// visit describes the object at a key; none where there is none. A folder is put where its turn is.
func (w *walk) visit(key string) (bucket.Info, error) {
	info, err := w.calls.lstat(w.root, key)
	switch {
	case err != nil && errors.Is(missing(err), bucket.ErrNotFound):
		return bucket.Info{}, nil // removed meanwhile
	case err != nil:
		return bucket.Info{}, err
	case info.IsDir():
		if folder := key + "/"; w.wanted(folder) {
			heap.Push(&w.waiting, folder)
		}
		return bucket.Info{}, nil
	case !info.Mode().IsRegular():
		return bucket.Info{}, nil
	}
	inode, err := inodeAt(w.root, key, info)
	if err != nil {
		return bucket.Info{}, missing(err)
	}
	return infoOf(key, info, inode), nil
}

// wanted says whether a folder can hold keys that are after those to be left out.
func (w *walk) wanted(folder string) bool {
	return folder > w.after || strings.HasPrefix(w.after, folder)
}

// enter reads the names in a folder, which is given with its closing slash, the directory itself as the empty string.
func (w *walk) enter(folder string) error {
	name := "."
	if folder != "" {
		name = strings.TrimSuffix(folder, "/")
		// A link would be followed and a pipe waited for.
		if info, err := w.calls.lstat(w.root, name); err == nil && !info.IsDir() {
			return nil
		}
	}
	file, err := w.calls.open(w.root, name)
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	for {
		names, err := file.Readdirnames(bucket.PageSize)
		for _, name := range names {
			w.add(folder, name)
		}
		switch {
		case err == io.EOF:
			heap.Init(&w.waiting)
			return nil
		case err != nil:
			return err
		case w.ctx.Err() != nil:
			return w.ctx.Err()
		}
	}
}

// add notes a name in a folder, unless neither an object nor a folder of that name can be on the page.
func (w *walk) add(folder, name string) {
	if rest, ok := strings.CutPrefix(w.prefix, folder); ok && !strings.HasPrefix(name, rest) {
		return
	}
	key := folder + name
	if key <= w.after && !w.wanted(key+"/") || bucket.CheckKey(key) != nil || isInternal(key) {
		return
	}
	w.waiting = append(w.waiting, key)
}

// keys is a heap of keys, the smallest first.
type keys []string

func (k keys) Len() int           { return len(k) }
func (k keys) Less(i, j int) bool { return k[i] < k[j] }
func (k keys) Swap(i, j int)      { k[i], k[j] = k[j], k[i] }
func (k *keys) Push(key any)      { *k = append(*k, key.(string)) }

func (k *keys) Pop() any {
	last := len(*k) - 1
	key := (*k)[last]
	*k = (*k)[:last]
	return key
}
