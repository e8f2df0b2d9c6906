package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quivercache/quiver/op"
)

// readOnlyS3 is a bucket of S3 with one mark, that may be read and not written.
func readOnlyS3(t *testing.T) (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, code string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
		}
		switch list := r.URL.Query().Has("list-type"); {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			refuse(http.StatusForbidden, "AccessDenied")
		case list && r.URL.Query().Get("delimiter") != "":
			fmt.Fprint(w, "<ListBucketResult><Name>bucket</Name><CommonPrefixes><Prefix>index/25/</Prefix></CommonPrefixes></ListBucketResult>")
		case list:
			fmt.Fprintf(w, "<ListBucketResult><Name>bucket</Name><Contents><Key>index/25/marks/9693bbb6/%s.%s.%s</Key><Size>0</Size>"+
				`<ETag>"e"</ETag><LastModified>2026-11-22T10:00:00Z</LastModified></Contents></ListBucketResult>`,
				strings.Repeat("a", 64), strings.Repeat("0", 16), strings.Repeat("b", 32))
		case strings.HasSuffix(r.URL.Path, "/quiver.json"):
			w.Header().Set("ETag", `"q"`)
			fmt.Fprintf(w, `{"format":1,"shards":64,"digests":"quiver1","store":%q}`, strings.Repeat("c", 32))
		default:
			refuse(http.StatusNotFound, "NoSuchKey")
		}
	}))
	t.Cleanup(server.Close)
	return "s3://bucket?region=r&use_path_style=true&anonymous=true&endpoint=" + server.URL
}

func TestWhoMayNotWriteQueriesAllTheSameAndIsToldOnceThatNothingWasFolded(t *testing.T) {
	store := readOnlyS3(t)
	run := func(arguments ...string) (status int, out, talk string) {
		var stdout, stderr bytes.Buffer
		a := &app{streams: streams{in: strings.NewReader(""), out: &stdout, err: &stderr}, getenv: func(string) string { return "" }, clock: op.SystemClock()}
		status = a.run(t.Context(), append([]string{"--store", store, "--cache-dir", noCache}, arguments...))
		return status, stdout.String(), stderr.String()
	}
	for _, command := range [][]string{{"fold"}, {"fold", "--function", "train"}, {"fold", "--json"}, {"fold", "--sweep"}, {"fold", "--compact"}} {
		status, out, talk := run(command...)
		if status != exitStore || out != "" || strings.Count(talk, "\n") != 1 || strings.Count(talk, "AccessDenied") != 1 {
			t.Errorf("%v: status %d, %q, %q", command, status, out, talk)
		}
	}
	status, out, talk := run("query", "--name", "train", "--count")
	if status != exitDone || out != "0\n" || talk != "quiver: calls that are not folded yet: 1\n" {
		t.Errorf("query: status %d, %q, %q", status, out, talk)
	}
}
