package servers

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// image names the image of a program: another version, or other files, make another image.
func (p program) image(product Product) string {
	recipe := sha256.Sum256(fmt.Appendf(nil, "%q", p.files))
	return fmt.Sprintf("quiver-servers/%s:%s-%x", product, p.version, recipe[:4])
}

// archive is the content of the image, as a tar: the files at the paths that they have here, and a folder for data.
func (p program) archive() io.ReadCloser {
	reader, writer := io.Pipe()
	go func() {
		archive := tar.NewWriter(writer)
		err := func() error {
			for _, name := range []string{"data/", "tmp/"} {
				if err := archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o777}); err != nil {
					return err
				}
			}
			for _, file := range p.files {
				if err := addTree(archive, file); err != nil {
					return err
				}
			}
			return archive.Close()
		}()
		writer.CloseWithError(err)
	}()
	return reader
}

// addTree adds a file, or a folder with all in it that a program reads.
func addTree(archive *tar.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path) // of what a link leads to
		if err != nil || !info.Mode().IsRegular() || path != root && !isRead(path) {
			return err
		}
		return addFile(archive, path, info)
	})
}

// isRead leaves out what is in packages of JavaScript for people and compilers: four fifths of them.
func isRead(path string) bool {
	switch filepath.Ext(path) {
	case ".js", ".cjs", ".mjs", ".json", ".node":
		return true
	}
	return false
}

func addFile(archive *tar.Writer, path string, info fs.FileInfo) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	header := &tar.Header{Name: strings.TrimPrefix(filepath.ToSlash(path), "/"), Typeflag: tar.TypeReg, Mode: int64(info.Mode().Perm()), Size: info.Size()}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}
