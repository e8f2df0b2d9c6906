package quiver_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/quivercache/quiver"

// allowed is which packages of the module each one may import: imports go one way.
var allowed = map[string][]string{
	"op":                            {},
	"bucket":                        {"op"},
	"bucket/mem":                    {"bucket", "op"},
	"bucket/buckettest":             {"bucket", "bucket/mem", "op"},
	"digest":                        {},
	"signing":                       {"digest"},
	"layout":                        {"digest"},
	"keyspace":                      {"bucket", "digest", "layout", "op"},
	"blobstore":                     {"bucket", "digest", "keyspace", "layout", "op", "signing"},
	"internal/sealed":               {},
	"callindex/internal/manifest":   {"digest", "internal/sealed", "layout"},
	"callindex/internal/segment":    {"digest"},
	"callindex/internal/cache":      {"op"},
	"callindex":                     {"bucket", "callindex/internal/cache", "callindex/internal/manifest", "callindex/internal/segment", "digest", "internal/sealed", "keyspace", "layout", "op", "signing"},
	"lease":                         {"bucket", "digest", "keyspace", "layout", "op"},
	"gc":                            {"blobstore", "bucket", "callindex", "digest", "layout", "lease"},
	"":                              {"blobstore", "bucket", "callindex", "digest", "gc", "keyspace", "layout", "lease", "op", "signing"},
	"internal/contracttest":         {"", "blobstore", "bucket", "bucket/buckettest", "bucket/mem", "callindex", "digest", "layout", "lease", "op"},
	"internal/historytest":          {"bucket", "bucket/buckettest", "bucket/mem", "callindex", "digest", "layout", "op"},
	"internal/lineartest":           {"blobstore", "bucket", "callindex", "digest", "keyspace", "layout", "lease", "op"},
	"internal/droptest":             {},
	"internal/parquettest":          {},
	"internal/scripttest":           {"bucket", "digest", "layout"},
	"adapters/file":                 {"bucket", "op"},
	"adapters":                      {"bucket", "op"},
	"adapters/s3":                   {"adapters", "bucket", "op"},
	"adapters/gcs":                  {"adapters", "bucket", "op"},
	"adapters/azure":                {"adapters", "bucket", "op"},
	"adapters/all":                  {"adapters/azure", "adapters/file", "adapters/gcs", "adapters/s3", "bucket"},
	"cmd/quiver/internal/doctor":    {"bucket", "bucket/buckettest", "op"},
	"cmd/quiver/internal/export":    {"callindex", "digest"},
	"cmd/quiver/internal/stats":     {},
	"cmd/quiver/internal/execution": {"", "blobstore", "bucket", "callindex", "cmd/quiver/internal/stats", "digest", "keyspace", "lease", "op"},
	"examples/related":              {"", "adapters/all", "bucket"},
	"examples/cloudrun":             {"", "adapters/all", "bucket"},
	"examples/makefile":             {},
	"examples/pipeline":             {"", "adapters/all", "bucket"},
	"examples/workers":              {"", "adapters/all", "bucket"},
	"release":                       {},
	"docs":                          {},
	"cmd/quiver":                    {"", "adapters/all", "blobstore", "bucket", "callindex", "cmd/quiver/internal/doctor", "cmd/quiver/internal/execution", "cmd/quiver/internal/export", "cmd/quiver/internal/stats", "digest", "gc", "lease", "op", "signing"},
}

// inherited is which other modules a user of the library gets, by the path that its packages begin with.
var inherited = []string{
	"golang.org/x/sync", "github.com/klauspost/compress",
	"github.com/parquet-go", "github.com/RoaringBitmap/roaring", "github.com/FastFilter/xorfilter", // segments, their deletions and filters
	"github.com/andybalholm/brotli", "github.com/bits-and-blooms/bitset", "github.com/google/uuid", "github.com/pierrec/lz4", "github.com/twpayne/go-geom", "golang.org/x/sys", "google.golang.org/protobuf", // what these three need
}

// list runs go list with a template over the packages below the module's root, without their tests.
func list(t *testing.T, template string, arguments ...string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-f", template}, arguments...)...)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return strings.Fields(string(out))
}

func inside(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, module)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return strings.TrimPrefix(rest, "/"), true
}

func TestImportsGoOneWay(t *testing.T) {
	for _, line := range list(t, `{{.ImportPath}}{{range .Imports}},{{.}}{{end}}`, "./...") {
		paths := strings.Split(line, ",")
		from, _ := inside(paths[0])
		may, known := allowed[from]
		if strings.Contains(from, "/internal/") && !known {
			may, known = nil, true // an internal package of one room imports what it needs of the standard library alone
		}
		if !known {
			t.Errorf("package %q is not in the list of this test: say what it may import", from)
		}
		for _, path := range paths[1:] {
			to, ok := inside(path)
			if !ok || slices.Contains(may, to) || strings.HasPrefix(to, from+"/internal/") {
				continue
			}
			t.Errorf("package %q must not import %q", from, to)
		}
	}
}

func TestTheLibraryInheritsFewModules(t *testing.T) {
	for _, path := range list(t, `{{if not .Standard}}{{.ImportPath}}{{end}}`, "-deps", ".") {
		if _, ok := inside(path); ok {
			continue
		}
		if !slices.ContainsFunc(inherited, func(root string) bool { return path == root || strings.HasPrefix(path, root+"/") }) {
			t.Errorf("a user of the library inherits %s", path)
		}
	}
}

// TestTheCoreStandsWithoutAdapters holds that the library is built without any provider.
func TestTheCoreStandsWithoutAdapters(t *testing.T) {
	for _, path := range list(t, `{{.ImportPath}}`, "-deps", ".", "./blobstore", "./callindex", "./keyspace", "./bucket/...") {
		for _, banned := range []string{module + "/adapters", module + "/cmd", "gocloud.dev", "github.com/aws", "cloud.google.com", "github.com/Azure"} {
			if strings.HasPrefix(path, banned) {
				t.Errorf("the core depends on %s", path)
			}
		}
	}
}
