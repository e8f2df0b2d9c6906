package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/digest"
)

func (a *app) putCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "put [FILE]…",
		Short: "Save files as values and print their digests",
		Long: `Save the bytes of each file as a value and print its digest, in the order of the files.
Without a file, or where the file is "-", standard input is saved. What is already there is not sent again but read, and replaced if it is damaged.`,
		Example: "  quiver put model.bin\n  tar c data | quiver put",
		RunE: func(c *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{"-"}
			}
			return a.withStore(c.Context(), func(ctx context.Context, store *quiver.Store) error {
				for _, file := range files {
					d, err := a.putFile(ctx, store, file)
					if err != nil {
						return err
					}
					if err := a.printPut(file, d); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (a *app) putFile(ctx context.Context, store *quiver.Store, file string) (digest.Digest, error) {
	var content io.Reader = &interruptibleInput{ctx: ctx, source: a.in}
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return digest.Digest{}, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return digest.Digest{}, err
		}
		switch {
		case info.IsDir():
			return digest.Digest{}, fmt.Errorf("%s is a directory: put takes files; quiver exec --in and --out take directories", file)
		case info.Mode().IsRegular():
			content = f // which can be read twice, without a copy
		default:
			content = &interruptibleInput{ctx: ctx, source: f}
		}
	}
	d, err := store.Values.SaveReader(ctx, content, &blobstore.SaveOptions{Verify: true})
	if err != nil {
		return digest.Digest{}, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

func (a *app) printPut(file string, d digest.Digest) error {
	if a.json {
		return printJSON(a.out, struct {
			File   string        `json:"file"`
			Digest digest.Digest `json:"digest"`
		}{file, d})
	}
	_, err := fmt.Fprintln(a.out, d)
	return err
}
