package bucket

import (
	"context"
	"slices"
)

// Verb names a kind of request.
type Verb string

// The verbs: the five requests of a Bucket and those of its extras.
const (
	Get         Verb = "get"
	Stat        Verb = "stat"
	Put         Verb = "put"
	Delete      Verb = "delete"
	List        Verb = "list"
	GetRange    Verb = "get range"
	DeleteIf    Verb = "delete if"
	Removal     Verb = "remove"
	DeleteAll   Verb = "delete all"
	ListFolders Verb = "list folders"
	Copy        Verb = "copy"
	ListUploads Verb = "list uploads"
	AbortUpload Verb = "abort upload"
)

// Writes says whether the verb changes the bucket.
func (v Verb) Writes() bool {
	return v == Put || v == Delete || v == DeleteIf || v == Removal || v == DeleteAll || v == Copy || v == AbortUpload
}

// Request is one request to a store, as a decorator sees it. The fields that its verb does not take are zero.
type Request struct {
	Verb      Verb
	Key       string      // all but List, ListFolders, ListUploads and DeleteAll
	Keys      []string    // DeleteAll
	Offset    int64       // GetRange
	Length    int64       // GetRange, Copy
	From      Location    // Copy
	Body      Source      // Put
	Condition Condition   // Put
	Version   Version     // DeleteIf
	List      ListOptions // List, ListFolders, ListUploads
	Upload    string      // AbortUpload: its ID
}

// Name is the key or prefix that the request is about, for people.
func (r *Request) Name() string {
	switch {
	case r.Verb == List, r.Verb == ListFolders, r.Verb == ListUploads:
		return r.List.Prefix + "*"
	case r.Verb == DeleteAll && len(r.Keys) == 1:
		return r.Keys[0]
	case r.Verb == DeleteAll && len(r.Keys) > 1:
		return r.Keys[0] + " and others"
	}
	return r.Key
}

// Answer is what a store returned; the fields that the verb does not give are zero.
type Answer struct {
	Object  *Object    // Get, GetRange
	Info    Info       // Stat; of a Put the version alone, where the store tells
	Page    Page       // List
	Folders FolderPage // ListFolders
	Uploads UploadPage // ListUploads
}

// Handler answers a request.
type Handler func(ctx context.Context, request *Request) (Answer, error)

// Middleware makes a handler that does its work around the next. It must not change the request it is given, but a copy.
type Middleware func(next Handler) Handler

// Wrap returns b with every request, also those of its extras, going through the middleware, from the first to the last.
func Wrap(b Bucket, middleware ...Middleware) Bucket {
	handle := ask(b)
	for _, m := range slices.Backward(middleware) {
		handle = m(handle)
	}
	return &wrapped{inner: b, handle: handle}
}

// ask is the handler at the bottom: it calls the bucket.
func ask(b Bucket) Handler {
	ranges, _ := As[RangeGetter](b)
	conditional, _ := As[ConditionalDeleter](b)
	remover, _ := As[Remover](b)
	bulk, _ := As[BulkDeleter](b)
	folders, _ := As[FolderLister](b)
	copier, _ := As[Copier](b)
	uploads, _ := As[Uploads](b)
	putter, tells := As[VersionPutter](b)
	return func(ctx context.Context, r *Request) (answer Answer, err error) {
		switch r.Verb {
		case Get:
			answer.Object, err = b.Get(ctx, r.Key)
		case Stat:
			answer.Info, err = b.Stat(ctx, r.Key)
		case Put:
			if tells {
				answer.Info.Version, err = putter.PutVersion(ctx, r.Key, r.Body, r.Condition)
			} else {
				err = b.Put(ctx, r.Key, r.Body, r.Condition)
			}
		case Delete:
			err = b.Delete(ctx, r.Key)
		case List:
			answer.Page, err = b.List(ctx, r.List)
		case GetRange:
			answer.Object, err = ranges.GetRange(ctx, r.Key, r.Offset, r.Length)
		case DeleteIf:
			err = conditional.DeleteIf(ctx, r.Key, r.Version)
		case Removal:
			err = remover.Remove(ctx, r.Key)
		case DeleteAll:
			err = bulk.DeleteAll(ctx, r.Keys)
		case ListFolders:
			answer.Folders, err = folders.ListFolders(ctx, r.List)
		case Copy:
			err = copier.Copy(ctx, r.From, r.Length, r.Key)
		case ListUploads:
			answer.Uploads, err = uploads.ListUploads(ctx, r.List)
		case AbortUpload:
			err = uploads.AbortUpload(ctx, Upload{Key: r.Key, ID: r.Upload})
		}
		return answer, err
	}
}

type wrapped struct {
	inner  Bucket
	prefix string // of all keys in inner
	handle Handler
}

func (w *wrapped) Get(ctx context.Context, key string) (*Object, error) {
	answer, err := w.handle(ctx, &Request{Verb: Get, Key: key})
	return answer.Object, err
}

func (w *wrapped) Stat(ctx context.Context, key string) (Info, error) {
	answer, err := w.handle(ctx, &Request{Verb: Stat, Key: key})
	return answer.Info, err
}

func (w *wrapped) Put(ctx context.Context, key string, body Source, condition Condition) error {
	_, err := w.handle(ctx, &Request{Verb: Put, Key: key, Body: body, Condition: condition})
	return err
}

func (w *wrapped) Delete(ctx context.Context, key string) error {
	_, err := w.handle(ctx, &Request{Verb: Delete, Key: key})
	return err
}

func (w *wrapped) List(ctx context.Context, options ListOptions) (Page, error) {
	answer, err := w.handle(ctx, &Request{Verb: List, List: options})
	return answer.Page, err
}

func (w *wrapped) Close() error { return w.inner.Close() }

// wrappedExtras has all extras; As hands out only those that the inner bucket has.
type wrappedExtras struct{ *wrapped }

func (w wrappedExtras) GetRange(ctx context.Context, key string, offset, length int64) (*Object, error) {
	answer, err := w.handle(ctx, &Request{Verb: GetRange, Key: key, Offset: offset, Length: length})
	return answer.Object, err
}

func (w wrappedExtras) PutVersion(ctx context.Context, key string, body Source, condition Condition) (Version, error) {
	answer, err := w.handle(ctx, &Request{Verb: Put, Key: key, Body: body, Condition: condition})
	return answer.Info.Version, err
}

func (w wrappedExtras) DeleteIf(ctx context.Context, key string, version Version) error {
	_, err := w.handle(ctx, &Request{Verb: DeleteIf, Key: key, Version: version})
	return err
}

func (w wrappedExtras) Remove(ctx context.Context, key string) error {
	_, err := w.handle(ctx, &Request{Verb: Removal, Key: key})
	return err
}

func (w wrappedExtras) Describe(ctx context.Context) (Description, error) {
	describer, _ := As[Describer](w.inner)
	return describer.Describe(ctx)
}

func (w wrappedExtras) Tuning() Tuning {
	tuned, _ := As[Tuned](w.inner)
	return tuned.Tuning()
}

func (w wrappedExtras) DeleteAll(ctx context.Context, keys []string) error {
	_, err := w.handle(ctx, &Request{Verb: DeleteAll, Keys: keys})
	return err
}

func (w wrappedExtras) ListFolders(ctx context.Context, options ListOptions) (FolderPage, error) {
	answer, err := w.handle(ctx, &Request{Verb: ListFolders, List: options})
	return answer.Folders, err
}

func (w wrappedExtras) Copy(ctx context.Context, from Location, size int64, key string) error {
	_, err := w.handle(ctx, &Request{Verb: Copy, Key: key, From: from, Length: size})
	return err
}

func (w wrappedExtras) ListUploads(ctx context.Context, options ListOptions) (UploadPage, error) {
	answer, err := w.handle(ctx, &Request{Verb: ListUploads, List: options})
	return answer.Uploads, err
}

func (w wrappedExtras) AbortUpload(ctx context.Context, upload Upload) error {
	_, err := w.handle(ctx, &Request{Verb: AbortUpload, Key: upload.Key, Upload: upload.ID})
	return err
}

func (w wrappedExtras) Locate(key string) Location {
	locator, _ := As[Locator](w.inner)
	return locator.Locate(w.prefix + key)
}
