package check_test

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestEachCloudHasItsModuleTestsAndExamples holds that the other tests, which take what they find, find it.
func TestEachCloudHasItsModuleTestsAndExamples(t *testing.T) {
	found := roots(t)
	for _, cloud := range []string{"aws", "gcp", "azure"} {
		for _, root := range []string{cloud, cloud + "/examples/minimal", cloud + "/examples/complete"} {
			if !slices.Contains(found, root) {
				t.Errorf("there is no Terraform in terraform/modules/%s", root)
			}
		}
	}
	for _, root := range found {
		if !isExample(root) && len(testFiles(t, root)) == 0 {
			t.Errorf("the module %s has no tests: write tests/*.tftest.hcl", root)
		}
	}
}

func TestEveryFileIsFormatted(t *testing.T) {
	if _, err := run(t, "..", "fmt", "-check", "-diff", "-recursive", "-no-color"); err != nil {
		t.Errorf("run terraform fmt -recursive terraform: %v", err)
	}
}

func TestEveryModuleAndExampleIsValid(t *testing.T) {
	for _, root := range roots(t) {
		t.Run(root, func(t *testing.T) {
			t.Parallel()
			if _, err := run(t, filepath.Join(copied(t, root), root), "validate", "-no-color"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEveryModulePassesItsTests(t *testing.T) {
	for _, root := range roots(t) {
		if isExample(root) || len(testFiles(t, root)) == 0 {
			continue
		}
		t.Run(root, func(t *testing.T) {
			t.Parallel()
			if result := asItStands(t, root); !result.passed {
				t.Errorf("%s", result.output)
			}
		})
	}
}
