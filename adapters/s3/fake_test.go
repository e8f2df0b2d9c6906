package s3_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fake is S3 as far as the adapter speaks it: one bucket, "b", in path style and in memory.
type fake struct {
	ignoresConditions       bool                       // of writes, as some servers do
	ignoresDeleteConditions bool                       // as MinIO does
	demands                 func(r *http.Request) bool // what a request must have to be allowed
	keeps                   map[string]string          // codes, by the keys that a bulk delete fails for

	mu      sync.Mutex
	objects map[string]object
	uploads []*unfinished // in the order of a listing
	serial  int           // of requests and uploads
	script  []*fault
}

type object struct {
	content []byte
	etag    string
	changed time.Time
}

func newFake() *fake {
	return &fake{objects: map[string]object{}}
}

// describe says what a request asks for: "PUT k", "GET ?list", "GET ?folders", "POST ?delete", "PUT k?partNumber=2".
func describe(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	query := r.URL.Query()
	switch {
	case query.Has("partNumber"):
		key += "?partNumber=" + query.Get("partNumber")
	case query.Has("uploadId"):
		key += "?uploadId"
	case query.Has("uploads"):
		key += "?uploads" // a POST begins one, a GET lists them
	case query.Has("delimiter"):
		key += "?folders"
	case query.Has("list-type"):
		key += "?list"
	case query.Has("delete"):
		key += "?delete"
	}
	return r.Method + " " + key
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.serial++
	w.Header().Set("X-Amz-Request-Id", fmt.Sprintf("REQUEST%d", f.serial))
	f.mu.Unlock()
	if struck := f.strike(describe(r)); struck != nil {
		struck.do(w, r, f)
		return
	}
	f.serve(w, r)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch query := r.URL.Query(); {
	case strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked"):
		refuse(w, r, http.StatusNotImplemented, "NotImplemented") // as servers do that speak an older S3
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "):
		refuse(w, r, http.StatusForbidden, "AccessDenied")
	case f.demands != nil && !f.demands(r):
		refuse(w, r, http.StatusForbidden, "AccessDenied")
	case name != "b":
		refuse(w, r, http.StatusNotFound, "NoSuchBucket")
	case key == "" && query.Get("list-type") == "2":
		f.list(w, r)
	case key == "" && r.Method == http.MethodGet && query.Has("uploads"):
		f.listUploads(w, r)
	case key == "" && r.Method == http.MethodPost && query.Has("delete"):
		f.deleteAll(w, r)
	case key == "":
		refuse(w, r, http.StatusNotImplemented, "NotImplemented")
	case query.Has("uploads") || query.Has("uploadId"):
		f.upload(w, r, key)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		f.get(w, r, key)
	case r.Header.Get("X-Amz-Copy-Source") != "":
		f.copy(w, r, key)
	case r.Method == http.MethodPut:
		f.put(w, r, key)
	case r.Method == http.MethodDelete:
		f.delete(w, r, key)
	}
}

func (f *fake) get(w http.ResponseWriter, r *http.Request, key string) {
	f.mu.Lock()
	o, ok := f.objects[key]
	f.mu.Unlock()
	match := r.Header.Get("If-Match")
	switch {
	case !ok:
		refuse(w, r, http.StatusNotFound, "NoSuchKey")
		return
	case match != "" && match != o.etag:
		refuse(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Last-Modified", o.changed.UTC().Format(http.TimeFormat))
	content, status := o.content, http.StatusOK
	if span := r.Header.Get("Range"); span != "" {
		from, to := bounds(span, len(o.content))
		if from >= len(o.content) {
			refuse(w, r, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		content, status = o.content[from:to], http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(o.content)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(content)
	}
}

// bounds are those of "bytes=2-5" or "bytes=2-" in an object of a size.
func bounds(span string, size int) (from, to int) {
	first, last, _ := strings.Cut(strings.TrimPrefix(span, "bytes="), "-")
	from, _ = strconv.Atoi(first)
	to = size
	if n, err := strconv.Atoi(last); err == nil {
		to = min(size, n+1)
	}
	return from, to
}

func (f *fake) put(w http.ResponseWriter, r *http.Request, key string) {
	content, err := receive(r)
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "IncompleteBody")
		return
	}
	f.write(w, r, key, content, hash(content))
}

// receive reads the body of a request, all that it announces.
func receive(r *http.Request) ([]byte, error) {
	content := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, content)
	return content, err
}

// write keeps an object, where the condition of the request holds.
func (f *fake) write(w http.ResponseWriter, r *http.Request, key string, content []byte, etag string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if status, code := f.judge(r, key); status != 0 {
		refuse(w, r, status, code)
		return false
	}
	f.objects[key] = object{content, etag, time.Now()}
	w.Header().Set("ETag", etag)
	return true
}

// judge is the refusal of a write whose condition does not hold.
func (f *fake) judge(r *http.Request, key string) (status int, code string) {
	o, exists := f.objects[key]
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	switch {
	case f.ignoresConditions:
	case match == "" && none != "*": // Quiver writes nothing without a condition
		return http.StatusNotImplemented, "NotImplemented"
	case none == "*" && exists, match != "" && exists && match != o.etag:
		return http.StatusPreconditionFailed, "PreconditionFailed"
	case match != "" && !exists:
		return http.StatusNotFound, "NoSuchKey"
	}
	return 0, ""
}

func (f *fake) delete(w http.ResponseWriter, r *http.Request, key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if match := r.Header.Get("If-Match"); match != "" && !f.ignoresDeleteConditions {
		switch o, exists := f.objects[key]; {
		case !exists:
			refuse(w, r, http.StatusNotFound, "NoSuchKey")
			return
		case match != o.etag:
			refuse(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
	}
	delete(f.objects, key)
	w.WriteHeader(http.StatusNoContent)
}

// deleteAll takes a request that is summed up in a way that S3 knows.
func (f *fake) deleteAll(w http.ResponseWriter, r *http.Request) {
	type deleted struct{ Key string }
	type failure struct{ Key, Code, Message string }
	var asked struct {
		Quiet  bool
		Object []struct{ Key string }
	}
	answer := struct {
		XMLName xml.Name `xml:"DeleteResult"`
		Deleted []deleted
		Error   []failure
	}{}
	body, err := io.ReadAll(r.Body)
	sum := md5.Sum(body)
	switch {
	case err != nil:
		refuse(w, r, http.StatusBadRequest, "IncompleteBody")
		return
	case r.Header.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]) && r.Header.Get("X-Amz-Checksum-Crc32") == "":
		refuse(w, r, http.StatusBadRequest, "InvalidRequest")
		return
	case xml.Unmarshal(body, &asked) != nil || len(asked.Object) == 0 || len(asked.Object) > 1000:
		refuse(w, r, http.StatusBadRequest, "MalformedXML")
		return
	}
	f.mu.Lock()
	for _, object := range asked.Object {
		if code := f.keeps[object.Key]; code != "" {
			answer.Error = append(answer.Error, failure{object.Key, code, "The fake says " + code + "."})
			continue
		}
		delete(f.objects, object.Key)
		if !asked.Quiet {
			answer.Deleted = append(answer.Deleted, deleted{object.Key})
		}
	}
	f.mu.Unlock()
	respond(w, http.StatusOK, answer)
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	type content struct {
		Key, LastModified, ETag string
		Size                    int
	}
	type folder struct{ Prefix string }
	type page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name                  string
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
		CommonPrefixes        []folder
	}
	query := r.URL.Query()
	after, most := query.Get("start-after"), 1000
	if token := query.Get("continuation-token"); token != "" {
		after = strings.TrimPrefix(token, "opaque:")
	}
	if n, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		most = min(most, n)
	}
	answer := page{Name: "b"}
	prefix, delimiter := query.Get("prefix"), query.Get("delimiter")
	f.mu.Lock()
	keys := slices.Sorted(maps.Keys(f.objects))
	from, _ := slices.BinarySearch(keys, after)
	last := after
	for _, key := range keys[from:] {
		if key == after || !strings.HasPrefix(key, prefix) || delimiter == "/" && strings.HasSuffix(last, "/") && strings.HasPrefix(key, last) {
			continue
		}
		if len(answer.Contents)+len(answer.CommonPrefixes) == most {
			answer.IsTruncated, answer.NextContinuationToken = true, "opaque:"+last
			break
		}
		if name, _, inside := strings.Cut(key[len(prefix):], "/"); inside && delimiter == "/" {
			last = prefix + name + "/"
			answer.CommonPrefixes = append(answer.CommonPrefixes, folder{last})
			continue
		}
		last = key
		o := f.objects[key]
		answer.Contents = append(answer.Contents, content{key, o.changed.UTC().Format("2006-01-02T15:04:05.000Z"), o.etag, len(o.content)})
	}
	f.mu.Unlock()
	respond(w, http.StatusOK, answer)
}

// hash is the ETag of content that came in one request.
func hash(content []byte) string {
	sum := md5.Sum(content)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// refuse answers with an error of S3, which has no body where a HEAD was asked.
func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return
	}
	respond(w, status, struct {
		XMLName       xml.Name `xml:"Error"`
		Code, Message string
		Request       string `xml:"RequestId"`
	}{Code: code, Message: "The fake says " + code + ".", Request: w.Header().Get("X-Amz-Request-Id")})
}

func respond(w http.ResponseWriter, status int, answer any) {
	text, err := xml.Marshal(answer)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
