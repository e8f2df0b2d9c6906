package adapters_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
)

// cloud is a service in memory, and its Provider. It keeps objects in bucket/mem, and refuses as services do, so that the Bridge has to find out what
// that means. What gocloud does on it is in driver.
type cloud struct {
	store     *mem.Bucket
	fromStart bool              // listings begin at the first key
	forgetful bool              // pages of folders have those of the pages before again
	generous  bool              // pages have more keys than were asked for
	fails     error             // the answer to every request
	untold    error             // why the cloud does not describe all of itself
	wire      http.RoundTripper // every request goes through it first, where there is one
	sloppy    bool              // an upload whose body fails is completed with what came of it
	single    bool              // objects are deleted one at a time, and nobody tells of unfinished uploads
	weighs    bool              // of what is put the number of bytes is kept, as content

	mu       sync.Mutex
	gets     []adapters.Part // that were asked for
	answers  []answer        // to the next Gets, in their order
	streams  []*stream       // that were given
	partSize int             // of the latest upload
	closings int             // of the driver
	closing  error           // what closing the driver comes to
}

func newCloud() *cloud { return &cloud{store: mem.New(nil)} }

// bridge is the bucket on the cloud.
func (c *cloud) bridge(t testing.TB, options *adapters.Options) bucket.Bucket {
	c.fromStart = options != nil && options.FromStart
	var provider adapters.Provider = c
	if c.single {
		provider = struct{ adapters.Provider }{c}
	}
	b := adapters.New(c.blob(), provider, options)
	t.Cleanup(func() { b.Close() })
	return b
}

// blob is gocloud's bucket on the cloud.
func (c *cloud) blob() *blob.Bucket { return blob.NewBucket(driven{cloud: c}) }

// wire is a transport of one function.
type wire func(r *http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// refusal is what an SDK makes of a service's answer.
type refusal struct{ adapters.Refusal }

func (r refusal) Error() string { return fmt.Sprint("the SDK says ", r.Status) }

// say is the answer of a service to a request that the store refused.
func say(err error) error {
	switch kind := bucket.Kind(err); {
	case errors.Is(kind, bucket.ErrNotFound):
		return refusal{adapters.Refusal{Status: http.StatusNotFound}}
	case errors.Is(kind, bucket.ErrExists), errors.Is(kind, bucket.ErrChanged):
		return refusal{adapters.Refusal{Status: http.StatusPreconditionFailed}}
	case errors.Is(kind, bucket.ErrInvalid):
		return refusal{adapters.Refusal{Status: http.StatusBadRequest}}
	}
	return err
}

// arrive is what every request does first.
func (c *cloud) arrive(ctx context.Context) error {
	if c.wire != nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://cloud.example/", nil)
		if err != nil {
			return err
		}
		response, err := c.wire.RoundTrip(r)
		if err != nil {
			return err
		}
		response.Body.Close()
	}
	return c.fails
}

func (c *cloud) Condition(as func(any) bool, condition bucket.Condition) error {
	var u *upload
	if !as(&u) {
		return errors.New("this is no upload")
	}
	u.condition = condition
	return nil
}

// List refuses path segments as MinIO does, and tokens that are none of its own.
func (c *cloud) List(ctx context.Context, listing adapters.Listing) (bucket.Page, error) {
	if err := c.arrive(ctx); err != nil {
		return bucket.Page{}, err
	}
	if c.fromStart && listing.After != "" {
		return bucket.Page{}, errors.New("this service cannot begin after a key")
	}
	for _, name := range []string{listing.Prefix, listing.After} {
		if slashed := "/" + name + "/"; strings.Contains(slashed, "/./") || strings.Contains(slashed, "/../") || strings.Contains("/"+name, "//") {
			return bucket.Page{}, refusal{adapters.Refusal{Status: http.StatusBadRequest, Code: "InvalidObjectName"}}
		}
	}
	from := bucket.ListOptions{Prefix: listing.Prefix, After: listing.After, Limit: listing.Size}
	if c.generous {
		from.Limit = 0
	}
	if listing.Token != "" {
		last, mine := strings.CutPrefix(listing.Token, "opaque:")
		if !mine {
			return bucket.Page{}, refusal{adapters.Refusal{Status: http.StatusBadRequest, Code: "InvalidToken"}}
		}
		from.Token = last
	}
	page, err := c.store.List(ctx, from)
	if page.Next != "" {
		page.Next = "opaque:" + page.Next
	}
	return page, say(err)
}

func (c *cloud) Folders(ctx context.Context, listing adapters.Listing) (bucket.FolderPage, error) {
	if err := c.arrive(ctx); err != nil {
		return bucket.FolderPage{}, err
	}
	if listing.After != "" || listing.Size < 1 {
		return bucket.FolderPage{}, refusal{adapters.Refusal{Status: http.StatusBadRequest, Code: "InvalidArgument"}}
	}
	last, mine := strings.CutPrefix(listing.Token, "opaque:")
	if listing.Token != "" && !mine {
		return bucket.FolderPage{}, refusal{adapters.Refusal{Status: http.StatusBadRequest, Code: "InvalidToken"}}
	}
	page, err := c.store.ListFolders(ctx, bucket.ListOptions{Prefix: listing.Prefix, Token: last, Limit: listing.Size})
	if page.Next != "" {
		page.Next = "opaque:" + page.Next
	}
	if c.forgetful && err == nil {
		all, err := bucket.Folders(ctx, c.store, listing.Prefix)
		if err != nil {
			return bucket.FolderPage{}, err
		}
		page.Folders = slices.DeleteFunc(all, func(folder string) bool { return len(page.Folders) > 0 && folder > page.Folders[len(page.Folders)-1] })
	}
	return page, say(err)
}

func (c *cloud) Info(as func(any) bool) bucket.Info {
	var info bucket.Info
	as(&info)
	return info
}

// Right names the request that is denied.
func (c *cloud) Right(verb bucket.Verb, condition bucket.Condition) string {
	return fmt.Sprintf("the role needs the right to %s, if absent %t", verb, condition.Absent())
}

func (c *cloud) Refusal(err error) (adapters.Refusal, bool) {
	said, ok := errors.AsType[refusal](err)
	return said.Refusal, ok
}

func (c *cloud) Get(ctx context.Context, key string, part adapters.Part) (*bucket.Object, error) {
	if err := c.arrive(ctx); err != nil {
		return nil, err
	}
	content, info, err := bucket.ReadAll(ctx, c.store, key, 1<<30)
	if err != nil {
		return nil, say(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gets = append(c.gets, part)
	size := int64(len(content))
	switch {
	case part.Version != "" && part.Version != info.Version:
		return nil, refusal{adapters.Refusal{Status: http.StatusPreconditionFailed}}
	case part != adapters.Whole && part.Offset >= size:
		return nil, refusal{adapters.Refusal{Status: http.StatusRequestedRangeNotSatisfiable}}
	}
	content = content[part.Offset:]
	if part.Length >= 0 {
		content = content[:min(part.Length, int64(len(content)))]
	}
	body := &stream{ctx: ctx, rest: content, end: func(context.Context) error { return io.EOF }}
	object := &bucket.Object{Info: info, Body: body}
	if len(c.answers) > 0 {
		next := c.answers[0]
		c.answers = c.answers[1:]
		if err := next(object, body); err != nil {
			return nil, err
		}
	}
	c.streams = append(c.streams, body)
	return object, nil
}

// answer changes what a Get gives.
type answer func(object *bucket.Object, body *stream) error

// stream is a body on its way.
type stream struct {
	ctx    context.Context
	rest   []byte
	end    func(ctx context.Context) error // after the last byte
	before func(ctx context.Context) error // before any byte
	closed int
}

func (s *stream) Read(p []byte) (int, error) {
	if s.before != nil {
		if err := s.before(s.ctx); err != nil {
			return 0, err
		}
	}
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if len(p) > 0 && len(s.rest) == 0 {
		return 0, s.end(s.ctx)
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) Close() error {
	s.closed++
	return nil
}

// released says whether the streams that were given are closed, once each, and their contexts over.
func (c *cloud) released(t *testing.T) {
	t.Helper()
	for i, s := range c.streams {
		if s.closed != 1 || s.ctx.Err() == nil {
			t.Errorf("stream %d of %d was closed %d times, its context ends with %v", i, len(c.streams), s.closed, s.ctx.Err())
		}
	}
}

// after lets n bytes of a body come, and then something else.
func after(n int, end func(ctx context.Context) error) answer {
	return func(_ *bucket.Object, body *stream) error {
		body.rest, body.end = body.rest[:min(n, len(body.rest))], end
		return nil
	}
}

func cut(n int) answer {
	return after(n, func(context.Context) error { return io.ErrUnexpectedEOF })
}

func stall(n int) answer {
	return after(n, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
}

// silence is no answer at all.
func silence(_ *bucket.Object, body *stream) error {
	<-body.ctx.Done()
	return body.ctx.Err()
}

func refuse(r adapters.Refusal) answer {
	return func(*bucket.Object, *stream) error { return refusal{r} }
}

func (c *cloud) Describe(ctx context.Context) (bucket.Description, error) {
	return bucket.Description{Service: "cloud", Untold: c.untold}, c.arrive(ctx)
}

func (c *cloud) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, condition bucket.Condition) (bucket.Version, error) {
	if err := c.arrive(ctx); err != nil {
		return "", err
	}
	content, err := c.receive(body)
	if n := int64(len(content)); err == nil && n != size && !c.weighs {
		err = fmt.Errorf("the body has %d bytes, not %d", n, size)
	}
	if err != nil {
		return "", err
	}
	version, err := bucket.PutVersion(ctx, c.store, key, bucket.Bytes(content), condition)
	return version, say(err)
}

// receive is what the service keeps of a body.
func (c *cloud) receive(body io.Reader) ([]byte, error) {
	if !c.weighs {
		return io.ReadAll(body)
	}
	n, err := io.Copy(io.Discard, body)
	return strconv.AppendInt(nil, n, 10), err
}

func (c *cloud) Location() bucket.Location { return bucket.Location{Service: "cloud", Bucket: "b"} }

// Copy knows its own objects.
func (c *cloud) Copy(ctx context.Context, from bucket.Location, size int64, key string) error {
	if err := c.arrive(ctx); err != nil {
		return err
	}
	content, _, err := bucket.ReadAll(ctx, c.store, from.Key, size)
	if err != nil {
		return say(err)
	}
	return say(c.store.Put(ctx, key, bucket.Bytes(content), bucket.IfAbsent()))
}

func (c *cloud) Delete(ctx context.Context, key string, version bucket.Version) error {
	if err := c.arrive(ctx); err != nil {
		return err
	}
	if version == "" {
		return say(c.store.Delete(ctx, key))
	}
	return say(c.store.DeleteIf(ctx, key, version))
}

// DeleteAll refuses what is no request of a service.
func (c *cloud) DeleteAll(ctx context.Context, keys []string) error {
	if err := c.arrive(ctx); err != nil {
		return err
	}
	if len(keys) == 0 {
		return refusal{adapters.Refusal{Status: http.StatusBadRequest, Code: "MalformedXML"}}
	}
	return say(c.store.DeleteAll(ctx, keys))
}

// ListUploads refuses what is no request of a service.
func (c *cloud) ListUploads(ctx context.Context, options bucket.ListOptions) (bucket.UploadPage, error) {
	if err := c.arrive(ctx); err != nil {
		return bucket.UploadPage{}, err
	}
	if most := 1000; options.Limit < 1 || options.Limit > most || strings.Contains(options.Prefix, "./") {
		return bucket.UploadPage{}, refusal{adapters.Refusal{Status: http.StatusBadRequest, Code: "InvalidArgument"}}
	}
	page, err := c.store.ListUploads(ctx, options)
	page.Date = time.Time{}
	return page, say(err)
}

func (c *cloud) AbortUpload(ctx context.Context, upload bucket.Upload) error {
	if err := c.arrive(ctx); err != nil {
		return err
	}
	return say(c.store.AbortUpload(ctx, upload))
}
