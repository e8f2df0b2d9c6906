package buckettest

import (
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// Match says whether a key fits a pattern, in which every '*' stands for any characters, slashes included. The empty pattern fits every key.
func Match(pattern, key string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	key, ok := strings.CutPrefix(key, parts[0])
	if len(parts) == 1 {
		return ok && key == ""
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		_, rest, found := strings.Cut(key, part)
		ok, key = ok && found, rest
	}
	return ok && strings.HasSuffix(key, parts[last])
}

// keysOf are the keys that a request is about: the prefix of a listing, all keys of a bulk delete.
func keysOf(r *bucket.Request) []string {
	switch r.Verb {
	case bucket.List, bucket.ListFolders, bucket.ListUploads:
		return []string{r.List.Prefix}
	case bucket.DeleteAll:
		return r.Keys
	}
	return []string{r.Key}
}
