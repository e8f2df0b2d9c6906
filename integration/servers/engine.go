package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"
	"github.com/testcontainers/testcontainers-go/log"
)

// engine is a Docker engine of this machine.
type engine struct{ docker client.APIClient }

// requireContainers is the variable that makes it an error that no engine answers.
const requireContainers = "QUIVER_REQUIRE_CONTAINERS"

// findEngine returns the engine that answers; nil where none does, unless containers are required.
func findEngine(ctx context.Context) (*engine, error) {
	e, err := connect(ctx)
	if required := os.Getenv(requireContainers); err != nil && required != "" && required != "0" {
		return nil, fmt.Errorf("%s is set, but no Docker engine answers: %w; start one with: bash .ci/engine.sh start DIR", requireContainers, err)
	}
	return e, nil
}

func connect(ctx context.Context) (*engine, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("containers run programs for linux, those that are installed here are for %s", runtime.GOOS)
	}
	docker, err := client.New(client.FromEnv)
	if err != nil {
		return nil, err
	}
	if host := docker.DaemonHost(); !strings.HasPrefix(host, "unix://") {
		return nil, fmt.Errorf("the engine at %s may be on another machine, whose loopback address is not ours", host)
	}
	if _, err := docker.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, errors.Join(err, docker.Close())
	}
	return &engine{docker}, configure()
}

// configure tells testcontainers, which takes it from the environment alone, that its reaper's image is not to be had, and that ports are published
// here, also where this machine looks like a container.
var configure = sync.OnceValue(func() error {
	log.SetDefault(log.NewNoopLogger())
	return errors.Join(os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"), os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1"))
})

func (e *engine) close() error { return e.docker.Close() }

// ownerLabel names, on a container, the lock of the test process that has started it.
const ownerLabel = "com.github.quivercache.quiver.owner"

// sweep removes the containers that killed test processes have left.
func (e *engine) sweep(ctx context.Context) error {
	listed, err := e.docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", ownerLabel)})
	if err != nil {
		return err
	}
	for _, found := range listed.Items {
		free, err := abandoned(found.Labels[ownerLabel])
		if err == nil && free {
			err = e.remove(ctx, found.ID)
		}
		if err != nil {
			return fmt.Errorf("removing the abandoned container %s: %w", found.ID, err)
		}
	}
	return nil
}

// remove removes a container, if it is there, whatever state it is in.
func (e *engine) remove(ctx context.Context, id string) error {
	_, err := e.docker.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// image returns the name of the image that holds a program, which is made where the engine has it not.
func (e *engine) image(ctx context.Context, product Product, p program) (string, error) {
	name := p.image(product)
	if _, err := e.docker.ImageInspect(ctx, name); err == nil {
		return name, nil
	}
	content := p.archive()
	defer content.Close()
	answer, err := e.docker.ImageImport(ctx, client.ImageImportSource{Source: content, SourceName: "-"}, name, client.ImageImportOptions{})
	if err != nil {
		return "", fmt.Errorf("making the image %s: %w", name, err)
	}
	defer answer.Close()
	if err := jsonmessage.DisplayStream(answer, io.Discard); err != nil {
		return "", fmt.Errorf("making the image %s: %w", name, err)
	}
	return name, nil
}
