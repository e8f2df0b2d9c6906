package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

// calls yields so many calls, and then an error where there is one.
func calls(n int, err error) iter.Seq2[*quiver.Record, error] {
	return func(yield func(*quiver.Record, error) bool) {
		for i := range n {
			if !yield(&quiver.Record{Call: quiver.Call{Name: "f", Version: callindex.IntVersion(int64(i))}}, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func TestAnExportIsWholeOrNotThere(t *testing.T) {
	broken := errors.New("broken")
	for format := range formats {
		for _, before := range []string{"", "what was there"} {
			for _, failure := range []error{nil, broken} {
				dir := t.TempDir()
				file := filepath.Join(dir, "calls")
				if before != "" {
					if err := os.WriteFile(file, []byte(before), 0o666); err != nil {
						t.Fatal(err)
					}
				}
				a := &app{streams: streams{out: io.Discard, err: io.Discard}}
				done, err := a.export(calls(3000, failure), format, file)
				if !errors.Is(err, failure) {
					t.Fatalf("%s: %v, want %v", format, err, failure)
				}
				entries, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				content, _ := os.ReadFile(file)
				switch {
				case failure == nil && (done.Calls != 3000 || done.Bytes != int64(len(content)) || len(entries) != 1):
					t.Errorf("%s: %+v of %d bytes, beside %v", format, done, len(content), entries)
				case failure != nil && (string(content) != before || len(entries) != min(1, len(before))):
					t.Errorf("%s: a failed export left %q and %v", format, content, entries)
				}
			}
		}
	}
}

// full is a disk that has no room.
type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: ".calls.0123", Err: errors.New("no room")}
}

func TestAnExportThatCannotBeWrittenSaysWhere(t *testing.T) {
	for format := range formats {
		for _, n := range []int{1, 5000} {
			a := &app{streams: streams{out: full{}, err: io.Discard}}
			if _, err := a.export(calls(n, nil), format, ""); err == nil || !strings.HasSuffix(err.Error(), "writing to standard output: no room") {
				t.Errorf("%s of %d calls: %v", format, n, err)
			}
		}
	}
	a := &app{streams: streams{err: io.Discard}}
	if _, err := a.export(calls(1, nil), "csv", filepath.Join(t.TempDir(), "none", "calls.csv")); err == nil || !strings.Contains(err.Error(), "calls.csv: ") {
		t.Error(err)
	}
	if runtime.GOOS == "linux" {
		if _, err := a.export(calls(1, nil), "csv", "/dev/full"); err == nil || err.Error() != "writing to /dev/full: no space left on device" {
			t.Error(err)
		}
		if done, err := a.export(calls(9, nil), "csv", os.DevNull); err != nil || done.Calls != 9 {
			t.Errorf("%+v, %v", done, err)
		}
	}
}

func TestAnInterruptedExportLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	var talk bytes.Buffer
	a := &app{streams: streams{out: io.Discard, err: &talk}, getenv: func(string) string { return "" }, clock: op.SystemClock()}
	status := a.run(ctx, []string{"--store", filepath.Join(dir, "store"), "export", "-o", filepath.Join(dir, "calls.csv")})
	left, err := filepath.Glob(filepath.Join(dir, "*calls*"))
	if status != exitInterrupted || len(left) > 0 || err != nil || !strings.HasSuffix(talk.String(), "quiver: interrupted\n") {
		t.Errorf("status %d, %v, %v: %s", status, left, err, &talk)
	}
}

func TestAParquetFileIsNotForATerminal(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // the only one whose terminals are to be had by their name
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var talk bytes.Buffer
	a := &app{streams: streams{out: terminal, err: &talk}, getenv: func(string) string { return "" }, clock: op.SystemClock()}
	status := a.run(t.Context(), []string{"--store", filepath.Join(t.TempDir(), "store"), "export", "--format", "parquet", "-o", "-"})
	if status != exitUsage || !strings.Contains(talk.String(), "-o FILE") {
		t.Errorf("status %d: %s", status, &talk)
	}
}

func TestEveryCallSurvivesJSONLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a\r\nb", "\"", "<&>\u2028", "\x00"}))
		r := &quiver.Record{
			Call:   quiver.Call{Name: "f" + text.Draw(t, "name"), Module: text.Draw(t, "module"), Version: callindex.ParseVersion(text.Draw(t, "version")), Code: digest.Digest{byte(rapid.IntRange(0, 1).Draw(t, "code"))}},
			Result: digest.Digest{byte(rapid.IntRange(0, 1).Draw(t, "result"))}, Saved: time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).UTC(),
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "arguments") {
			r.Arguments = append(r.Arguments, callindex.Argument{Name: text.Draw(t, "argument"), Digest: digest.Digest{9, byte(i)}})
			r.Parts = append(r.Parts, digest.Digest{8, byte(i)})
		}
		if rapid.Bool().Draw(t, "metadata") {
			r.Metadata = quiver.Metadata{text.Draw(t, "group"): {text.Draw(t, "member"): text.Draw(t, "value"), "n": json.Number("1e400"), "list": []any{nil, true}}}
		}
		var out bytes.Buffer
		if err := formats["jsonl"](&out).Write(digest.Digest{7}, r); err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.String(), "\n") != 1 {
			t.Fatalf("%q is not a line", &out)
		}
		var line callJSON
		decoder := json.NewDecoder(&out)
		decoder.UseNumber()
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		got := &quiver.Record{
			Call:   quiver.Call{Name: line.Name, Module: line.Module, Version: line.Version, Code: line.Code},
			Result: line.Result, Parts: line.Parts, Metadata: line.Metadata, Saved: line.Saved,
		}
		if len(line.Arguments) > 0 {
			got.Arguments = line.Arguments
		}
		if line.Key != (digest.Digest{7}) || !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v\nis not\n%+v", got, r)
		}
	})
}
