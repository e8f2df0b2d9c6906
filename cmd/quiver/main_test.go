package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/internal/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"quiver": func() { os.Exit(start()) },
	})
}

// TestScripts runs quiver as a user does, with directories as stores: each script has a folder, a store and a cache folder of its own.
func TestScripts(t *testing.T) {
	stores := t.TempDir()
	testscript.Run(t, scripttest.Params(scripttest.Options{
		Dir:               filepath.Join("testdata", "script"),
		Store:             func(name string) string { return filepath.Join(stores, name) },
		Open:              all.Open,
		ConditionalDelete: true,
	}))
}
