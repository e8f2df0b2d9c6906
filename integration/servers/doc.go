// Package servers starts object stores for tests: real servers, fresh ones, on the loopback address.
//
//	server, err := servers.Start(ctx, servers.MinIO)
//	defer server.Close()
//	bucket, err := server.NewBucket(ctx)
//	b, err := all.Open(ctx, bucket.URL) // with the environment of server.Env()
//
// # How they run
//
// In containers where a Docker engine answers (DOCKER_HOST, or the system's socket), as processes where none does. Start prints which, and Server.Kind
// tells. With QUIVER_REQUIRE_CONTAINERS=1 it is an error that no engine answers. An image holds the server's program and nothing else, at the path
// that it has here, and is made once for an engine.
//
// The programs are those that versions.env names, installed by .ci/servers.sh into a folder: QUIVER_SERVERS, or quiver-servers in the user's cache
// folder. A program that is missing, or of another version, is an error that says so; nothing is ever skipped.
//
// # What is left behind
//
// Nothing. Close removes the server, its container and its folder. When the test process is killed, the kernel kills its servers (on Linux);
// containers and folders carry the name of a lock that the process held, and the next Start on the machine removes those whose lock is free.
//
// # Failures
//
// Server.Stop freezes a server, so that connections open and nothing answers; Continue wakes it. Kill ends it as a crash does, Shutdown in an orderly way;
// Restart starts it again with the same data at the same address. What survives differs: MinIO and versitygw lose nothing; Azurite writes its index every five
// seconds and in an orderly shutdown; fake-gcs-server keeps everything in memory, since its files are not written atomically.
//
// Credentials are drawn anew by each test process and are the same for all of its servers, so that one environment serves them all. A process
// has one STORAGE_EMULATOR_HOST, hence one fake-gcs-server at a time.
package servers
