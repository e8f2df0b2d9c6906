package azure

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// meaning is what a code of Azure says beyond its status.
type meaning struct {
	kind error // nil: as the status says
	hint string
}

var (
	noContainer = meaning{bucket.ErrNoBucket, "make the container, or look at its name and at the account's"}
	noRight     = meaning{bucket.ErrRefused, ""} // Right says which
	network     = meaning{bucket.ErrRefused, "look at the credentials, at what the SAS token allows, and at the account's network rules"}
	unknown     = meaning{bucket.ErrRefused, "the key is wrong, the token has expired, or this machine's clock is off by more than 15 minutes; with an identity, give it the role Storage Blob Data Contributor"}
	leased      = meaning{bucket.ErrRefused, "somebody holds a lease on the object: break it; Quiver takes none on blobs"}
	archived    = meaning{bucket.ErrRefused, "the object is archived: keep lifecycle rules from moving Quiver's objects to the archive tier, and rehydrate it"}
	immutable   = meaning{bucket.ErrRefused, "an immutability policy or a legal hold keeps the object: Quiver's container must have none"}
	otherKind   = meaning{bucket.ErrRefused, "something else has this name: Quiver's objects are block blobs in an account without a hierarchical namespace"}
	damaged     = meaning{bucket.ErrUnavailable, "the body was damaged on its way"}
	slow        = meaning{bucket.ErrThrottled, ""}
	nobody      = meaning{bucket.ErrNoBucket, "this is not an answer of Azure Blob Storage: look at the domain and at what stands between"}
)

var meanings = map[bloberror.Code]meaning{
	bloberror.BlobNotFound:                        {bucket.ErrNotFound, ""},
	bloberror.BlobAlreadyExists:                   {bucket.ErrExists, ""},
	bloberror.ContainerNotFound:                   noContainer,
	bloberror.ResourceNotFound:                    noContainer,
	bloberror.InvalidResourceName:                 noContainer,
	bloberror.ContainerBeingDeleted:               {bucket.ErrNoBucket, "the container is being deleted"},
	bloberror.ContainerDisabled:                   {bucket.ErrRefused, "the container has been disabled by its administrator"},
	bloberror.AccountIsDisabled:                   {bucket.ErrRefused, "the account is disabled"},
	bloberror.AuthenticationFailed:                unknown,
	bloberror.InvalidAuthenticationInfo:           unknown,
	bloberror.NoAuthenticationInformation:         {bucket.ErrRefused, credentialsHint},
	bloberror.AuthorizationFailure:                network,
	bloberror.AuthorizationSourceIPMismatch:       network,
	bloberror.AuthorizationPermissionMismatch:     noRight,
	bloberror.InsufficientAccountPermissions:      noRight,
	bloberror.AuthorizationResourceTypeMismatch:   {bucket.ErrRefused, "the SAS token must be for containers and for objects (srt=co)"},
	bloberror.AuthorizationServiceMismatch:        {bucket.ErrRefused, "the SAS token must be for the blob service (ss=b)"},
	bloberror.AuthorizationProtocolMismatch:       {bucket.ErrRefused, "the SAS token is for https alone"},
	bloberror.UnauthorizedBlobOverwrite:           {bucket.ErrRefused, "the SAS token lets objects be made, but not replaced: it needs the permission w"},
	"KeyBasedAuthenticationNotPermitted":          {bucket.ErrRefused, "the account takes no keys: take AZURE_STORAGE_KEY out of the environment, and use an identity"},
	"PublicAccessNotPermitted":                    {bucket.ErrRefused, credentialsHint},
	"AccountRequiresHttps":                        {bucket.ErrRefused, "the account takes https alone: leave out protocol=http"},
	bloberror.LeaseIDMissing:                      leased,
	bloberror.LeaseIDMismatchWithBlobOperation:    leased,
	bloberror.LeaseLost:                           leased,
	bloberror.SnapshotsPresent:                    {bucket.ErrRefused, "the object has snapshots, which are somebody else's: delete them first"},
	bloberror.BlobArchived:                        archived,
	bloberror.BlobBeingRehydrated:                 archived,
	bloberror.BlobImmutableDueToPolicy:            immutable,
	bloberror.InvalidBlobType:                     otherKind,
	bloberror.ResourceTypeMismatch:                otherKind,
	bloberror.FeatureVersionMismatch:              otherKind,
	bloberror.BlobUsesCustomerSpecifiedEncryption: {bucket.ErrRefused, "the object was written with a key or an encryption scope of somebody's own"},
	bloberror.InvalidBlockList:                    {bucket.ErrUnavailable, "the parts of the upload are gone: another write of the object was faster"},
	bloberror.MD5Mismatch:                         damaged,
	bloberror.CRC64Mismatch:                       damaged,
	bloberror.ServerBusy:                          slow,
	bloberror.OperationTimedOut:                   {bucket.ErrUnavailable, ""},
}

const credentialsHint = "give credentials by AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY, by AZURE_STORAGE_SAS_TOKEN, by AZURE_STORAGE_CONNECTION_STRING, or by an identity that azidentity finds"

// Right implements adapters.Provider.
func (p *provider) Right(verb bucket.Verb, condition bucket.Condition) string {
	action, permission := "delete", "d"
	switch verb {
	case bucket.Get, bucket.GetRange, bucket.Stat:
		action, permission = "read", "r"
	case bucket.List, bucket.ListFolders, adapters.Description:
		action, permission = "read", "l"
	case bucket.Put:
		if action, permission = "write", "w"; condition.Absent() {
			permission = "c"
		}
	}
	return fmt.Sprintf("an identity needs …/containers/blobs/%s, which the role Storage Blob Data Contributor has (it takes minutes to be known), and a SAS token the permission %s of rcwdl", action, permission)
}

func (p *provider) Refusal(err error) (adapters.Refusal, bool) {
	hideQueries(err)
	answer, answered := errors.AsType[*azcore.ResponseError](err)
	if !answered || answer.RawResponse == nil {
		if host, unknown := adapters.Unresolved(err); unknown && strings.Contains(host, ".blob.core.") { // that of an account, in one of Azure's clouds
			return adapters.Refusal{Message: "there is no host " + host, Kind: bucket.ErrNoBucket, Hint: "look at the storage account's name, and whether this machine has a network"}, true
		}
		return withoutToken(err)
	}
	response := answer.RawResponse
	refusal := adapters.Refusal{
		Status: answer.StatusCode, Code: answer.ErrorCode, Message: message(response), RequestID: response.Header.Get("X-Ms-Request-Id"),
	}
	known, ok := meanings[bloberror.Code(answer.ErrorCode)]
	switch {
	case answer.ErrorCode == string(bloberror.UnauthorizedBlobOverwrite) && response.Request != nil && response.Request.Header.Get("If-None-Match") != "":
		known = meaning{bucket.ErrExists, ""} // this is how a token that may only create is told so
	case answer.ErrorCode == string(bloberror.InvalidHeaderValue) && strings.Contains(refusal.Message, "API version"):
		known.hint = "the server is older than the SDK: renew it, or start Azurite with --skipApiVersionCheck"
	case !ok && answer.StatusCode == http.StatusNotFound:
		known = nobody // and no miss: those are told by BlobNotFound
	case !ok && refusal.RequestID == "":
		known.hint = nobody.hint
	}
	refusal.Kind, refusal.Hint, refusal.Denied = known.kind, known.hint, known == noRight
	return refusal, true
}

// message is the first line of what Azure says for people; ids and the time follow it. A HEAD has only the reason beside its status.
func message(response *http.Response) string {
	var said struct{ Message string }
	if body, err := runtime.Payload(response); err == nil && xml.Unmarshal(body, &said) == nil && said.Message != "" {
		line, _, _ := strings.Cut(said.Message, "\n")
		return line
	}
	return strings.TrimPrefix(response.Status, strconv.Itoa(response.StatusCode)+" ")
}

// withoutToken explains that a request was not sent since there is no token for it.
func withoutToken(err error) (adapters.Refusal, bool) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return adapters.Refusal{}, false
	}
	refusal := adapters.Refusal{Code: "no credentials", Message: strings.Join(strings.Fields(err.Error()), " "), Kind: bucket.ErrRefused, Hint: credentialsHint}
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		refusal.Kind = tokenKind(failed.RawResponse)
		return refusal, true
	}
	_, final := errors.AsType[interface {
		error
		NonRetriable()
	}](err)
	return refusal, final
}

// tokenKind is what the answer of a service that gives tokens means, or that there was none.
func tokenKind(answer *http.Response) error {
	if answer != nil {
		switch answer.StatusCode {
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
			return bucket.ErrRefused
		case http.StatusTooManyRequests:
			return bucket.ErrThrottled
		}
	}
	return bucket.ErrUnavailable
}

// hideQueries takes the queries out of the URLs in an error: one may be a SAS token, and net/http shows the whole URL of a request that got no answer.
func hideQueries(err error) {
	for {
		failed, ok := errors.AsType[*url.Error](err)
		if !ok {
			return
		}
		failed.URL, _, _ = strings.Cut(failed.URL, "?")
		err = failed.Err
	}
}
