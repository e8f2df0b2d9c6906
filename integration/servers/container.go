package servers

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/quivercache/quiver/op"
)

// contained runs a server in a container. Its data are in the container's own layer, which lasts until the container is removed.
type contained struct {
	engine      *engine
	image       string
	command     []string
	environment map[string]string
	port        string
	folder      *folder
	container   testcontainers.Container
}

// dataInside is where a server in a container keeps its data: the image has such a folder.
const dataInside = "/data"

// start makes the container, or starts it again.
func (c *contained) start(ctx context.Context) error {
	if c.container != nil {
		_, err := c.engine.docker.ContainerStart(ctx, c.id(), client.ContainerStartOptions{})
		return err
	}
	port, err := network.ParsePort(c.port + "/tcp")
	if err != nil {
		return err
	}
	c.container, err = testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        c.image,
			Entrypoint:   c.command[:1],
			Cmd:          c.command[1:],
			Env:          c.environment,
			Labels:       map[string]string{ownerLabel: c.folder.lock.Path()},
			ExposedPorts: []string{port.String()},
			HostConfigModifier: func(host *container.HostConfig) {
				host.PortBindings = network.PortMap{port: {{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: c.port}}}
			},
			// Any answer will do: a port that is open is Docker's proxy, and Server.ready asks more.
			WaitingFor: wait.ForHTTP("/").WithPort(port.String()).WithStatusCodeMatcher(func(int) bool { return true }).
				WithPollInterval(20 * time.Millisecond).WithStartupTimeout(startTime),
		},
		Started: true,
		Logger:  log.NewNoopLogger(),
	})
	return err
}

func (c *contained) id() string { return c.container.GetContainerID() }

func (c *contained) running(ctx context.Context) bool {
	inspected, err := c.container.Inspect(ctx)
	return err != nil || inspected.State.Running // an engine that does not answer says nothing about its containers
}

// freeze pauses the container. The kernel does not freeze a process that waits for a disk, and runc gives up after milliseconds: so it is asked again.
func (c *contained) freeze(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, freezeTime)
	defer cancel()
	for {
		_, err := c.engine.docker.ContainerPause(ctx, c.id(), client.ContainerPauseOptions{})
		if err == nil || !strings.Contains(err.Error(), "unable to freeze") {
			return err
		}
		if tired := op.SystemClock().Sleep(ctx, pingPause); tired != nil {
			return err
		}
	}
}

func (c *contained) wake(ctx context.Context) error {
	_, err := c.engine.docker.ContainerUnpause(ctx, c.id(), client.ContainerUnpauseOptions{})
	return err
}

func (c *contained) kill(ctx context.Context) error {
	_, err := c.engine.docker.ContainerKill(ctx, c.id(), client.ContainerKillOptions{Signal: "SIGKILL"})
	return err
}

func (c *contained) terminate(ctx context.Context) error {
	_, err := c.engine.docker.ContainerStop(ctx, c.id(), client.ContainerStopOptions{})
	return err
}

func (c *contained) output(ctx context.Context) string {
	if c.container == nil {
		return ""
	}
	logs, err := c.container.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer logs.Close()
	content, err := io.ReadAll(logs)
	if err != nil {
		return fmt.Sprintf("%s%v", content, err)
	}
	return string(content)
}

func (c *contained) remove(ctx context.Context) error {
	if c.container == nil {
		return nil
	}
	return c.engine.remove(ctx, c.id())
}

func (c *contained) String() string {
	if c.container == nil {
		return "no container"
	}
	return "container " + c.id()[:12]
}
