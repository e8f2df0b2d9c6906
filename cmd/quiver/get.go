package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/digest"
)

func (a *app) getCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "Write a value, or what a remembered command printed",
		Long: `Write a value's bytes, as it was encoded, to standard output; of a call of quiver exec, what its command printed there.

Its checksum is known only at its end. With --output the file appears when all of it was read and
found right; on standard output a damaged value is noticed after its bytes: heed the exit status.
What is written are the bytes alone: --json changes nothing here, and quiver show --json describes them.`,
		Example: "  quiver get 3fa9c1 > model.bin\n  quiver get 3fa9c1 --output model.bin",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, words []string) error {
			return a.withKeys(c.Context(), words, func(ctx context.Context, store *quiver.Store, keys []digest.Key) error {
				if output == "" || output == "-" {
					return copyValue(ctx, store, keys[0], a.out)
				}
				return writeWhole(output, func(w io.Writer) error { return copyValue(ctx, store, keys[0], w) })
			})
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "write to this `FILE`, whole or not at all")
	return c
}

// copyValue writes a value, or what the command of a call printed.
func copyValue(ctx context.Context, store *quiver.Store, key digest.Key, w io.Writer) error {
	value, err := store.Values.Open(ctx, key)
	if errors.Is(err, quiver.ErrNotFound) && !isOdd(err) {
		return printCall(ctx, store, key, w)
	}
	if err != nil {
		return err
	}
	defer value.Close()
	_, err = io.Copy(w, value)
	return err
}

// printCall writes what the command of a call printed.
func printCall(ctx context.Context, store *quiver.Store, key digest.Key, w io.Writer) error {
	r, err := store.Calls.Load(ctx, key)
	if errors.Is(err, quiver.ErrNotFound) && !isOdd(err) {
		return fmt.Errorf("%s: %w, neither of a value nor of a call", key, quiver.ErrNotFound)
	}
	if err == nil {
		err = execution.PrintStdout(ctx, store, r, w)
	}
	if errors.Is(err, execution.ErrNotExec) {
		return fmt.Errorf("%w; quiver show %s names its result", err, key)
	}
	return err
}
