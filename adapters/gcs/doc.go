// Package gcs is a bucket.Bucket on Google Cloud Storage, over its JSON and XML interfaces:
//
//	gs://bucket                 the whole bucket
//	gs://bucket/team/project    the keys under team/project/
//
// A program that has a client of its own gives it to [New]. Either way, bucket.Decorate adds deadlines and retries.
//
// A version is a generation: a number that no two writes of an object have in common, even where they write the same bytes.
//
// # What bites
//
// GCS takes about one change a second of an object, and answers 429 beyond: a manifest or a lease cannot be swapped faster. Creating objects has no such limit.
//
// Without the right storage.objects.list GCS answers 403 for a missing object. Quiver then cannot tell a miss from a refusal, and reports the refusal.
// The role Storage Object User (roles/storage.objectUser) has all that Quiver needs.
//
// A bucket with soft delete or object versioning keeps, and bills, what was deleted or replaced: for Quiver's small, short-lived marks that is
// most of the bill. Switch both off in a bucket that is Quiver's own.
//
// # The emulator
//
// Where STORAGE_EMULATOR_HOST is set, OpenURL goes there without credentials, as Google's own SDK does. fake-gcs-server ignores the condition of a DELETE, so that
// the bucket is no bucket.ConditionalDeleter there; and it answers a read in a missing bucket as it does for a missing object.
package gcs
