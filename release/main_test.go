package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const programText = `package main

func main() { println("a small program in the place of quiver") }
`

// repository makes a git repository with a small program in the place of quiver, and its first commit tagged v1.2.3.
func repository(t *testing.T) string {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull, "SOURCE_DATE_EPOCH": "",
		"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.test", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.test",
		"GIT_AUTHOR_DATE": "2026-03-01T10:00:00Z", "GIT_COMMITTER_DATE": "2026-03-01T10:00:00Z",
	} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.test/quiver\n\ngo 1.26.0\n", "cmd/quiver/main.go": programText, "LICENSE": "As you like.\n", "README.md": "# Quiver\n", "CHANGELOG.md": "# Changes\n",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	git(t, dir, "init", "--quiet")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "--quiet", "-m", "one")
	git(t, dir, "tag", "v1.2.3")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", arguments...)
	command.Dir = dir
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", arguments, err, output)
	}
}

// released runs the program in a checkout.
func released(t *testing.T, dir string, arguments ...string) (string, error) {
	t.Helper()
	t.Chdir(dir)
	var stdout bytes.Buffer
	err := run(t.Context(), arguments, &stdout, io.Discard)
	return stdout.String(), err
}

// contents are a directory's files.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestTwoCheckoutsMakeTheSameArchives(t *testing.T) {
	one, out := repository(t), t.TempDir()
	two := filepath.Join(t.TempDir(), "a directory of another name")
	git(t, one, "clone", "--quiet", one, two)
	if err := os.Chtimes(filepath.Join(two, "README.md"), time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	said, err := released(t, one, "-o", filepath.Join(out, "1"), "-only", "linux/amd64,windows/amd64")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-buildvcs=false -tags=other")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	if _, err := released(t, two, "-o", filepath.Join(out, "2"), "-only", "linux/amd64,windows/amd64"); err != nil {
		t.Fatal(err)
	}
	first, second := contents(t, filepath.Join(out, "1")), contents(t, filepath.Join(out, "2"))
	for _, name := range []string{"quiver_v1.2.3_linux_amd64.tar.gz", "quiver_v1.2.3_windows_amd64.zip", sumsName} {
		if len(first[name]) == 0 || !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s: %d bytes, and from elsewhere %d", name, len(first[name]), len(second[name]))
		}
	}
	if len(first) != 3 || string(first[sumsName]) != said {
		t.Errorf("%d files; %s has %q, said %q", len(first), sumsName, first[sumsName], said)
	}
	sha256sum := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", sumsName)
	sha256sum.Dir = filepath.Join(out, "1")
	if output, err := sha256sum.CombinedOutput(); err != nil || strings.Count(string(output), ": OK") != 2 {
		t.Errorf("sha256sum says %s, %v", output, err)
	}
}

// listing is what an archive has: names, modes, times and, but for the program, texts.
func listing(name string, mode os.FileMode, at time.Time, text []byte) string {
	if strings.Contains(name, "_LICENSES") || mode&0o100 != 0 {
		text = nil
	}
	return fmt.Sprintf("%s %v %s %s", name, mode, at.UTC().Format(time.RFC3339), bytes.TrimSpace(text))
}

func TestArchivesHaveWhatUsersNeedAndNothingOfTheMachine(t *testing.T) {
	dir, out := repository(t), filepath.Join(t.TempDir(), "dist")
	t.Setenv("SOURCE_DATE_EPOCH", "1772400000")
	if _, err := released(t, dir, "-o", out, "-only", "linux/amd64,windows/amd64"); err != nil {
		t.Fatal(err)
	}
	files := contents(t, out)
	want := func(folder, program string) []string {
		const at = " 2026-03-01T21:20:00Z "
		return []string{folder + "/CHANGELOG.md -rw-r--r--" + at + "# Changes", folder + "/LICENSE -rw-r--r--" + at + "As you like.", folder + "/README.md -rw-r--r--" + at + "# Quiver",
			folder + "/THIRD_PARTY_LICENSES.txt -rw-r--r--" + at, folder + "/" + program + " -rwxr-xr-x" + at}
	}
	var got []string
	unpacked, err := gzip.NewReader(bytes.NewReader(files["quiver_v1.2.3_linux_amd64.tar.gz"]))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
			t.Fatal(err, h)
		}
		text, err := io.ReadAll(r)
		if err != nil || len(text) == 0 {
			t.Fatalf("%s has %d bytes: %v", h.Name, len(text), err)
		}
		if strings.HasSuffix(h.Name, "_LICENSES.txt") && !strings.Contains(string(text), "The Go Authors") {
			t.Errorf("%s: %.100s", h.Name, text)
		}
		got = append(got, listing(h.Name, h.FileInfo().Mode(), h.ModTime, text))
	}
	if want := want("quiver_v1.2.3_linux_amd64", "quiver"); !slices.Equal(got, want) {
		t.Errorf("the tar has %q, want %q", got, want)
	}
	archive := files["quiver_v1.2.3_windows_amd64.zip"]
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil || len(text) == 0 {
			t.Fatalf("%s has %d bytes: %v", f.Name, len(text), err)
		}
		got = append(got, listing(f.Name, f.Mode(), f.Modified, text))
	}
	if want := want("quiver_v1.2.3_windows_amd64", "quiver.exe"); !slices.Equal(got, want) {
		t.Errorf("the zip has %q, want %q", got, want)
	}
}

func TestVerifyBelievesWhatItBuildsItself(t *testing.T) {
	dir, out := repository(t), filepath.Join(t.TempDir(), "dist")
	if _, err := released(t, dir, "-o", out, "-only", "linux/amd64"); err != nil {
		t.Fatal(err)
	}
	said, err := released(t, dir, "-verify", out, "-only", "linux/amd64")
	if err != nil || !strings.Contains(said, "quiver_v1.2.3_linux_amd64.tar.gz is the same") {
		t.Fatal(said, err)
	}
	archive := filepath.Join(out, "quiver_v1.2.3_linux_amd64.tar.gz")
	changed := contents(t, out)[filepath.Base(archive)]
	changed[len(changed)/2] ^= 1
	write(t, archive, string(changed))
	if said, err := released(t, dir, "-verify", out, "-only", "linux/amd64"); err == nil || !strings.Contains(err.Error(), "does not have the sum") {
		t.Errorf("a changed archive: %q, %v", said, err)
	}
	var forged sums
	forged.add(filepath.Base(archive), changed)
	write(t, filepath.Join(out, sumsName), string(forged.text()))
	if said, err := released(t, dir, "-verify", out, "-only", "linux/amd64"); err == nil || !strings.Contains(err.Error(), "is not what this commit makes") {
		t.Errorf("a changed archive with its sum: %q, %v", said, err)
	}
	if said, err := released(t, dir, "-verify", out); err == nil || !strings.Contains(err.Error(), "has nothing for linux/arm64") {
		t.Errorf("a target that is not there: %q, %v", said, err)
	}
	git(t, dir, "tag", "--delete", "v1.2.3")
	if said, err := released(t, dir, "-verify", out, "-only", "linux/amd64"); err == nil || !strings.Contains(err.Error(), "this commit makes quiver_v0.0.0-2026") {
		t.Errorf("another version: %q, %v", said, err)
	}
}

func TestWhatIsNotCommittedIsRefusedUnlessTold(t *testing.T) {
	for _, name := range []string{"README.md", "cmd/quiver/new.go"} {
		dir, out := repository(t), filepath.Join(t.TempDir(), "dist")
		write(t, filepath.Join(dir, name), "package main\n")
		if said, err := released(t, dir, "-o", out, "-only", "linux/amd64"); err == nil || !strings.Contains(err.Error(), "not committed") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %q, %v", name, said, err)
		}
		said, err := released(t, dir, "-o", out, "-only", "linux/amd64", "-dirty")
		if err != nil || !strings.Contains(said, "quiver_v1.2.3+dirty_linux_amd64.tar.gz") {
			t.Errorf("%s, when told: %q, %v", name, said, err)
		}
	}
}

func TestWhatCannotBeReleasedIsSaid(t *testing.T) {
	dir, out := repository(t), filepath.Join(t.TempDir(), "dist")
	for _, c := range []struct {
		arguments []string
		want      string
	}{
		{nil, "usage"},
		{[]string{"-o", out, "-verify", out}, "usage"},
		{[]string{"-o", out, "more"}, "usage"},
		{[]string{"-o", out, "-only", "plan9/386"}, "releases are not for"},
		{[]string{"-o", dir}, "is not empty"},
		{[]string{"-verify", out}, "SHA256SUMS"},
	} {
		if _, err := released(t, dir, c.arguments...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.arguments, err, c.want)
		}
	}
	if _, err := released(t, t.TempDir(), "-o", out); err == nil || !strings.Contains(err.Error(), "git checkout") {
		t.Errorf("outside of a checkout: %v", err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := released(t, dir, "-o", out); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("no number: %v", err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "")
	t.Setenv("GOEXPERIMENT", "jsonv2")
	if _, err := released(t, dir, "-o", filepath.Join(out, "x"), "-only", "linux/amd64"); err == nil || !strings.Contains(err.Error(), "GOEXPERIMENT=jsonv2") {
		t.Errorf("an experiment: %v", err)
	}
}

func TestAModuleWithoutALicenseIsNotGivenToOthers(t *testing.T) {
	dir := repository(t)
	write(t, filepath.Join(dir, "other/go.mod"), "module example.test/other\n")
	write(t, filepath.Join(dir, "other/inner/other.go"), "package inner\n")
	write(t, filepath.Join(dir, "go.mod"), "module example.test/quiver\n\ngo 1.26.0\n\nrequire example.test/other v1.0.0\n\nreplace example.test/other => ./other\n")
	write(t, filepath.Join(dir, "cmd/quiver/main.go"), "package main\n\nimport _ \"example.test/other/inner\"\n\nfunc main() {}\n")
	c := checkout{dir: dir}
	if _, err := c.licenses(t.Context(), "linux/amd64"); err == nil || !strings.Contains(err.Error(), "example.test/other@v1.0.0 has no license") {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "other/Licence.md"), "Of the module.\n")
	write(t, filepath.Join(dir, "other/inner/COPYING"), "Of the package.\n")
	write(t, filepath.Join(dir, "other/license_test.go"), "package other\n")
	all, err := c.licenses(t.Context(), "linux/amd64")
	const want = "---- example.test/other@v1.0.0/inner/COPYING\n\nOf the package.\n\n---- example.test/other@v1.0.0/Licence.md\n\nOf the module.\n\n"
	if err != nil || !strings.HasSuffix(string(all), want) {
		t.Errorf("%v, %.300s", err, all[max(0, len(all)-300):])
	}
}
