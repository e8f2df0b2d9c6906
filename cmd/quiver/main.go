// Command quiver remembers the results of commands, and keeps values and calls in a bucket.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/quivercache/quiver/op"
)

func main() { os.Exit(start()) }

// start runs the program on this process's arguments, streams, environment and clock.
func start() int {
	slog.SetDefault(slog.New(newTalk(os.Stderr)))
	a := &app{
		streams: streams{in: os.Stdin, out: os.Stdout, err: os.Stderr},
		getenv:  os.Getenv,
		clock:   op.SystemClock(),
	}
	return a.run(context.Background(), os.Args[1:])
}

// interruptible ends ctx at SIGINT or SIGTERM, for the commands that do not pass signals on to a child.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
