package servers

import (
	"context"
	"os"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Put and Get speak to the server without adapters: its tests are about the server alone.
func (s *Server) Put(ctx context.Context, bucket, key, content string) error {
	return s.Product.put(ctx, s.Address, bucket, key, content)
}

func (s *Server) Get(ctx context.Context, bucket, key string) (string, error) {
	return s.Product.get(ctx, s.Address, bucket, key)
}

// Folder is where the server keeps what it has on this machine.
func (s *Server) Folder() string { return s.folder.path }

// Remains lists what is still there of a server that was closed.
func (s *Server) Remains(ctx context.Context) []string {
	var remains []string
	if _, err := os.Stat(s.folder.path); err == nil {
		remains = append(remains, s.folder.path)
	}
	switch runner := s.runner.(type) {
	case *process:
		if runner.child.Signal(syscall.Signal(0)) == nil {
			remains = append(remains, runner.String())
		}
	case *contained:
		defer s.engine.close()
		if _, err := s.engine.docker.ContainerInspect(ctx, runner.id(), client.ContainerInspectOptions{}); !errdefs.IsNotFound(err) {
			remains = append(remains, runner.String())
		}
	}
	return remains
}

// EngineAnswers says whether a Docker engine does.
func EngineAnswers(ctx context.Context) bool {
	e, err := connect(ctx)
	return err == nil && e.close() == nil
}
