package azure

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/quivercache/quiver/bucket"
)

// credentials are what the environment says of who asks. One field is set, in the order of gocloud.dev/blob/azureblob; none means an identity.
type credentials struct {
	key        string // of the account
	token      string // SAS, as a query
	connection string
}

func fromEnvironment() credentials {
	key, token := os.Getenv("AZURE_STORAGE_KEY"), strings.TrimPrefix(strings.TrimSpace(os.Getenv("AZURE_STORAGE_SAS_TOKEN")), "?")
	switch {
	case key != "" && os.Getenv("AZURE_STORAGE_ACCOUNT") != "":
		return credentials{key: key}
	case token != "":
		return credentials{token: token}
	}
	connection := cmp.Or(os.Getenv("AZURE_STORAGE_CONNECTION_STRING"), os.Getenv("AZURE_STORAGEBLOB_CONNECTIONSTRING"))
	if strings.EqualFold(strings.TrimRight(connection, ";"), "UseDevelopmentStorage=true") {
		connection = development
	}
	return credentials{connection: connection}
}

// development is what Azure's other SDKs make of UseDevelopmentStorage=true: Azurite at its usual address, whose one account and key all the world knows.
const development = "AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;" +
	"BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"

// client returns a client for a container. Its own repetitions are for the parts of uploads.
func (c credentials) client(at location, connections *http.Client) (*container.Client, error) {
	o := azcore.ClientOptions{
		Transport: Transport(connections),
		Telemetry: policy.TelemetryOptions{ApplicationID: "quiver"},
		Retry:     policy.RetryOptions{MaxRetries: 3, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 5 * time.Second},
	}
	options := &container.ClientOptions{ClientOptions: o}
	address := at.service + "/" + at.container
	switch {
	case c.key != "":
		key, err := container.NewSharedKeyCredential(os.Getenv("AZURE_STORAGE_ACCOUNT"), c.key)
		if err != nil {
			return nil, refused("AZURE_STORAGE_KEY", err)
		}
		return container.NewClientWithSharedKeyCredential(address, key, options)
	case c.token != "":
		query, err := url.ParseQuery(c.token)
		if err != nil || query.Get("sig") == "" {
			return nil, fmt.Errorf("%w: AZURE_STORAGE_SAS_TOKEN is no SAS token, as sv=…&sig=…", bucket.ErrRefused)
		}
		return container.NewClientWithNoCredential(address+"?"+query.Encode(), options)
	case c.connection != "":
		client, err := container.NewClientFromConnectionString(c.connection, at.container, options)
		if err != nil {
			return nil, refused("AZURE_STORAGE_CONNECTION_STRING", err)
		}
		return client, nil
	}
	identity, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: o})
	if err != nil {
		return nil, refused("the identity", err)
	}
	return container.NewClient(address, identity, options)
}

func refused(what string, err error) error {
	return fmt.Errorf("%w: %s: %w; %s", bucket.ErrRefused, what, err, credentialsHint)
}
