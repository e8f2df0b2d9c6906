package all_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
)

func TestOpenFindsTheDirectory(t *testing.T) {
	for location, dir := range map[string]string{
		"file:///%s/a": "a", "file://localhost/%s/b": "b", "file:///%s/c?sync=false": "c", "file:///%s/d?sync=true": "d", "/%s/e": "e",
		"file:///%s/with%%20space": "with space", "/%s/with%%20percent?sync=false#x": "with%20percent?sync=false#x",
		"./relative": "relative", "../here/up": "up", "file:opaque/dir": "opaque/dir", "file:./dot": "dot", ".": ".", "file:with%%20blank": "with blank",
	} {
		here := filepath.Join(t.TempDir(), "here")
		if err := os.Mkdir(here, 0o777); err != nil {
			t.Fatal(err)
		}
		t.Run(location, func(t *testing.T) {
			t.Chdir(here)
			if strings.Contains(location, "%s") {
				location = fmt.Sprintf(location, strings.TrimPrefix(filepath.ToSlash(here), "/"))
			} else {
				location = strings.ReplaceAll(location, "%%", "%")
			}
			b, err := all.Open(t.Context(), location)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if err := b.Put(t.Context(), "k", bucket.Bytes([]byte("v")), bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
			if content, err := os.ReadFile(filepath.Join(here, dir, "k")); err != nil || string(content) != "v" {
				t.Errorf("%q, %v", content, err)
			}
		})
	}
}

func TestWhatCannotBeOpenedIsExplained(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "occupied")
	if err := os.WriteFile(occupied, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for location, c := range map[string]struct {
		kind     error
		explains string
	}{
		"":                                     {bucket.ErrInvalid, "schemes are azblob, file, gs, s3"},
		"dir":                                  {bucket.ErrInvalid, "./dir"},
		"nfs://host/dir":                       {bucket.ErrInvalid, "this version knows azblob, file, gs, s3"},
		"file:///d?sync=maybe":                 {bucket.ErrInvalid, "true or false"},
		"file:///d?sync=true&sync=true":        {bucket.ErrInvalid, "once"},
		"file:///d?fsync=false":                {bucket.ErrInvalid, "sync=true or sync=false"},
		"file:///d?sync=%zz":                   {bucket.ErrInvalid, "parameters"},
		"file://host/dir":                      {bucket.ErrInvalid, "file:///dir"},
		"file:///d#fragment":                   {bucket.ErrInvalid, "%23"},
		"file:":                                {bucket.ErrInvalid, "no directory"},
		"file://user:secret@/dir":              {bucket.ErrInvalid, "credentials come from the environment"},
		"nfs://user@host/dir":                  {bucket.ErrInvalid, "credentials come from the environment"},
		"file://u:secret@ho st/":               {bucket.ErrInvalid, "no URL"},
		occupied:                               {bucket.ErrNoBucket, "not a directory"},
		"file://" + filepath.ToSlash(occupied): {bucket.ErrNoBucket, "not a directory"},
		occupied + "/below":                    {bucket.ErrNoBucket, "not a directory"},
	} {
		b, err := all.Open(t.Context(), location)
		if b != nil || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.explains) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", location, err)
		}
	}
}

func TestSchemesAreAValue(t *testing.T) {
	schemes := all.Default()
	schemes["mem"] = func(context.Context, *url.URL) (bucket.Bucket, error) { return mem.New(nil), nil }
	if b, err := schemes.Open(t.Context(), "mem:"); err != nil || b == nil {
		t.Error(err)
	}
	if _, err := all.Open(t.Context(), "mem:"); !errors.Is(err, bucket.ErrInvalid) {
		t.Errorf("the default schemes have changed: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, location := range []string{"", "a", "x://a:b@c", "file:?sync=1", "mem:", "%", ":", "x:y?%zz", "s3://b"} {
		f.Add(location)
	}
	schemes := all.Schemes{"mem": func(context.Context, *url.URL) (bucket.Bucket, error) { return mem.New(nil), nil }}
	f.Fuzz(func(t *testing.T, location string) {
		if location == "." || location == ".." || strings.ContainsAny(location[:min(len(location), 1)], "./\\") {
			return // directories, which may or may not be there
		}
		b, err := schemes.Open(t.Context(), location)
		if err == nil && !strings.HasPrefix(strings.ToLower(location), "mem:") || err != nil && (b != nil || !errors.Is(err, bucket.ErrInvalid)) {
			t.Errorf("%q: %v, %v", location, b, err)
		}
	})
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "quiver")
	if err != nil {
		fmt.Println(err)
	}
	defer os.RemoveAll(dir)
	b, err := all.Open(context.Background(), "file://"+filepath.ToSlash(dir)+"?sync=false")
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(b.Put(context.Background(), "greeting", bucket.Bytes([]byte("hello")), bucket.IfAbsent()))
	// Output: <nil>
}
