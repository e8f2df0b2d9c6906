package gcs_test

import (
	"slices"
	"testing"

	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/bucket"
)

// Whatever an answer says in words, only its status makes it one about the object.
func FuzzRefusal(f *testing.F) {
	f.Add(404, "application/xml", "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist.</Message></Error>")
	f.Add(403, "application/xml", "<Error><Code>AccessDenied</Code><Message>Access denied.</Message><Details>no storage.objects.get</Details></Error>")
	f.Add(412, "text/plain", "orgPolicyConstraintFailed")
	f.Add(502, "text/html; charset=utf-8", "<html><p>Bad gateway</p></html>")
	f.Add(400, "", "Bucket is a requester pays bucket but no user project provided.")
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		refusal, answered := gcs.Refusal(status, contentType, body)
		if !answered || refusal.Status != status {
			t.Errorf("the refusal is %+v, %t", refusal, answered)
		}
		if slices.Contains([]error{bucket.ErrNotFound, bucket.ErrExists, bucket.ErrChanged}, refusal.Kind) {
			t.Errorf("the refusal is of the kind %q", refusal.Kind)
		}
	})
}
