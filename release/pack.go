package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// file is a file in an archive.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// archive builds the command for a target and packs it, with what its users and its authors need: a zip for Windows, else a compressed tar. All of it is in a folder of the
// archive's name.
func (c checkout) archive(ctx context.Context, target string) (name string, archive []byte, err error) {
	at, err := c.time(ctx)
	if err != nil {
		return "", nil, err
	}
	program, version, err := c.build(ctx, target)
	if err != nil {
		return "", nil, err
	}
	folder := "quiver_" + version + "_" + strings.ReplaceAll(target, "/", "_")
	var files []file
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "README.md"} {
		data, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil {
			return "", nil, err
		}
		files = append(files, file{folder + "/" + name, 0o644, data})
	}
	licenses, err := c.licenses(ctx, target)
	if err != nil {
		return "", nil, err
	}
	files = append(files, file{folder + "/THIRD_PARTY_LICENSES.txt", 0o644, licenses})
	if strings.HasPrefix(target, "windows/") {
		archive, err = zipped(append(files, file{folder + "/quiver.exe", 0o755, program}), at)
		return folder + ".zip", archive, err
	}
	archive, err = tarred(append(files, file{folder + "/quiver", 0o755, program}), at)
	return folder + ".tar.gz", archive, err
}

func tarred(files []file, at time.Time) ([]byte, error) {
	var archive bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&archive, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(f.data)), ModTime: at, Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err = errors.Join(w.Close(), compressed.Close())
	return archive.Bytes(), err
}

func zipped(files []file, at time.Time) ([]byte, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for _, f := range files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: at}
		header.SetMode(f.mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return archive.Bytes(), err
}
