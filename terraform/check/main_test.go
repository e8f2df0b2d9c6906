package check_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of variables and outputs into the READMEs")

// terraform is the program, and what it is run with.
var terraform struct {
	program string
	plugins string // folder of the providers; empty: they come from the registry
	env     []string
	scratch string // for copies of modules; removed at the end
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := withTerraform(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withTerraform runs the tests between finding Terraform and removing what they made.
func withTerraform(m *testing.M) (code int, err error) {
	terraform.program, err = exec.LookPath("terraform")
	if err != nil {
		return 0, fmt.Errorf("these tests run Terraform 1.9 or later, which is not on the PATH (%w): install it as https://developer.hashicorp.com/terraform/install says", err)
	}
	terraform.scratch, err = os.MkdirTemp("", "quiver-terraform-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(terraform.scratch)) }()

	// A user's settings for Terraform, and variables of his modules, are none of these tests'.
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") {
			terraform.env = append(terraform.env, variable)
		}
	}
	terraform.env = append(terraform.env, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "AWS_EC2_METADATA_DISABLED=true")
	if terraform.plugins = os.Getenv("QUIVER_TF_PROVIDERS"); terraform.plugins != "" {
		if terraform.plugins, err = filepath.Abs(terraform.plugins); err != nil {
			return 0, err
		}
		if _, err := os.Stat(terraform.plugins); err != nil {
			return 0, fmt.Errorf("QUIVER_TF_PROVIDERS names the folder to take providers from: %w", err)
		}
		fmt.Printf("providers: stand-in providers from %s: a schema check, not a deployment\n", terraform.plugins)
		return m.Run(), nil
	}
	cache := filepath.Join(terraform.scratch, "providers")
	if err := os.Mkdir(cache, 0o755); err != nil {
		return 0, err
	}
	terraform.env = append(terraform.env, "TF_PLUGIN_CACHE_DIR="+cache)
	if config, set := os.LookupEnv("TF_CLI_CONFIG_FILE"); set { // as that of a mirror within a company
		terraform.env = append(terraform.env, "TF_CLI_CONFIG_FILE="+config)
	}
	fmt.Println("providers: the registry's")
	return m.Run(), nil
}

// run runs Terraform in a directory and returns what it printed. The error has that, too.
func run(t *testing.T, directory string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), terraform.program, arguments...)
	command.Dir, command.Env = directory, terraform.env
	output, err := command.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("terraform %s in %s: %w\n%s", strings.Join(arguments, " "), directory, err, output)
	}
	return string(output), nil
}
