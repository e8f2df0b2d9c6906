// Package s3 is a bucket.Bucket on Amazon S3, and on servers that speak its protocol:
//
//	s3://bucket                                  the whole bucket, in the region of AWS_REGION
//	s3://bucket/team/project?region=eu-west-1    the keys under team/project/
//	s3://bucket?endpoint=http://127.0.0.1:9000&use_path_style=true
//
// A program that has a client of its own gives it to [New]. Either way, bucket.Decorate adds deadlines and retries.
//
// A version is an ETag. It is the hash of the content where an object was written in one request, so that the same bytes have the same version again: what
// must not be mistaken for what it was carries bytes that differ, as Quiver's mutable objects do.
//
// # What differs between servers
//
// AWS keeps to If-None-Match and If-Match on every write, and to If-Match on a DELETE, which New must be told with Options.ConditionalDelete and
// OpenURL assumes where no endpoint is given. MinIO ignores it and deletes. Some servers ignore the conditions of writes, and cannot hold a store:
// quiver doctor finds out.
//
// Uploads in parts that were begun and never ended stay on AWS, and are paid for, until they are aborted (bucket.Uploads). MinIO lists them only where the prefix is empty or a whole key, all on one page, and removes them itself after a
// day. versitygw 1.8 refuses its own markers: more than a page of uploads is an error there.
//
// Without the right s3:ListBucket S3 answers 403 for a missing key. Quiver then cannot tell a miss from a refusal, and reports the refusal.
package s3
