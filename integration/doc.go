// Package integration holds Quiver to its contract on real servers: MinIO and versitygw for S3, fake-gcs-server for Google Cloud Storage, Azurite for Azure
// Blob Storage. It is a module of its own, so that no user of the library gets Docker's client.
//
// From nothing:
//
//	bash .ci/servers.sh "$HOME/.cache/quiver-servers"     # once: some minutes, for MinIO is built from its source
//	cd integration && go test ./...                       # in containers where a Docker engine answers, as processes where none does
//
// Package servers starts the servers; package lossy stands between them and a client, and loses answers.
package integration
