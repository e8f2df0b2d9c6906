package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/quivercache/quiver/op"
)

// Kind is how a server runs.
type Kind string

// The ways to run a server.
const (
	Container Kind = "container"
	Process   Kind = "process"
)

// Server is a running object store. One goroutine at a time may stop, end and restart it; many may use it.
type Server struct {
	Product Product
	Name    string // the product's
	Kind    Kind
	Address string // host:port on the loopback address, the same after a Restart

	runner runner
	folder *folder
	engine *engine // nil for a process
}

// runner runs a server's program, over and over on the same data and port.
type runner interface {
	String() string // names it for people
	start(ctx context.Context) error
	running(ctx context.Context) bool
	freeze(ctx context.Context) error
	wake(ctx context.Context) error
	kill(ctx context.Context) error      // as a crash does
	terminate(ctx context.Context) error // in an orderly way
	output(ctx context.Context) string   // all that the program has printed
	remove(ctx context.Context) error    // whatever state it is in
}

const (
	startTime  = time.Minute           // in which a server must become ready, its image made
	removeTime = 30 * time.Second      // in which it must be gone
	pingTime   = 5 * time.Second       // of one attempt
	pingPause  = 10 * time.Millisecond // between two
	freezeTime = 10 * time.Second      // for a container to be paused
)

// Start starts a server and waits until it answers authenticated requests. ctx bounds the start alone. Fails where the program is not installed as pinned, and
// where containers are required and no Docker engine answers.
func Start(ctx context.Context, which Product) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	s, err := prepare(ctx, which)
	if err == nil {
		err = s.begin(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", which, errors.Join(err, s.Close()))
	}
	fmt.Fprintf(os.Stderr, "servers: %s\n", s)
	return s, nil
}

// prepare makes everything that a server needs, and returns what it has made when it fails, too.
func prepare(ctx context.Context, which Product) (s *Server, err error) {
	s = &Server{Product: which, Name: which.String(), Kind: Process}
	program, err := which.program()
	if err != nil {
		return s, err
	}
	if s.engine, err = findEngine(ctx); err != nil {
		return s, err
	}
	if s.engine != nil {
		s.Kind = Container
		if err := s.engine.sweep(ctx); err != nil {
			return s, err
		}
	}
	if err := sweepFolders(); err != nil {
		return s, err
	}
	if s.folder, err = newFolder(which); err != nil {
		return s, err
	}
	port, err := freePort()
	if err != nil {
		return s, err
	}
	s.Address = net.JoinHostPort("127.0.0.1", port)
	if s.engine == nil {
		arguments := which.arguments(place{host: "127.0.0.1", port: port, dir: s.folder.data()})
		s.runner = &process{command: append(program.command, arguments...), environment: which.environment(), folder: s.folder}
		return s, nil
	}
	image, err := s.engine.image(ctx, which, program)
	if err != nil {
		return s, err
	}
	arguments := which.arguments(place{host: "0.0.0.0", port: port, dir: dataInside})
	s.runner = &contained{engine: s.engine, image: image, command: append(program.command, arguments...), environment: which.environment(), port: port, folder: s.folder}
	return s, nil
}

// begin starts the program, and waits until it is ready.
func (s *Server) begin(ctx context.Context) error {
	if err := s.runner.start(ctx); err != nil {
		return s.explain(ctx, err)
	}
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		if !s.runner.running(ctx) {
			return s.explain(ctx, fmt.Errorf("%v has ended by itself", s.runner))
		}
		if tired := op.SystemClock().Sleep(ctx, pingPause); tired != nil {
			return s.explain(ctx, fmt.Errorf("%v is not ready, and there is no more time (%w): %w", s.runner, tired, err))
		}
	}
}

// ping writes and reads an object: MinIO answers requests about buckets while it still refuses those about objects.
func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	const bucket, key = "quiver-ready", "ready"
	if err := s.Product.create(ctx, s.Address, bucket); err != nil {
		return err
	}
	if err := s.Product.put(ctx, s.Address, bucket, key, "yes"); err != nil {
		return err
	}
	_, err := s.Product.get(ctx, s.Address, bucket, key)
	return err
}

// explain adds the end of what the program has printed to an error, whether there is still time or not.
func (s *Server) explain(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTime)
	defer cancel()
	const enough = 2000
	output := s.runner.output(ctx)
	return fmt.Errorf("%w; the end of its output:\n%s", err, output[max(0, len(output)-enough):])
}

// String says what runs, how, and where.
func (s *Server) String() string { return fmt.Sprintf("%s in %v at %s", s.Name, s.runner, s.Address) }

// Bucket is a bucket, or an Azure container, of a server.
type Bucket struct {
	Name string
	URL  string // opens it with adapters/all, in the environment of Server.Env
}

// NewBucket makes a bucket with a name of its own.
func (s *Server) NewBucket(ctx context.Context) (Bucket, error) {
	name := "test-" + draw()
	if err := s.Product.create(ctx, s.Address, name); err != nil {
		return Bucket{}, fmt.Errorf("making the bucket %s of %s: %w", name, s, err)
	}
	return Bucket{Name: name, URL: s.URL(name)}, nil
}

// URL opens a bucket of the server with adapters/all.
func (s *Server) URL(bucket string) string { return s.URLAt(s.Address, bucket) }

// URLAt is URL for a client that reaches the server at another address, that of a proxy.
func (s *Server) URLAt(address, bucket string) string { return s.Product.url(address, bucket) }

// Env is the environment of a process that uses the server, as NAME=value: credentials for each SDK's chain, and nothing that leads elsewhere.
func (s *Server) Env() []string { return s.EnvAt(s.Address) }

// EnvAt is Env for a client that reaches the server at another address, that of a proxy.
func (s *Server) EnvAt(address string) []string { return s.Product.client(address) }

// Stop freezes the server: connections open, and nothing answers.
func (s *Server) Stop(ctx context.Context) error { return s.doing("stopping", s.runner.freeze(ctx)) }

// Continue wakes a server that was stopped.
func (s *Server) Continue(ctx context.Context) error {
	return s.doing("continuing", s.runner.wake(ctx))
}

// Kill ends the server at once, as a crash does (SIGKILL), and waits until it is no more.
func (s *Server) Kill(ctx context.Context) error { return s.doing("killing", s.runner.kill(ctx)) }

// Shutdown ends the server in an orderly way (SIGTERM), and waits until it is no more.
func (s *Server) Shutdown(ctx context.Context) error {
	return s.doing("shutting down", s.runner.terminate(ctx))
}

// Restart starts a server that was ended, on the same data and at the same address, and waits until it is ready.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return s.doing("restarting", s.begin(ctx))
}

func (s *Server) doing(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, s, err)
	}
	return nil
}

// Close removes the server with all that it has, whatever state it is in. It may be called again.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), removeTime)
	defer cancel()
	var failures []error
	if s.runner != nil {
		failures = append(failures, s.runner.remove(ctx))
	}
	if s.folder != nil {
		failures = append(failures, s.folder.remove())
	}
	if s.engine != nil {
		failures = append(failures, s.engine.close())
	}
	return errors.Join(failures...)
}
