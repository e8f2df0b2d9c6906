package bucket

import (
	"context"
	"time"
)

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

// VersionPutter is a Put that tells which version it has written: empty where the store did not tell this time, as of an upload in parts.
type VersionPutter interface {
	PutVersion(ctx context.Context, key string, body Source, condition Condition) (Version, error)
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

// Uploads knows what was begun to be uploaded in parts and never ended, by writers that died: it is no object, and is paid for until it is aborted.
type Uploads interface {
	// ListUploads returns one page of the unfinished uploads whose keys begin with options.Prefix ([CheckUploads]), in ascending byte order of their keys. Limit is how many uploads the page has at the most.
	ListUploads(ctx context.Context, options ListOptions) (UploadPage, error)
	// AbortUpload removes the parts of an upload, by its Key and its ID. That it is not there any more is no failure. An object of that key stays. Fails with ErrInvalid where it names no upload.
	AbortUpload(ctx context.Context, upload Upload) error
}

// Upload is an unfinished upload of an object. Its key may be one that CheckKey refuses, if something else than Quiver has begun it.
type Upload struct {
	Key   string
	ID    string    // tells apart those of one key
	Begun time.Time // by the store's clock
}

// UploadPage is one page of unfinished uploads.
type UploadPage struct {
	Uploads []Upload
	Next    string    // asks for the page after this one; empty at the end
	Date    time.Time // the store's clock as it answered; zero where it does not tell
}

// Extended is a bucket of whose extras some are values of their own, since not every bucket of its type has them.
type Extended interface {
	Extras() []any
}

// As finds an extra (RangeGetter, ConditionalDeleter, VersionPutter, Remover, BulkDeleter, FolderLister, Uploads, Copier, Locator, Tuned, Describer) of a bucket, through its decorators, whose work it keeps.
func As[T any](b Bucket) (T, bool) {
	var none T
	if w, ok := b.(*wrapped); ok {
		if _, ok := As[T](w.inner); !ok {
			return none, false
		}
		extra, ok := any(wrappedExtras{w}).(T)
		return extra, ok
	}
	if extra, ok := b.(T); ok {
		return extra, true
	}
	if extended, ok := b.(Extended); ok {
		for _, extra := range extended.Extras() {
			if extra, ok := extra.(T); ok {
				return extra, true
			}
		}
	}
	return none, false
}
