package gcs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/quivercache/quiver/adapters/gcs"
	"github.com/quivercache/quiver/bucket"
)

// name is that of the bucket that a fake has.
const name = "shelf"

// fake is a Google Cloud Storage in memory with one bucket. It answers as the real one is documented to, and as badly as it is told to.
type fake struct {
	*httptest.Server
	ignores bool // conditions
	foreign bool // its clients do not watch answers

	mu       sync.Mutex
	objects  map[string]object
	sessions map[string]session // uploads in parts, by their paths
	latest   int64              // generation
	sent     []string           // requests, as their clients sent them
	headers  []http.Header      // of the requests that arrived
	queries  []url.Values
	faults   []fault // instead of the next answers
}

type object struct {
	content    []byte
	generation int64
	updated    time.Time
}

type session struct {
	key    string
	query  url.Values
	buffer []byte
}

// fault is an answer to a request whose body has come whole. It may serve it as well.
type fault func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

func newFake(t testing.TB) *fake {
	f := &fake{objects: map[string]object{}, sessions: map[string]session{}, latest: 1_700_000_000_000_000}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// open returns the fake's bucket, through the SDK.
func (f *fake) open(t testing.TB, options *gcs.Options) bucket.Bucket {
	b, err := gcs.New(t.Context(), f.client(t), name, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func (f *fake) client(t testing.TB) *storage.Client {
	base := &http.Transport{}
	t.Cleanup(base.CloseIdleConnections)
	transport := gcs.Watched(counting{f, base})
	if f.foreign {
		transport = counting{f, base}
	}
	client, err := storage.NewClient(t.Context(), option.WithoutAuthentication(), option.WithEndpoint(f.URL+"/storage/v1/"), option.WithHTTPClient(&http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// counting counts requests as they are sent.
type counting struct {
	f    *fake
	base http.RoundTripper
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.f.mu.Lock()
	c.f.sent = append(c.f.sent, r.Method+" "+kind(r.URL))
	c.f.mu.Unlock()
	return c.base.RoundTrip(r)
}

func kind(u *url.URL) string {
	switch path := u.EscapedPath(); {
	case strings.HasPrefix(path, "/upload/"):
		return u.Query().Get("uploadType")
	case strings.HasPrefix(path, "/session/"):
		return "part"
	case path == "/storage/v1/b/"+name:
		return "bucket"
	case path == "/storage/v1/b/"+name+"/o" && u.Query().Get("delimiter") != "":
		return "folders"
	case path == "/storage/v1/b/"+name+"/o":
		return "list"
	case strings.Contains(path, "/rewriteTo/"):
		return "copy"
	case strings.HasPrefix(path, "/storage/"):
		return "object"
	}
	return "media"
}

// requests are those sent since it was asked last.
func (f *fake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := f.sent
	f.sent = nil
	return sent
}

// fail gives the next requests these answers.
func (f *fake) fail(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, faults...)
}

// content is what the fake keeps of a key.
func (f *fake) content(key string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept, ok := f.objects[key]
	return string(kept.content), ok
}

// put changes an object behind everybody's back.
func (f *fake) put(key, content string) bucket.Version {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bucket.Version(strconv.FormatInt(f.keep(key, []byte(content)).generation, 10))
}

func (f *fake) keep(key string, content []byte) object {
	f.latest++
	f.objects[key] = object{content, f.latest, time.UnixMicro(f.latest).UTC()}
	return f.objects[key]
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Guploader-Uploadid", "upload-7")
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return // nobody waits, and nothing happens
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	f.mu.Lock()
	f.headers, f.queries = append(f.headers, r.Header), append(f.queries, r.URL.Query())
	var next fault
	if len(f.faults) > 0 {
		next, f.faults = f.faults[0], f.faults[1:]
	}
	f.mu.Unlock()
	if next != nil {
		next(w, r, f.serve)
		return
	}
	f.serve(w, r)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path, reads := r.URL.EscapedPath(), kind(r.URL) == "media"
	if kind(r.URL) == "part" {
		f.part(w, r)
		return
	}
	path = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(path, "/upload"), "/storage/v1/b"), "/")
	in, escaped, _ := strings.Cut(path, "/")
	if !reads {
		escaped = strings.TrimPrefix(escaped, "o/")
	}
	key, _ := url.PathUnescape(escaped)
	switch {
	case in != name && reads:
		explainXML(w, 404, "NoSuchBucket", "The specified bucket does not exist.")
	case in != name:
		explain(w, 404, "notFound", "The specified bucket does not exist.")
	case reads:
		f.read(w, r, key)
	case kind(r.URL) == "copy":
		f.copy(w, r, escaped)
	case r.Method == "POST":
		f.write(w, r)
	case kind(r.URL) == "list", kind(r.URL) == "folders":
		f.list(w, r.URL.Query())
	case kind(r.URL) == "bucket":
		reply(w, map[string]any{
			"name": name, "location": "EUROPE-WEST3", "versioning": map[string]any{"enabled": true}, "softDeletePolicy": map[string]any{"retentionDurationSeconds": "604800"},
		})
	default:
		f.object(w, r, key)
	}
}

// explain refuses as the JSON interface does, explainXML as that for reading.
func explain(w http.ResponseWriter, status int, reason, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	reply(w, map[string]any{"error": map[string]any{"code": status, "message": message, "errors": []map[string]any{{"domain": "global", "reason": reason, "message": message}}}})
}

func explainXML(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

func reply(w io.Writer, value any) { _ = json.NewEncoder(w).Encode(value) }

// meets says whether a generation that a request demands is that of an object, 0 where there is none.
func (f *fake) meets(demanded, key string) bool {
	return f.ignores || demanded == "" || demanded == strconv.FormatInt(f.objects[key].generation, 10)
}

func (f *fake) read(w http.ResponseWriter, r *http.Request, key string) {
	kept, ok := f.objects[key]
	switch {
	case !ok:
		explainXML(w, 404, "NoSuchKey", "The specified key does not exist.")
		return
	case !f.meets(r.Header.Get("X-Goog-If-Generation-Match"), key):
		explainXML(w, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
		return
	}
	w.Header().Set("X-Goog-Generation", strconv.FormatInt(kept.generation, 10))
	w.Header().Set("X-Goog-Hash", "crc32c="+checksum(kept.content))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", kept.updated, bytes.NewReader(kept.content))
}

func checksum(content []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli))))
}

func describe(key string, kept object) map[string]any {
	return map[string]any{"bucket": name, "name": key, "size": strconv.Itoa(len(kept.content)), "generation": strconv.FormatInt(kept.generation, 10), "updated": kept.updated, "crc32c": checksum(kept.content)}
}

func (f *fake) object(w http.ResponseWriter, r *http.Request, key string) {
	kept, ok := f.objects[key]
	switch {
	case !f.meets(r.URL.Query().Get("ifGenerationMatch"), key):
		explain(w, 412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
	case !ok:
		explain(w, 404, "notFound", "No such object: "+name+"/"+key)
	case r.Method == "DELETE":
		delete(f.objects, key)
		w.WriteHeader(204)
	default:
		reply(w, describe(key, kept))
	}
}

func (f *fake) list(w http.ResponseWriter, query url.Values) {
	size, _ := strconv.Atoi(query.Get("maxResults"))
	answer, items, folders := map[string]any{}, []map[string]any{}, []string{}
	prefix, last := query.Get("prefix"), query.Get("pageToken")
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(key, prefix) || key < query.Get("startOffset") || key <= last || query.Get("delimiter") != "" && strings.HasSuffix(last, "/") && strings.HasPrefix(key, last) {
			continue
		}
		if len(items)+len(folders) == min(size, 1000) {
			answer["nextPageToken"] = last
			break
		}
		if name, _, inside := strings.Cut(key[len(prefix):], query.Get("delimiter")); inside && query.Get("delimiter") != "" {
			last = prefix + name + "/"
			folders = append(folders, last)
			continue
		}
		last = key
		items = append(items, describe(key, f.objects[key]))
	}
	answer["items"], answer["prefixes"] = items, folders
	reply(w, answer)
}

// write takes an upload: all of it, or the beginning of a session.
func (f *fake) write(w http.ResponseWriter, r *http.Request) {
	var metadata struct{ Name, Crc32c string }
	query := r.URL.Query()
	if query.Get("uploadType") == "resumable" {
		if err := json.NewDecoder(r.Body).Decode(&metadata); err != nil {
			explain(w, 400, "parseError", err.Error())
			return
		}
		path := fmt.Sprint("/session/", len(f.sessions))
		f.sessions[path] = session{key: metadata.Name, query: query}
		w.Header().Set("Location", f.URL+path)
		return
	}
	_, parameters, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	parts := multipart.NewReader(r.Body, parameters["boundary"])
	first, err := parts.NextPart()
	if err == nil {
		err = json.NewDecoder(first).Decode(&metadata)
	}
	var content []byte
	if second, failure := parts.NextPart(); err == nil && failure == nil {
		content, err = io.ReadAll(second)
	}
	switch {
	case err != nil:
		explain(w, 400, "badRequest", err.Error())
	case metadata.Crc32c != checksum(content):
		explain(w, 400, "invalid", fmt.Sprintf("Provided CRC32C %q doesn't match calculated CRC32C %q.", metadata.Crc32c, checksum(content)))
	default:
		f.land(w, metadata.Name, query, content)
	}
}

func (f *fake) land(w http.ResponseWriter, key string, query url.Values, content []byte) {
	if !f.meets(query.Get("ifGenerationMatch"), key) {
		explain(w, 412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
		return
	}
	reply(w, describe(key, f.keep(key, content)))
}

// part takes a part of an upload.
func (f *fake) part(w http.ResponseWriter, r *http.Request) {
	s := f.sessions[r.URL.Path]
	content, _ := io.ReadAll(r.Body)
	s.buffer = append(s.buffer, content...)
	f.sessions[r.URL.Path] = s
	if strings.HasSuffix(r.Header.Get("Content-Range"), "/*") {
		w.Header().Set("X-Http-Status-Code-Override", "308")
		return
	}
	f.land(w, s.key, s.query, s.buffer)
}

// answers answers without a look at the request.
func answers(status int, reason, message string) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		if kind(r.URL) == "media" {
			explainXML(w, status, reason, message)
			return
		}
		explain(w, status, reason, message)
	}
}

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { <-r.Context().Done() }

// landed does what it is asked to, and answers that it has failed.
func landed(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	serve(httptest.NewRecorder(), r)
	explain(w, 500, "internalError", "We encountered an internal error. Please try again.")
}

// cut answers with the first bytes of a body, does something, and ends the connection.
func cut(n int, meanwhile func()) fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		whole := httptest.NewRecorder()
		serve(whole, r)
		maps.Copy(w.Header(), whole.Header())
		w.WriteHeader(whole.Code)
		fmt.Fprint(w, whole.Body.String()[:n])
		w.(http.Flusher).Flush()
		meanwhile()
		panic(http.ErrAbortHandler)
	}
}

// damaged changes a byte of the body on its way.
func damaged(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	content, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(content, []byte("hello"), []byte("hallo"), 1)))
	serve(w, r)
}
