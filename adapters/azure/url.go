package azure

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"gocloud.dev/blob/azureblob"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
)

// Scheme is the scheme of the URLs of containers of Azure Blob Storage.
const Scheme = "azblob"

// OpenURL opens the container that a URL names: azblob://container/prefix?storage_account=name. The prefix is optional. Parameters are those of
// gocloud.dev/blob/azureblob (storage_account, domain, protocol, cdn, localemu), encryption_scope, and conditional_delete, which is true unless the URL
// says that the server ignores the conditions of deletes. Credentials come from the environment; the page of the package tells how.
//
// Fails with bucket.ErrInvalid where the URL says anything else, and with bucket.ErrRefused where the environment names no account, or has no
// credentials that may be used there.
func OpenURL(ctx context.Context, u *url.URL) (bucket.Bucket, error) {
	parameters, err := adapters.ParseURL(u)
	if err != nil {
		return nil, err
	}
	o := Options{EncryptionScope: parameters.Take("encryption_scope"), UnconditionalDelete: !parameters.Bool("conditional_delete", true)}
	who := fromEnvironment()
	where, err := who.locate(u.Host, parameters)
	if err != nil {
		return nil, err
	}
	connections := adapters.Client()
	client, err := who.client(where, connections)
	if err != nil {
		return nil, err
	}
	b, err := newBucket(ctx, client, &o, func() error { connections.CloseIdleConnections(); return nil })
	if err != nil {
		return nil, err
	}
	return parameters.Under(b)
}

// location is where a container is.
type location struct {
	service   string // the URL of the account; empty where a connection string says it
	container string
}

// locate takes the parameters that say where the account is, and refuses what is left.
func (c credentials) locate(container string, parameters *adapters.URL) (location, error) {
	if !consistsOf(container, lower+"-$") {
		return location{}, fmt.Errorf("%w: %q is no name of a container, which has lower-case letters, digits and hyphens", bucket.ErrInvalid, container)
	}
	if c.connection != "" {
		return location{container: container}, refuseRest(parameters, "an azblob URL beside AZURE_STORAGE_CONNECTION_STRING, which says where the account is,")
	}
	environment := *azureblob.NewDefaultServiceURLOptions()
	environment.SASToken = "" // it joins the URL where no error shows it
	asked := environment
	asked.AccountName = cmp.Or(parameters.Take("storage_account"), asked.AccountName)
	asked.StorageDomain = cmp.Or(parameters.Take("domain"), asked.StorageDomain)
	asked.Protocol = cmp.Or(parameters.Take("protocol"), asked.Protocol)
	asked.IsCDN = parameters.Bool("cdn", asked.IsCDN)
	asked.IsLocalEmulator = parameters.Bool("localemu", asked.IsLocalEmulator)
	if err := refuseRest(parameters, "an azblob URL"); err != nil {
		return location{}, err
	}
	switch {
	case os.Getenv("AZURE_STORAGE_KEY") != "" && environment.AccountName == "":
		return location{}, fmt.Errorf("%w: AZURE_STORAGE_KEY is of one account: name it in AZURE_STORAGE_ACCOUNT", bucket.ErrRefused)
	case asked.AccountName == "":
		return location{}, fmt.Errorf("%w: no storage account is named; %s", bucket.ErrRefused, credentialsHint)
	case strings.Contains(asked.StorageDomain, "/"):
		return location{}, fmt.Errorf("%w: the domain %q is no host, as blob.core.windows.net or 127.0.0.1:10000; http goes into protocol=http", bucket.ErrInvalid, asked.StorageDomain)
	case asked.IsLocalEmulator && asked.StorageDomain == "":
		return location{}, fmt.Errorf("%w: localemu=true does not say where the emulator is: add protocol=http&domain=127.0.0.1:10000", bucket.ErrInvalid)
	case !consistsOf(asked.AccountName, lower+"-"):
		return location{}, fmt.Errorf("%w: %q is no name of a storage account, which has lower-case letters and digits", bucket.ErrInvalid, asked.AccountName)
	}
	service, err := azureblob.NewServiceURL(&asked)
	if err != nil {
		return location{}, fmt.Errorf("%w: %w", bucket.ErrInvalid, err)
	}
	if c.token == "" {
		environment.AccountName = asked.AccountName // an identity is good for every account
	}
	if home, err := azureblob.NewServiceURL(&environment); c.key == "" && (err != nil || home != service) {
		// Who may write a URL must not be sent the token. A key only signs requests.
		return location{}, fmt.Errorf("%w: AZURE_STORAGE_KEY is not set, and a token, of SAS or of an identity, goes to no service but that of AZURE_STORAGE_ACCOUNT, "+
			"AZURE_STORAGE_DOMAIN and AZURE_STORAGE_PROTOCOL: set the key, or these in the place of the URL's parameters", bucket.ErrRefused)
	}
	return location{string(service), container}, nil
}

func refuseRest(parameters *adapters.URL, where string) error {
	if err := parameters.Err(); err != nil || len(parameters.Values) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s has no parameter %s", bucket.ErrInvalid, where, strings.Join(slices.Sorted(maps.Keys(parameters.Values)), ", "))
}

const lower = "abcdefghijklmnopqrstuvwxyz0123456789"

func consistsOf(name, characters string) bool { return strings.Trim(name, characters) == "" }
