package bucket

import "context"

// RangeGetter reads a part of an object. Fails as Get does, and with ErrInvalid where offset is beyond the end.
type RangeGetter interface {
	// GetRange returns length bytes from offset, fewer where the object ends before; Size of the result is that of the whole object.
	GetRange(ctx context.Context, key string, offset, length int64) (*Object, error)
}

// ConditionalDeleter removes an object only in the version that was read. Fails with ErrChanged where there is another version, with ErrNotFound
// where there is no object, and with ErrInvalid where the version is empty.
type ConditionalDeleter interface {
	DeleteIf(ctx context.Context, key string, version Version) error
}

// Remover removes an object in one request where Delete needs two, to tell whether there was one. That there is none is no failure.
type Remover interface {
	Remove(ctx context.Context, key string) error
}

// BulkDeleter removes up to BulkSize objects in one request; those that are not there do not matter. Where it fails, some may be gone. A failure of some of the
// objects names one of them.
type BulkDeleter interface {
	DeleteAll(ctx context.Context, keys []string) error
}

// BulkSize is how many keys a DeleteAll takes at the most.
const BulkSize = 1000

// FolderLister lists folders in one request a page, however much is in them.
type FolderLister interface {
	// ListFolders returns one page of the folders right under options.Prefix ([CheckFolders]). Limit is how many folders, and objects beside them, the store goes
	// through for it: a page may have fewer folders, or none, and say in Next that there are more.
	ListFolders(ctx context.Context, options ListOptions) (FolderPage, error)
}

// FolderPage is one page of folders.
type FolderPage struct {
	Folders []string // with the prefix and a closing slash, in ascending byte order
	Next    string   // asks for the page after this one; empty at the end
}

// As finds an extra (RangeGetter, ConditionalDeleter, Remover, BulkDeleter, FolderLister, Copier, Locator, Tuned, Describer) of a bucket, through its decorators, whose work it keeps.
func As[T any](b Bucket) (T, bool) {
	if w, ok := b.(*wrapped); ok {
		if _, ok := As[T](w.inner); !ok {
			var none T
			return none, false
		}
		extra, ok := any(wrappedExtras{w}).(T)
		return extra, ok
	}
	extra, ok := b.(T)
	return extra, ok
}
