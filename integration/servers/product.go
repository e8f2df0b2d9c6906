package servers

import (
	"context"
	"net/http"
)

// Product is a server program that can be started.
type Product interface {
	String() string // its name

	// program is what is installed of it.
	program() (program, error)
	// arguments make the program serve a place; environment is what it needs besides.
	arguments(at place) []string
	environment() map[string]string

	// create makes a bucket, if it is not there; put and get write and read an object. Each is tried once.
	create(ctx context.Context, address, bucket string) error
	put(ctx context.Context, address, bucket, key, content string) error
	get(ctx context.Context, address, bucket, key string) (content string, err error)

	// url opens a bucket with adapters/all.
	url(address, bucket string) string
	// client is the environment of a process that uses the server.
	client(address string) []string
}

// The products that can be started.
var (
	MinIO     Product = minio{}
	Versitygw Product = versitygw{}
	FakeGCS   Product = fakeGCS{}
	Azurite   Product = azurite{}
)

// Products lists all of them.
func Products() []Product { return []Product{MinIO, Versitygw, FakeGCS, Azurite} }

// program is an installed program.
type program struct {
	version string   // as it is pinned
	command []string // what is run, before the arguments
	files   []string // what the command needs: files, and folders with all in them
}

// place is where a server listens and keeps its data.
type place struct {
	host string
	port string
	dir  string
}

// unpooled is the HTTP client that products are spoken to with: nothing of it outlives a request.
var unpooled = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
