package docs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/quivercache/quiver/integration/servers"
)

// environment is NAME=value, the last of a name counting.
type environment []string

func (e environment) get(name string) string {
	found := ""
	for _, variable := range e {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			found = value
		}
	}
	return found
}

// asACloud is what lets a server stand for a cloud: its URLs say nothing of where it is, as a user's do not.
func asACloud(s *servers.Server) []string {
	vars := s.Env()
	switch s.Product {
	case servers.MinIO:
		return append(vars, "AWS_ENDPOINT_URL=http://"+s.Address)
	case servers.Azurite:
		account, key := environment(vars).get("AZURE_STORAGE_ACCOUNT"), environment(vars).get("AZURE_STORAGE_KEY")
		return []string{fmt.Sprintf("%s=DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=http://%s/%[2]s;", azureConnection, account, key, s.Address)}
	}
	return vars
}

// makeBucket makes a bucket, if it is not there, on the server that an environment leads to.
func makeBucket(ctx context.Context, env environment, which servers.Product, name string) error {
	switch which {
	case servers.MinIO:
		client := s3.New(s3.Options{
			BaseEndpoint: aws.String(env.get("AWS_ENDPOINT_URL")), Region: "us-east-1", UsePathStyle: true,
			Credentials: awscredentials.NewStaticCredentialsProvider(env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY"), ""),
		})
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
		if _, ours := errors.AsType[*types.BucketAlreadyOwnedByYou](err); ours {
			return nil
		}
		return err
	case servers.FakeGCS:
		address := "http://" + env.get("STORAGE_EMULATOR_HOST") + "/storage/v1/b?project=quiver"
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(fmt.Sprintf(`{"name": %q}`, name)))
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusConflict {
			return fmt.Errorf("making the bucket %s: %s", name, response.Status)
		}
		return nil
	case servers.Azurite:
		client, err := azblob.NewClientFromConnectionString(env.get(azureConnection), nil)
		if err != nil {
			return err
		}
		_, err = client.CreateContainer(ctx, name, nil)
		if bloberror.HasCode(err, bloberror.ContainerAlreadyExists) {
			return nil
		}
		return err
	}
	return fmt.Errorf("no cloud is played by %s", which)
}

const azureConnection = "AZURE_STORAGE_CONNECTION_STRING"
