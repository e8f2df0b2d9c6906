package azure

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// provider answers the Bridge's questions for Azure. A version is an ETag, with its quotes.
type provider struct {
	client *container.Client
	scope  *blob.CPKScopeInfo // nil: the container's own
}

var errAs = errors.New("gocloud.dev/blob shows another request than the one of this version of Azure's SDK")

func (p *provider) Condition(as func(any) bool, condition bucket.Condition) error {
	var o *azblob.UploadStreamOptions
	if !as(&o) {
		return errAs
	}
	o.AccessConditions, o.CPKScopeInfo = conditions(condition), p.scope
	return nil
}

func conditions(condition bucket.Condition) *blob.AccessConditions {
	if condition.Absent() {
		return &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
	}
	return match(condition.Version())
}

// match is the condition that a blob has this version, none where that is empty.
func match(version bucket.Version) *blob.AccessConditions {
	if version == "" {
		return nil
	}
	return &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: to.Ptr(azcore.ETag(version))}}
}

func (p *provider) Info(as func(any) bool) bucket.Info {
	var head blob.GetPropertiesResponse
	as(&head)
	return bucket.Info{Size: value(head.ContentLength), Version: version(head.ETag), ModTime: value(head.LastModified)}
}

var errNoListing = errors.New("the answer is no listing")

// List begins at the first key: the SDK has an option to begin at another, and does not send it.
func (p *provider) List(ctx context.Context, listing adapters.Listing) (bucket.Page, error) {
	options := &container.ListBlobsFlatOptions{Prefix: &listing.Prefix, MaxResults: to.Ptr(int32(listing.Size))}
	if listing.Token != "" {
		options.Marker = &listing.Token
	}
	out, err := p.client.NewListBlobsFlatPager(options).NextPage(ctx)
	switch {
	case err != nil:
		return bucket.Page{}, err
	case out.Segment == nil:
		return bucket.Page{}, errNoListing
	}
	page := bucket.Page{Objects: make([]bucket.Info, len(out.Segment.BlobItems)), Next: value(out.NextMarker)}
	for i, item := range out.Segment.BlobItems {
		page.Objects[i].Key = value(item.Name)
		if said := item.Properties; said != nil {
			page.Objects[i].Size, page.Objects[i].Version, page.Objects[i].ModTime = value(said.ContentLength), version(said.ETag), value(said.LastModified)
		}
	}
	return page, nil
}

func (p *provider) Folders(ctx context.Context, listing adapters.Listing) (bucket.FolderPage, error) {
	options := &container.ListBlobsHierarchyOptions{Prefix: &listing.Prefix, MaxResults: to.Ptr(int32(listing.Size))}
	if listing.Token != "" {
		options.Marker = &listing.Token
	}
	out, err := p.client.NewListBlobsHierarchyPager("/", options).NextPage(ctx)
	switch {
	case err != nil:
		return bucket.FolderPage{}, err
	case out.Segment == nil:
		return bucket.FolderPage{}, errNoListing
	}
	page := bucket.FolderPage{Folders: make([]string, len(out.Segment.BlobPrefixes)), Next: value(out.NextMarker)}
	for i, folder := range out.Segment.BlobPrefixes {
		page.Folders[i] = value(folder.Name)
	}
	return page, nil
}

// version has the quotes that Azure leaves out in a listing.
func version(etag *azcore.ETag) bucket.Version {
	text := string(value(etag))
	if text != "" && !strings.HasSuffix(text, `"`) {
		text = `"` + text + `"`
	}
	return bucket.Version(text)
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func (p *provider) Get(ctx context.Context, key string, part adapters.Part) (*bucket.Object, error) {
	var options *blob.DownloadStreamOptions // none for a whole blob: they are copied thrice
	if part != adapters.Whole {
		options = &blob.DownloadStreamOptions{
			Range:            blob.HTTPRange{Offset: part.Offset, Count: max(part.Length, 0)}, // a count of 0: to the end
			AccessConditions: match(part.Version),
		}
	}
	out, err := p.client.NewBlobClient(key).DownloadStream(ctx, options)
	if err != nil {
		return nil, err
	}
	length := int64(-1)
	if out.ContentLength != nil {
		length = *out.ContentLength
	}
	return &bucket.Object{
		Info: bucket.Info{
			Key: key, Size: adapters.WholeSize(length, value(out.ContentRange)), Version: version(out.ETag), ModTime: value(out.LastModified),
		},
		Body: out.Body,
	}, nil
}

func (p *provider) Put(ctx context.Context, key string, body io.ReadSeeker, _ int64, condition bucket.Condition) (bucket.Version, error) {
	out, err := p.client.NewBlockBlobClient(key).Upload(ctx, streaming.NopCloser(body), &blockblob.UploadOptions{
		HTTPHeaders:      &blob.HTTPHeaders{BlobContentType: to.Ptr("application/octet-stream")},
		AccessConditions: conditions(condition),
		CPKScopeInfo:     p.scope,
	})
	return version(out.ETag), err
}

// Delete takes one request, and one more where a condition does not hold: Azure says the same then of a blob that has changed and of one that is not there.
func (p *provider) Delete(ctx context.Context, key string, version bucket.Version) error {
	client := p.client.NewBlobClient(key)
	_, err := client.Delete(ctx, &blob.DeleteOptions{AccessConditions: match(version)})
	if version == "" || !bloberror.HasCode(err, bloberror.ConditionNotMet, bloberror.TargetConditionNotMet) {
		return err
	}
	if _, missing := client.GetProperties(ctx, nil); bloberror.HasCode(missing, bloberror.BlobNotFound) {
		return missing
	}
	return err
}

// Describe asks for what Quiver has the right to ask: the settings of an account are told to its managers alone.
func (p *provider) Describe(ctx context.Context) (bucket.Description, error) {
	_, err := p.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{MaxResults: to.Ptr[int32](1)}).NextPage(ctx)
	return bucket.Description{Service: Scheme, Untold: &bucket.Error{
		Verb: adapters.Versioning, Key: "the bucket", Kind: bucket.ErrRefused, Err: errors.New("only the managers of an account are told"),
		Hint: "see that versioning and soft delete are off in the account's data protection",
	}}, err
}
