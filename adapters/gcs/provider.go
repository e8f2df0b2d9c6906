package gcs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// provider answers the Bridge's questions for GCS. A version is a generation in decimal.
type provider struct {
	client *storage.Client
	bucket *storage.BucketHandle
	o      Options
}

var errAs = errors.New("gocloud.dev/blob shows another request than the one of this version of GCS's SDK")

func (p *provider) Condition(as func(any) bool, condition bucket.Condition) error {
	met, err := conditions(condition)
	if err != nil {
		return err
	}
	var object **storage.ObjectHandle
	if !as(&object) {
		return errAs
	}
	*object = (*object).If(met).Retryer(storage.WithPolicy(storage.RetryIdempotent), storage.WithErrorFunc(repetitions()))
	var w *storage.Writer
	if !as(&w) {
		return errAs
	}
	w.KMSKeyName = p.o.KMSKeyName
	return nil
}

func conditions(condition bucket.Condition) (storage.Conditions, error) {
	if condition.Absent() {
		return storage.Conditions{DoesNotExist: true}, nil
	}
	generation, err := generationOf(condition.Version())
	return storage.Conditions{GenerationMatch: generation}, err
}

func generationOf(version bucket.Version) (int64, error) {
	generation, err := strconv.ParseInt(string(version), 10, 64)
	if err != nil || generation <= 0 {
		return 0, fmt.Errorf("%w: the version %q is none of GCS, which are positive integers", bucket.ErrInvalid, version)
	}
	return generation, nil
}

// repetitions lets one request of an upload in parts be repeated 4 times in a row: what a session has got is not sent again.
func repetitions() func(error) bool {
	failures := 0
	return func(err error) bool {
		if err == nil {
			failures = 0
			return false
		}
		failures++
		return failures <= 4 && storage.ShouldRetry(err)
	}
}

func (p *provider) Info(as func(any) bool) bucket.Info {
	var object storage.ObjectAttrs
	as(&object)
	return infoOf(&object)
}

func infoOf(object *storage.ObjectAttrs) bucket.Info {
	return bucket.Info{
		Key: object.Name, Size: object.Size, Version: versionOf(object.Generation),
		ModTime: object.Updated.Truncate(time.Second), // as precise as what Get says
	}
}

func (p *provider) List(ctx context.Context, listing adapters.Listing) (bucket.Page, error) {
	var page bucket.Page
	query := &storage.Query{Prefix: listing.Prefix, StartOffset: listing.After}
	next, err := p.page(ctx, listing, query, []string{"Name", "Size", "Generation", "Updated"}, func(object *storage.ObjectAttrs, more int) {
		if page.Objects == nil {
			page.Objects = make([]bucket.Info, 0, more+1)
		}
		page.Objects = append(page.Objects, infoOf(object))
	})
	page.Next = next
	return page, err
}

func (p *provider) Folders(ctx context.Context, listing adapters.Listing) (bucket.FolderPage, error) {
	var page bucket.FolderPage
	next, err := p.page(ctx, listing, &storage.Query{Prefix: listing.Prefix, Delimiter: "/"}, []string{"Name"}, func(object *storage.ObjectAttrs, _ int) {
		if object.Prefix != "" { // an object beside the folders has none
			page.Folders = append(page.Folders, object.Prefix)
		}
	})
	page.Next = next
	return page, err
}

// page takes one page out of the SDK's iterator, which would go on to the next, and returns the token of that.
func (p *provider) page(ctx context.Context, listing adapters.Listing, query *storage.Query, fields []string, take func(object *storage.ObjectAttrs, more int)) (string, error) {
	query.Projection = storage.ProjectionNoACL
	if err := query.SetAttrSelection(fields); err != nil {
		return "", err
	}
	objects := p.bucket.Objects(ctx, query)
	at := objects.PageInfo()
	at.MaxSize, at.Token = listing.Size, listing.Token
	for {
		object, err := objects.Next()
		if errors.Is(err, iterator.Done) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		take(object, at.Remaining())
		if at.Remaining() == 0 {
			return at.Token, nil
		}
	}
}

func versionOf(generation int64) bucket.Version {
	return bucket.Version(strconv.FormatInt(generation, 10))
}

var errNoGeneration = errors.New("the answer does not say which generation of the object it is: look at the endpoint, and at what stands between")

func (p *provider) Get(ctx context.Context, key string, part adapters.Part) (*bucket.Object, error) {
	object := p.bucket.Object(key).ReadCompressed(true) // as it is stored
	if part.Version != "" {
		generation, err := generationOf(part.Version)
		if err != nil {
			return nil, err
		}
		object = object.If(storage.Conditions{GenerationMatch: generation})
	}
	ctx, answer := once(ctx)
	reader, err := object.NewRangeReader(ctx, part.Offset, part.Length)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil, p.missing(ctx, key, answer, err)
	}
	if err != nil {
		return nil, err
	}
	if reader.Attrs.Generation <= 0 {
		reader.Close()
		return nil, errNoGeneration
	}
	return &bucket.Object{
		Info: bucket.Info{
			Key: key, Size: reader.Attrs.Size, Version: versionOf(reader.Attrs.Generation), ModTime: reader.Attrs.LastModified,
		},
		Body: reader,
	}, nil
}

// missing tells a missing object from a missing bucket. The SDK throws away what a 404 to a read says; where nobody has kept it, a second request asks.
func (p *provider) missing(ctx context.Context, key string, answer *answer, err error) error {
	if !answer.sent.Load() {
		if _, said := p.bucket.Object(key).Attrs(ctx); said != nil {
			return said
		}
	}
	return fmt.Errorf("%w: %w", err, &googleapi.Error{Code: http.StatusNotFound, Body: answer.words})
}

// castagnoli is the polynomial of GCS's checksums.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (p *provider) Put(ctx context.Context, key string, body io.ReadSeeker, _ int64, condition bucket.Condition) (bucket.Version, error) {
	met, err := conditions(condition)
	if err != nil {
		return "", err
	}
	checksum := crc32.New(castagnoli)
	if _, err := io.Copy(checksum, body); err != nil {
		return "", fmt.Errorf("%w: reading the body: %w", bucket.ErrInvalid, err)
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("%w: rewinding the body: %w", bucket.ErrInvalid, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := p.bucket.Object(key).If(met).NewWriter(ctx)
	w.ChunkSize = 0 // no buffer: the body can be read again
	w.ContentType = "application/octet-stream"
	w.KMSKeyName = p.o.KMSKeyName
	w.CRC32C, w.SendCRC32C = checksum.Sum32(), true // of the whole, so that no part of it can become the object
	if _, err := io.Copy(w, body); err != nil {
		return "", err // and no Close, which would end the object here
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if w.Attrs().Generation == 0 { // the answer does not tell
		return "", nil
	}
	return versionOf(w.Attrs().Generation), nil
}

func (p *provider) Delete(ctx context.Context, key string, version bucket.Version) error {
	object := p.bucket.Object(key)
	if version == "" {
		return object.Delete(ctx)
	}
	generation, err := generationOf(version)
	if err != nil {
		return err
	}
	err = object.If(storage.Conditions{GenerationMatch: generation}).Delete(ctx)
	if refused, ok := errors.AsType[*googleapi.Error](err); ok && refused.Code == http.StatusPreconditionFailed {
		if _, gone := object.Attrs(ctx); errors.Is(gone, storage.ErrObjectNotExist) {
			return gone // the condition does not hold of a missing object either
		}
	}
	return err
}

func (p *provider) Describe(ctx context.Context) (bucket.Description, error) {
	description := bucket.Description{Service: Scheme}
	attributes, err := p.bucket.Attrs(ctx)
	if refused, ok := errors.AsType[*googleapi.Error](err); ok && refused.Code == http.StatusForbidden {
		description.Untold = err // the role has no storage.buckets.get, which Quiver needs for nothing else
		return description, nil
	}
	if err != nil {
		return description, err
	}
	description.Region = attributes.Location
	if attributes.VersioningEnabled {
		description.Versioning = "enabled"
	}
	if attributes.SoftDeletePolicy != nil {
		description.SoftDelete = attributes.SoftDeletePolicy.RetentionDuration
	}
	return description, nil
}
