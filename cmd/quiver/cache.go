package main

import (
	"fmt"
	"path/filepath"

	"github.com/quivercache/quiver/callindex"
)

// cacheVariable names the folder where what queries read of the index is kept.
const cacheVariable = "QUIVER_CACHE_DIR"

// noCache is what names no folder.
const noCache = "off"

// defaultCacheDir is the folder of --cache-dir where it is not given; empty where this user has none.
func (a *app) defaultCacheDir() string {
	if dir := a.getenv(cacheVariable); dir != "" {
		return dir
	}
	folder, err := a.cacheFolder()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "index")
}

// indexCache is what this process keeps of the index.
func (a *app) indexCache() callindex.CacheOptions {
	dir := a.cacheDir
	if dir == noCache {
		dir = ""
	}
	return callindex.CacheOptions{Dir: dir, Warn: func(err error) { fmt.Fprintln(a.err, "quiver: "+err.Error()) }}
}
