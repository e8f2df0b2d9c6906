package docs_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/quivercache/quiver/integration/servers"
)

// stage is what a document presupposes, and does not make by itself. Its files are in testdata, in an archive by the document's path, and lie over the copy of the checkout.
type stage struct {
	servers []servers.Product // that stand for clouds, in the environment as a user has them: credentials, and where the cloud is
	buckets []string          // that are there, on each of the servers
	filled  bool              // the store has some calls already
	folder  string            // that the commands are given in; the checkout's root, where it is not said
	vars    []string          // further variables, NAME=value: those of an excerpt
	ports   []string          // that the document's own servers listen at; others, which are free, take their place
	instead []string          // texts, and what takes their place: pairs. What is in {} is the port that is taken instead of that
}

// stages is the table: documents that are not in it presuppose nothing.
var stages = map[string]stage{
	"README.md":                              {servers: []servers.Product{servers.MinIO}, buckets: []string{"bucket"}},
	"examples/batch/README.md":               {folder: "examples/batch", vars: []string{"region=coast"}},
	"examples/lambda/README.md":              {folder: "examples/lambda"},
	"examples/lambda-housekeeping/README.md": {folder: "examples/lambda-housekeeping"},
	"container/README.md": {
		servers: []servers.Product{servers.MinIO}, buckets: []string{"bucket"},
		instead: []string{"container/test.sh", "ci-runs container/test.sh"},
	},
	"docs/clouds.md": {
		servers: []servers.Product{servers.MinIO, servers.FakeGCS, servers.Azurite},
		buckets: []string{"bucket"},
		ports:   []string{"9000", "4443", "10000"},
		instead: []string{
			"UseDevelopmentStorage=true", // which means the usual port, and it may be taken
			"'DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=" + azuriteKey + ";BlobEndpoint=http://127.0.0.1:{10000}/devstoreaccount1;'",
		},
	},
	"docs/copy.md":        {servers: []servers.Product{servers.MinIO, servers.FakeGCS}, buckets: []string{"team"}},
	"docs/doctor.md":      {servers: []servers.Product{servers.MinIO}, buckets: []string{"bucket"}},
	"docs/export.md":      {filled: true},
	"docs/gc.md":          {filled: true},
	"docs/start/minio.md": {ports: []string{"9000"}},
	"docs/start/aws.md":   {servers: []servers.Product{servers.MinIO}},
	"docs/start/gcp.md":   {servers: []servers.Product{servers.FakeGCS}},
	"docs/start/azure.md": {servers: []servers.Product{servers.Azurite}},
}

// azuriteKey is that of the account which every Azurite has unless it is told otherwise. Everybody knows it.
const azuriteKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

func TestEveryStageIsOfADocument(t *testing.T) {
	all := documents(t)
	for name := range stages {
		if !slices.Contains(all, name) {
			t.Errorf("the table has a row for %s, which is no document", name)
		}
	}
	err := filepath.WalkDir("testdata", func(path string, entry fs.DirEntry, err error) error {
		name, archive := strings.CutSuffix(filepath.ToSlash(path), ".txtar")
		if name = strings.TrimPrefix(name, "testdata/"); err == nil && !entry.IsDir() && (!archive || !slices.Contains(all, name)) {
			t.Errorf("%s is for no document", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// prepare makes what a session finds.
func (g stage) prepare(t *testing.T, s *session) {
	t.Helper()
	for _, which := range g.servers {
		server, err := pool.Server(t.Context(), which)
		if err != nil {
			t.Fatal(err)
		}
		s.environment = append(s.environment, asACloud(server)...)
	}
	for _, which := range g.servers {
		for _, bucket := range g.buckets {
			if err := makeBucket(t.Context(), environment(s.environment), which, bucket); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.environment, s.where = append(s.environment, g.vars...), filepath.Join(s.checkout(), g.folder)
	g.lay(t, s)
	if g.filled {
		s.script = "quiver exec -- seq 10000; quiver exec --name train --tag release=7 -- echo trained; " + s.script // on the document's first line
	}
	s.script = g.replace(t, s)
}

// lay writes the document's files over the copy.
func (g stage) lay(t *testing.T, s *session) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", s.document.path+".txtar"))
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range txtar.Parse(content).Files {
		path := filepath.Join(s.checkout(), file.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, file.Data, 0o777)); err != nil {
			t.Fatal(err)
		}
	}
}

// replace puts free ports in the place of the usual ones, and whatever else the row says.
func (g stage) replace(t *testing.T, s *session) string {
	t.Helper()
	var pairs, braced []string
	for _, port := range g.ports {
		free := freePort(t)
		if !strings.Contains(s.script, port) {
			t.Errorf("the table replaces the port %s, which the document does not have", port)
		}
		pairs = append(pairs, "127.0.0.1:"+port, "127.0.0.1:"+free, "ort "+port, "ort "+free) // -port 1, --blobPort 1
		braced = append(braced, "{"+port+"}", free)
	}
	for i, text := range g.instead {
		if i%2 == 0 && !strings.Contains(s.script, text) {
			t.Errorf("the table replaces %q, which the document does not have", text)
		}
		pairs = append(pairs, strings.NewReplacer(braced...).Replace(text))
	}
	pairs = append(pairs, "file:///tmp/", "file://"+filepath.ToSlash(s.folder)+"/tmp/") // nothing is written elsewhere
	return strings.NewReplacer(pairs...).Replace(s.script)
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// variables is the environment of a session: what a newcomer has, with everything that is written below the session's folder, and with a network that ends at a port that
// nobody listens at. What Go has built and downloaded is shared.
func (s *session) variables(t *testing.T, folders []string) []string {
	t.Helper()
	kept := []string{"GOCACHE", "GOMODCACHE"}
	output, err := exec.CommandContext(t.Context(), "go", append([]string{"env"}, kept...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	installed := serverFolder(t)
	path := append(slices.Clone(folders), filepath.Join(installed, "bin"), filepath.Join(installed, "azurite", "node_modules", ".bin"), os.Getenv("PATH"))
	vars := []string{
		"PATH=" + strings.Join(path, string(os.PathListSeparator)),
		"HOME=" + filepath.Join(s.folder, "home"),
		"TMPDIR=" + filepath.Join(s.folder, "tmp"),
		"LANG=C.UTF-8",
		"QUIVER_STORE=file://" + filepath.ToSlash(filepath.Join(s.folder, "store")),
		"GOPATH=" + filepath.Join(s.folder, "home", "go"), "GOFLAGS=-trimpath", "GOPROXY=off", "GOTOOLCHAIN=local", "GOWORK=off",
		"http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1", "no_proxy=127.0.0.1,localhost",
		"AWS_EC2_METADATA_DISABLED=true", "GCE_METADATA_HOST=127.0.0.1:1", "CHECKPOINT_DISABLE=1",
		playedVariable + "=" + filepath.Join(s.folder, playedFile), realPath + "=" + os.Getenv("PATH"), serversVariable + "=" + installed,
		providersVariable + "=" + os.Getenv(providersVariable),
	}
	for i, value := range strings.Fields(string(output)) {
		vars = append(vars, kept[i]+"="+value)
	}
	return vars
}

// serverFolder is where .ci/servers.sh installs servers.
func serverFolder(t *testing.T) string {
	t.Helper()
	if folder := os.Getenv(serversVariable); folder != "" {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			t.Fatal(err)
		}
		return absolute
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "quiver-servers")
}
