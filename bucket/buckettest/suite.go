package buckettest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
)

// Case holds a bucket to one sentence of the contract.
type Case struct {
	Name   string      // the sentence
	Extra  bucket.Verb // the extra that it is about; empty for what every bucket does
	Reads  bool        // only reads through the bucket: it holds for a read-only one too
	Closes bool        // closes the bucket: nothing can follow it
	run    func(p *probe)
}

// Cases returns the suite.
func Cases() []Case {
	return slices.Concat(readingCases(), listingCases(), folderCases(), writingCases(), sourceCases(), deletingCases(), contextCases(), raceCases(), rangeCases(),
		conditionalDeleteCases(), removalCases(), bulkDeleteCases(), noUploadCases())
}

// UploadCases returns what the suite demands of a bucket that is bucket.Uploads when somebody has begun an upload and has not ended it. Run them with RunBeginning.
func UploadCases() []Case { return uploadCases() }

// Begin leaves an unfinished upload of a key behind, in the store of a bucket that knows the key by this name.
type Begin func(ctx context.Context, key string) error

// Run runs the case and returns what is wrong with the bucket. It leaves objects behind, all of them under folder, which ends with a slash and
// must be empty.
func (c Case) Run(ctx context.Context, b bucket.Bucket, folder string) error {
	return c.RunReading(ctx, b, b, folder)
}

// RunReading is Run for a case that only reads: what it reads is written through another bucket of the same store.
func (c Case) RunReading(ctx context.Context, b, writer bucket.Bucket, folder string) error {
	return caught(func() { c.run(&probe{ctx: ctx, b: b, writer: writer, folder: folder}) })
}

// RunBeginning is Run for a case of UploadCases.
func (c Case) RunBeginning(ctx context.Context, b bucket.Bucket, begin Begin, folder string) error {
	return caught(func() { c.run(&probe{ctx: ctx, b: b, writer: b, folder: folder, begin: begin}) })
}

// Folder is a place for a case's objects that no other case has.
func (c Case) Folder() string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(c.Name)), "-") + "/"
}

// Run holds a bucket to the whole contract. open returns it anew for each case; the store behind it may be the same. The extras, by their verbs (bucket.GetRange,
// bucket.DeleteIf, bucket.Removal, bucket.DeleteAll, bucket.ListFolders, bucket.ListUploads), are those that bucket.As must find, and no others: an extra cannot vanish silently.
func Run(t *testing.T, open func(t *testing.T) bucket.Bucket, extras ...bucket.Verb) {
	t.Helper()
	run(t, Cases(), extras, func(t *testing.T) (bucket.Bucket, bucket.Bucket) {
		b := open(t)
		return b, b
	})
}

// RunUploads holds a bucket that is bucket.Uploads to UploadCases. open returns it anew for each, and how to begin an upload in its store.
func RunUploads(t *testing.T, open func(t *testing.T) (bucket.Bucket, Begin)) {
	t.Helper()
	for _, c := range UploadCases() {
		t.Run(c.Name, func(t *testing.T) {
			b, begin := open(t)
			defer b.Close()
			if err := c.RunBeginning(t.Context(), b, begin, c.Folder()); err != nil {
				t.Error(err)
			}
		})
	}
}

// RunReading holds a bucket to the part of the contract that is about reading. open returns it, and another bucket of the same store to write with.
func RunReading(t *testing.T, open func(t *testing.T) (b, writer bucket.Bucket), extras ...bucket.Verb) {
	t.Helper()
	run(t, slices.DeleteFunc(Cases(), func(c Case) bool { return !c.Reads }), extras, open)
}

func run(t *testing.T, cases []Case, extras []bucket.Verb, open func(t *testing.T) (b, writer bucket.Bucket)) {
	t.Helper()
	t.Run("As finds the extras that it should", func(t *testing.T) {
		b, _ := open(t)
		defer b.Close()
		if err := checkExtras(b, extras); err != nil {
			t.Error(err)
		}
	})
	for _, c := range cases {
		if c.Extra != "" && !slices.Contains(extras, c.Extra) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			b, writer := open(t)
			if !c.Closes {
				defer b.Close()
			}
			if err := c.RunReading(t.Context(), b, writer, c.Folder()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Extras lists the extras that bucket.As finds, by their verbs.
func Extras(b bucket.Bucket) []bucket.Verb {
	var verbs []bucket.Verb
	if _, ok := bucket.As[bucket.RangeGetter](b); ok {
		verbs = append(verbs, bucket.GetRange)
	}
	if _, ok := bucket.As[bucket.ConditionalDeleter](b); ok {
		verbs = append(verbs, bucket.DeleteIf)
	}
	if _, ok := bucket.As[bucket.Remover](b); ok {
		verbs = append(verbs, bucket.Removal)
	}
	if _, ok := bucket.As[bucket.BulkDeleter](b); ok {
		verbs = append(verbs, bucket.DeleteAll)
	}
	if _, ok := bucket.As[bucket.FolderLister](b); ok {
		verbs = append(verbs, bucket.ListFolders)
	}
	if _, ok := bucket.As[bucket.Uploads](b); ok {
		verbs = append(verbs, bucket.ListUploads)
	}
	return verbs
}

func checkExtras(b bucket.Bucket, want []bucket.Verb) error {
	got := Extras(b)
	want = slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("the bucket has the extras %q, not %q", got, want)
	}
	return nil
}
