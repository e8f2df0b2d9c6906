// Package all opens a bucket by its URL, whatever its scheme:
//
//	s3://bucket/prefix?region=eu-central-1    S3, and servers that speak its protocol (package adapters/s3)
//	gs://bucket/prefix                        Google Cloud Storage (adapters/gcs)
//	azblob://container/prefix                 Azure Blob Storage (adapters/azure)
//	file:///srv/quiver?sync=false             a directory (adapters/file)
//	./quiver  ../quiver  /quiver              a directory, too
//
// A URL says where a bucket is, never who may use it: one with a user name or a password is refused, and so are parameters that its scheme does not know.
package all
