package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/quivercache/quiver/integration/servers"
)

// terraformParts: terraform itself, with providers from a mirror where there is one. What needs a cloud is applied to mocks of the providers, and its
// buckets are made on the server that stands for the cloud. A configuration without providers is applied in earnest.
var terraformParts = []part{
	knows(`(?:-chdir=(\S+) )?init`, func(ctx context.Context, _ []string) error {
		arguments := os.Args[1:]
		if providers := os.Getenv(providersVariable); providers != "" {
			return withTerraform(ctx, append(arguments, "-plugin-dir="+providers)...)
		}
		return inEarnest(ctx, "terraform", arguments, "TF_CLI_CONFIG_FILE=/dev/null", "TF_CLI_ARGS=-no-color", "http_proxy=", "https_proxy=")
	}),
	knows(`(?:-chdir=(\S+) )?apply -auto-approve(?: -var \S+)*`, apply),
	knows(`(?:-chdir=(\S+) )?output -raw (\S+)`, output),
	knows(`(?:-chdir=\S+ )?(?:fmt|validate|test)(?: .*)?`, func(ctx context.Context, _ []string) error { return withTerraform(ctx, os.Args[1:]...) }),
}

func withTerraform(ctx context.Context, arguments ...string) error {
	return inEarnest(ctx, "terraform", arguments, "TF_CLI_CONFIG_FILE=/dev/null", "TF_CLI_ARGS=-no-color")
}

// mocks are what Terraform's mocks of a provider do not know by themselves, as their values have a form.
var mocks = map[string]string{
	"aws": `
  mock_data "aws_partition" { defaults = { partition = "aws" } }
  mock_resource "aws_s3_bucket" { defaults = { region = "eu-central-1" } }
`,
	"google": `
  mock_resource "google_service_account" {
    defaults = { email = "job@quiver-docs.iam.gserviceaccount.com", member = "serviceAccount:job@quiver-docs.iam.gserviceaccount.com" }
  }
`,
	"azurerm": `
  mock_resource "azurerm_storage_account" { defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/account" } }
`,
}

const (
	applyFile = "stand-in.tftest.hcl" // in the configuration's folder
	stateFile = "stand-in.json"
)

// apply lets Terraform apply the configuration to mocks of its providers, and makes the buckets that it has then.
func apply(ctx context.Context, found []string) error {
	if cloudless(found[1]) {
		return withTerraform(ctx, os.Args[1:]...)
	}
	folder := filepath.Join(".", found[1])
	installed, err := filepath.Glob(filepath.Join(folder, ".terraform", "providers", "*", "hashicorp", "*"))
	if err != nil {
		return err
	}
	var file strings.Builder
	for _, provider := range installed {
		name := filepath.Base(provider)
		fmt.Fprintf(&file, "mock_provider %q {%s}\n", name, mocks[name])
	}
	file.WriteString("run \"apply\" {}\n")
	if err := os.WriteFile(filepath.Join(folder, applyFile), []byte(file.String()), 0o666); err != nil {
		return err
	}
	arguments := []string{"-chdir=" + folder, "test", "-json", "-verbose", "-filter=" + applyFile}
	arguments = append(arguments, os.Args[slices.Index(os.Args, "-auto-approve")+1:]...) // the variables
	reported, failure := answer(ctx, "terraform", arguments...)
	state, err := stateAfter(reported)
	if failure != nil || err != nil {
		return errors.New(fmt.Sprint(failure, err))
	}
	if err := os.WriteFile(filepath.Join(folder, stateFile), state, 0o666); err != nil {
		return err
	}
	return errors.Join(makeBuckets(ctx, state), played("terraform", found[0]))
}

// cloudless says whether the configuration needs no provider.
func cloudless(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, ".terraform", "providers"))
	return errors.Is(err, os.ErrNotExist)
}

// stateAfter finds, in what terraform test says, the values after its run; or what was wrong.
func stateAfter(reported []byte) (found json.RawMessage, err error) {
	for line := range bytes.Lines(reported) {
		var message struct {
			State      json.RawMessage `json:"test_state"`
			Diagnostic *struct{ Severity, Summary, Detail string }
		}
		if err := json.Unmarshal(line, &message); err != nil {
			return nil, err
		}
		if d := message.Diagnostic; d != nil && d.Severity == "error" {
			return nil, fmt.Errorf("%s: %s", d.Summary, d.Detail)
		}
		if message.State != nil {
			found = message.State
		}
	}
	if found == nil {
		return nil, errors.New("terraform test says nothing of the state")
	}
	return found, nil
}

// module is what is looked at in a state.
type module struct {
	Resources []struct {
		Type   string
		Values struct{ Bucket, Name string }
	}
	Children []module `json:"child_modules"`
}

type state struct {
	Outputs map[string]struct{ Value any }
	Root    module `json:"root_module"`
}

func makeBuckets(ctx context.Context, content []byte) error {
	var all state
	if err := json.Unmarshal(content, &all); err != nil {
		return err
	}
	made := 0
	var visit func(m module) error
	visit = func(m module) error {
		for _, r := range m.Resources {
			var err error
			switch r.Type {
			case "aws_s3_bucket":
				err = makeBucket(ctx, os.Environ(), servers.MinIO, r.Values.Bucket)
			case "google_storage_bucket":
				err = makeBucket(ctx, os.Environ(), servers.FakeGCS, r.Values.Name)
			case "azurerm_storage_container":
				err = makeBucket(ctx, os.Environ(), servers.Azurite, r.Values.Name)
			default:
				continue
			}
			if err != nil {
				return err
			}
			made++
		}
		for _, child := range m.Children {
			if err := visit(child); err != nil {
				return err
			}
		}
		return nil
	}
	if err := visit(all.Root); err != nil {
		return err
	}
	if made == 0 {
		return errors.New("the configuration makes no bucket")
	}
	return nil
}

var storageAccount = regexp.MustCompile(`\?storage_account=[a-z0-9]+`)

// output answers with what Terraform came to. On Azure the account is that of the server, and the environment says it.
func output(ctx context.Context, found []string) error {
	if cloudless(found[1]) {
		return withTerraform(ctx, os.Args[1:]...)
	}
	content, err := os.ReadFile(filepath.Join(found[1], stateFile))
	if err != nil {
		return err
	}
	var all state
	if err := json.Unmarshal(content, &all); err != nil {
		return err
	}
	text, ok := all.Outputs[found[2]].Value.(string)
	if !ok {
		return fmt.Errorf("there is no output %q that is a text; there are %v", found[2], all.Outputs)
	}
	fmt.Print(storageAccount.ReplaceAllString(text, ""))
	return played("terraform", found[0])
}
