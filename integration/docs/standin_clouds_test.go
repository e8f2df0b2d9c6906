package docs_test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/quivercache/quiver/integration/servers"
)

var awsParts = []part{
	knows(`s3 mb s3://([a-z0-9.-]+) --region [a-z0-9-]+`, makes(servers.MinIO)),
	knows(`--endpoint-url (http://127\.0\.0\.1:\d+) s3 mb s3://([a-z0-9.-]+)`, func(ctx context.Context, found []string) error {
		if err := makeBucket(ctx, append(os.Environ(), "AWS_ENDPOINT_URL="+found[1]), servers.MinIO, found[2]); err != nil {
			return err
		}
		return played("aws", found[0])
	}),
	says(`sts get-caller-identity --query Account --output text`, "123456789012"),
	knows(`iam create-role --role-name [a-z-]+ --assume-role-policy-document (\{(?s:.*)\})`, func(_ context.Context, found []string) error {
		var policy struct {
			Statement []struct{ Action, Effect string }
		}
		if err := json.Unmarshal([]byte(found[1]), &policy); err != nil {
			return err
		}
		if len(policy.Statement) != 1 || policy.Statement[0].Action != "sts:AssumeRole" || policy.Statement[0].Effect != "Allow" {
			return fmt.Errorf("the role may be taken by nobody: %s", found[1])
		}
		return played("aws iam create-role")
	}),
	knows(`sts assume-role --role-arn arn:aws:iam::\d{12}:role/[a-z-]+ --role-session-name [a-z-]+ --query Credentials\.\[AccessKeyId,SecretAccessKey,SessionToken\] --output text`,
		func(_ context.Context, found []string) error {
			fmt.Printf("%s\t%s\t\n", os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")) // the server's; roles are tried by integration/roles
			return played("aws", found[0])
		}),
	knows(`batch (?:register-job-definition|submit-job) --cli-input-json file://(\S+)`, func(_ context.Context, found []string) error {
		content, err := os.ReadFile(found[1])
		if err != nil {
			return err
		}
		var job struct{ JobName, JobDefinitionName string }
		if err := json.Unmarshal(content, &job); err != nil {
			return err
		}
		if job.JobName+job.JobDefinitionName == "" {
			return fmt.Errorf("%s names neither a job nor a definition", found[1])
		}
		return played("aws", found[0])
	}),
	knows(`lambda create-function --function-name [a-z-]+ --runtime provided\.al2023 --architectures arm64 --handler bootstrap --zip-file fileb://(\S+) .*`, createFunction),
	knows(`lambda invoke --function-name [a-z-]+ --cli-binary-format raw-in-base64-out --payload (\{.*\}) \S+`, func(_ context.Context, found []string) error {
		return errors.Join(checkJSON(found[1]), played("aws", found[0]))
	}),
}

// createFunction wants the function to be what the runtime looks for.
func createFunction(_ context.Context, found []string) error {
	archive, err := zip.OpenReader(found[1])
	if err != nil {
		return err
	}
	defer archive.Close()
	if _, err := archive.Open("bootstrap"); err != nil {
		return err
	}
	return played("aws", found[0])
}

var gcloudParts = []part{
	knows(`storage buckets create gs://([a-z0-9._-]+) --location=[a-z0-9-]+ --uniform-bucket-level-access --soft-delete-duration=0`, makes(servers.FakeGCS)),
	says(`config get-value project`, "quiver-docs"),
	says(`config get-value account`, "somebody@example.org"),
	says(`run jobs create [a-z-]+ --image \S+ --tasks \d+ --max-retries \d+ --task-timeout \w+ --region \S+ --service-account \S+ --set-env-vars QUIVER_STORE=gs://\S+`, ""),
	says(`run jobs execute [a-z-]+ --region \S+ --wait`, ""),
	says(`services enable(?: [a-z]+\.googleapis\.com)+`, ""),
	says(`iam service-accounts add-iam-policy-binding \S+ --member=user:\S+@\S+ --role=roles/iam\.serviceAccountTokenCreator`, ""),
	says(`auth application-default login --impersonate-service-account=\S+`, ""),
}

var azParts = []part{
	knows(`storage container create (?:--account-name [a-z0-9]+ --auth-mode login )?--name ([a-z0-9-]+)`, makes(servers.Azurite)),
	says(`account show --query id --output tsv`, "0c0ffee0-0000-4000-8000-000000000001"),
	says(`ad signed-in-user show --query id --output tsv`, "0c0ffee0-0000-4000-8000-000000000002"),
	says(`group create --name [a-z-]+ --location [a-z0-9]+`, ""),
}

// makes makes the bucket on the server that stands for the cloud.
func makes(which servers.Product) func(context.Context, []string) error {
	return func(ctx context.Context, found []string) error {
		if err := makeBucket(ctx, os.Environ(), which, found[1]); err != nil {
			return fmt.Errorf("on %s: %w", which, err)
		}
		return played(found[0])
	}
}

// says answers as the cloud would, of what no emulator has: accounts and who may act as whom.
func says(arguments, answer string) part {
	return knows(arguments, func(_ context.Context, found []string) error {
		if answer != "" {
			fmt.Println(answer)
		}
		return played(found[0])
	})
}
