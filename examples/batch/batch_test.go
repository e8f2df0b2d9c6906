package batch_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch"
)

// parse reads what the command aws is given by --cli-input-json.
func parse[Input any](t *testing.T, path string) *Input {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	in := new(Input)
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(in); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return in
}

func TestABatchArrayJobComputesEachResultOnce(t *testing.T) {
	definition, job := parse[batch.RegisterJobDefinitionInput](t, "job-definition.json"), parse[batch.SubmitJobInput](t, "job.json")
	if *job.JobDefinition != *definition.JobDefinitionName {
		t.Errorf("the job is of %s, the definition of %s", *job.JobDefinition, *definition.JobDefinitionName)
	}
	if !slices.Contains(definition.Type.Values(), definition.Type) || !slices.Contains(definition.PlatformCapabilities[0].Values(), definition.PlatformCapabilities[0]) {
		t.Errorf("type %s on %s", definition.Type, definition.PlatformCapabilities)
	}
	container := definition.ContainerProperties
	for _, r := range container.ResourceRequirements {
		if !slices.Contains(r.Type.Values(), r.Type) {
			t.Errorf("resource %s", r.Type)
		}
	}
	if len(container.Environment) != 1 || *container.Environment[0].Name != "QUIVER_STORE" {
		t.Errorf("environment %+v", container.Environment)
	}
	checkArray(t, container.Command, "AWS_BATCH_JOB_ARRAY_INDEX", int(*job.ArrayProperties.Size))
}

func TestATaskWithoutAnIndexOrALineSaysSo(t *testing.T) {
	c := newCluster(t)
	for explains, variables := range map[string][]string{"AWS_BATCH_JOB_ARRAY_INDEX": nil, "tasks.txt": {"JOB_COMPLETION_INDEX=12"}} {
		if _, said, err := c.start(t, []string{"sh", "task.sh"}, variables...); err == nil || !strings.Contains(said, explains) {
			t.Errorf("%q: %v, %q", variables, err, said)
		}
	}
}
