package batch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var schedule = regexp.MustCompile(`^[0-9*/]+( [0-9*/]+){4}$`)

// manifests parses the objects of a file.
func manifests[Object any](t *testing.T, name string) []*Object {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	var objects []*Object
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		o := new(Object)
		if err := yaml.UnmarshalStrict([]byte(document), o); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		objects = append(objects, o)
	}
	return objects
}

// checkPod says what is wrong with a pod, whatever it runs.
func checkPod(t *testing.T, template *corev1.PodTemplateSpec, account string) *corev1.Container {
	t.Helper()
	pod := &template.Spec
	if pod.ServiceAccountName != account || template.Labels["azure.workload.identity/use"] != "true" {
		t.Errorf("it runs as %s, and should as %s; labels %v", pod.ServiceAccountName, account, template.Labels)
	}
	for _, a := range manifests[corev1.ServiceAccount](t, "serviceaccounts.yaml") {
		if a.Kind == "ServiceAccount" && a.Name == account && len(a.Annotations) == 3 {
			account = "" // it is there
		}
	}
	if account != "" {
		t.Errorf("serviceaccounts.yaml has no %s that is known to three clouds", account)
	}
	if pod.RestartPolicy != corev1.RestartPolicyNever || pod.SecurityContext == nil || !*pod.SecurityContext.RunAsNonRoot || len(pod.Containers) != 1 {
		t.Fatalf("pod %+v", pod)
	}
	c := &pod.Containers[0]
	if s := c.SecurityContext; s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || s.Capabilities.Drop[0] != "ALL" {
		t.Errorf("security context %+v", s)
	}
	if len(c.VolumeMounts) != 1 || c.VolumeMounts[0].MountPath != "/tmp" || c.VolumeMounts[0].Name != pod.Volumes[0].Name || pod.Volumes[0].EmptyDir == nil {
		t.Errorf("without a folder for temporary files: %+v, %+v", c.VolumeMounts, pod.Volumes)
	}
	if len(c.Env) != 1 || c.Env[0].Name != "QUIVER_STORE" {
		t.Errorf("environment %+v", c.Env)
	}
	return c
}

func TestAnIndexedJobComputesEachResultOnceAndHousekeepingFollows(t *testing.T) {
	job := manifests[batchv1.Job](t, "job.yaml")[0]
	spec := &job.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || *spec.CompletionMode != batchv1.IndexedCompletion || *spec.Parallelism != *spec.Completions {
		t.Errorf("%+v", job)
	}
	container := checkPod(t, &spec.Template, "quiver-writer")
	if container.WorkingDir != "/app" {
		t.Errorf("it runs in %s, and the image has its files in /app", container.WorkingDir)
	}
	c := checkArray(t, container.Command, "JOB_COMPLETION_INDEX", int(*spec.Completions))

	for _, expect := range []struct{ file, prints string }{{"fold.yaml", "marks folded: 15 of 15"}, {"gc.yaml", "to remove: calls 0; values 0"}} {
		cron := manifests[batchv1.CronJob](t, expect.file)[0]
		if cron.APIVersion != "batch/v1" || cron.Kind != "CronJob" || !schedule.MatchString(cron.Spec.Schedule) || cron.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent {
			t.Errorf("%s: %+v", expect.file, cron)
		}
		container := checkPod(t, &cron.Spec.JobTemplate.Spec.Template, "quiver-janitor")
		printed, said, err := c.start(t, append([]string{"quiver"}, container.Args...)) // the image's entrypoint
		if err != nil || !strings.Contains(printed, expect.prints) || container.Command != nil {
			t.Errorf("%s: %v, %q, %q", expect.file, err, printed, said)
		}
	}
}
