package servers

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
)

type azurite struct{}

func (azurite) String() string { return "azurite" }

// program is node, the libraries that it is linked to, and the folder of packages.
func (azurite) program() (program, error) {
	dir, version, err := nodePackage("AZURITE")
	if err != nil {
		return program{}, err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return program{}, fmt.Errorf("node is missing: %w; install it with: apt-get install nodejs", err)
	}
	if node, err = filepath.EvalSymlinks(node); err != nil {
		return program{}, err
	}
	return program{
		version: version,
		command: []string{node, filepath.Join(dir, "dist", "src", "blob", "main.js")},
		files:   append(libraries(node), node, filepath.Dir(dir)),
	}, nil
}

var libraryPath = regexp.MustCompile(`/\S+`)

// libraries are the paths of the shared libraries of a program; none where the system has no ldd, hence no containers of this kind.
func libraries(path string) []string {
	listed, err := exec.Command("ldd", path).Output()
	if err != nil {
		return nil
	}
	return libraryPath.FindAllString(string(listed), -1)
}

func (azurite) arguments(at place) []string {
	return []string{"--blobHost", at.host, "--blobPort", at.port, "--location", at.dir, "--silent", "--disableTelemetry", "--skipApiVersionCheck"}
}

func (azurite) environment() map[string]string {
	return map[string]string{"AZURITE_ACCOUNTS": drawn().account + ":" + drawn().key()}
}

func azureClient(address string) (*azblob.Client, error) {
	credential, err := azblob.NewSharedKeyCredential(drawn().account, drawn().key())
	if err != nil {
		return nil, err
	}
	options := &azblob.ClientOptions{}
	options.Transport, options.Retry = unpooled, policy.RetryOptions{MaxRetries: -1}
	return azblob.NewClientWithSharedKeyCredential("http://"+address+"/"+drawn().account, credential, options)
}

func (azurite) create(ctx context.Context, address, container string) error {
	client, err := azureClient(address)
	if err != nil {
		return err
	}
	_, err = client.CreateContainer(ctx, container, nil)
	if bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
		return nil
	}
	return err
}

func (azurite) put(ctx context.Context, address, container, key, content string) error {
	client, err := azureClient(address)
	if err != nil {
		return err
	}
	_, err = client.UploadBuffer(ctx, container, key, []byte(content), nil)
	return err
}

func (azurite) get(ctx context.Context, address, container, key string) (string, error) {
	client, err := azureClient(address)
	if err != nil {
		return "", err
	}
	blob, err := client.DownloadStream(ctx, container, key, nil)
	if err != nil {
		return "", err
	}
	defer blob.Body.Close()
	content, err := io.ReadAll(blob.Body)
	return string(content), err
}

func (azurite) url(address, container string) string {
	return fmt.Sprintf("azblob://%s?protocol=http&domain=%s", container, address)
}

func (azurite) client(string) []string {
	return []string{"AZURE_STORAGE_ACCOUNT=" + drawn().account, "AZURE_STORAGE_KEY=" + drawn().key(), "AZURE_STORAGE_SAS_TOKEN=", "AZURE_STORAGE_CONNECTION_STRING="}
}
