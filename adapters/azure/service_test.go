package azure_test

import (
	"cmp"
	"encoding/base64"
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

// service is a hand-written Azure Blob Storage with the one container "c" of the account "account". What no emulator does is done by its faults.
type service struct {
	mu            sync.Mutex
	blobs         map[string]stored
	blocks        map[string]map[string][]byte // not committed
	writes        int
	pages         int    // blobs a page at the most; 0: as many as were asked for
	token         string // the sig of a SAS token that requests must have; empty: any request will do
	unconditional bool   // conditions are ignored
	seen          []*http.Request
	faults        []*fault
}

type stored struct {
	content  []byte
	etag     string // without quotes
	modified time.Time
}

// fault does something else with requests that are noted as on (see name): before, or instead of, what the service does.
type fault struct {
	on     string
	times  int // how many requests it still has to strike; 0: all of them
	struck bool
	do     func(w http.ResponseWriter, r *http.Request, served http.HandlerFunc)
}

// storeTime is the clock of the service, which is not that of the machine.
var storeTime = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func newService() *service {
	return &service{blobs: map[string]stored{}, blocks: map[string]map[string][]byte{}}
}

// name is how a request is noted: "PUT a/b", "PUT a/b?block", "LIST prefix", "FOLDERS prefix/".
func name(r *http.Request) string {
	path, _ := strings.CutPrefix(r.URL.Path, "/account") // an emulator has the account in the path, Azure in the host
	key := strings.TrimPrefix(strings.TrimPrefix(path, "/c"), "/")
	query := r.URL.Query()
	if query.Get("restype") == "container" && query.Get("comp") == "list" {
		if query.Has("delimiter") {
			return "FOLDERS " + query.Get("prefix")
		}
		return "LIST " + query.Get("prefix")
	}
	if comp := query.Get("comp"); comp != "" {
		key += "?" + comp
	}
	return r.Method + " " + key
}

// next lets a fault strike the next requests of a name.
func (s *service) next(on string, times int, do func(w http.ResponseWriter, r *http.Request, served http.HandlerFunc)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{on: on, times: times, do: do})
}

// unused are the faults that struck no request, or fewer than they should.
func (s *service) unused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, f := range s.faults {
		if f.times > 0 || !f.struck {
			names = append(names, fmt.Sprintf("%s, %d times", f.on, f.times))
		}
	}
	return names
}

// requests are those that came since it was called last.
func (s *service) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", storeTime.Format(http.TimeFormat))
	w.Header().Set("X-Ms-Request-Id", "request-1")
	if f := s.strike(r); f != nil {
		f.do(w, r, s.serve)
		return
	}
	s.serve(w, r)
}

func (s *service) strike(r *http.Request) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r)
	at := slices.IndexFunc(s.faults, func(f *fault) bool { return f.on == name(r) })
	if at < 0 {
		return nil
	}
	f := s.faults[at]
	f.struck = true
	if f.times > 0 {
		if f.times--; f.times == 0 {
			s.faults = slices.Delete(s.faults, at, at+1)
		}
	}
	return f
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, max(r.ContentLength, 0))
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return // and nothing is kept
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && r.URL.Query().Get("sig") != s.token {
		say(w, http.StatusForbidden, "AuthenticationFailed", "Server failed to authenticate the request.")
		return
	}
	verb, key, _ := strings.Cut(name(r), " ")
	key, comp, _ := strings.Cut(key, "?")
	blob, there := s.blobs[key]
	switch {
	case verb == "LIST", verb == "FOLDERS":
		s.list(w, r)
	case verb == http.MethodPut && comp == "block":
		if s.blocks[key] == nil {
			s.blocks[key] = map[string][]byte{}
		}
		s.blocks[key][r.URL.Query().Get("blockid")] = body
		w.WriteHeader(http.StatusCreated)
	case verb == http.MethodPut && comp == "blocklist":
		s.commit(w, r, key, body)
	case verb == http.MethodPut:
		if s.holds(w, r, key) {
			s.keep(w, key, body)
		}
	case !there && verb == http.MethodDelete && r.Header.Get("If-Match") != "":
		say(w, http.StatusPreconditionFailed, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
	case !there:
		say(w, http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
	case !s.holds(w, r, key):
	case verb == http.MethodDelete:
		delete(s.blobs, key)
		w.WriteHeader(http.StatusAccepted)
	default:
		blob.send(w, r)
	}
}

// holds says whether the condition of a request does, and answers where it does not.
func (s *service) holds(w http.ResponseWriter, r *http.Request, key string) bool {
	blob, there := s.blobs[key]
	switch match := r.Header.Get("If-Match"); {
	case s.unconditional:
	case r.Header.Get("If-None-Match") == "*" && there:
		say(w, http.StatusConflict, "BlobAlreadyExists", "The specified blob already exists.")
		return false
	case match != "" && (!there || match != `"`+blob.etag+`"`):
		say(w, http.StatusPreconditionFailed, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
		return false
	}
	return true
}

func (s *service) keep(w http.ResponseWriter, key string, content []byte) {
	s.writes++
	blob := stored{content, fmt.Sprintf("0x8DF%X", s.writes), storeTime.Add(-time.Minute)}
	s.blobs[key] = blob
	delete(s.blocks, key)
	blob.describe(w)
	w.WriteHeader(http.StatusCreated)
}

func (s *service) commit(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	var list struct{ Latest []string }
	if err := xml.Unmarshal(body, &list); err != nil {
		say(w, http.StatusBadRequest, "InvalidXmlDocument", err.Error())
		return
	}
	if !s.holds(w, r, key) {
		return
	}
	var content []byte
	for _, id := range list.Latest {
		block, ok := s.blocks[key][id]
		if !ok {
			say(w, http.StatusBadRequest, "InvalidBlockList", "The specified block list is invalid.")
			return
		}
		content = append(content, block...)
	}
	s.keep(w, key, content)
}

func (b stored) describe(w http.ResponseWriter) {
	w.Header().Set("ETag", `"`+b.etag+`"`)
	w.Header().Set("Last-Modified", b.modified.Format(http.TimeFormat))
	w.Header().Set("X-Ms-Creation-Time", b.modified.Format(http.TimeFormat))
}

func (b stored) send(w http.ResponseWriter, r *http.Request) {
	b.describe(w)
	from, to, status := 0, len(b.content), http.StatusOK
	if part, ok := strings.CutPrefix(r.Header.Get("X-Ms-Range"), "bytes="); ok {
		first, last, _ := strings.Cut(part, "-")
		from, _ = strconv.Atoi(first)
		if last != "" {
			end, _ := strconv.Atoi(last)
			to = min(end+1, to)
		}
		if from >= len(b.content) {
			say(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The range specified is invalid for the current size of the resource.")
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(b.content)))
		status = http.StatusPartialContent
	}
	w.Header().Set("Content-Length", strconv.Itoa(to-from))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		if _, err := w.Write(b.content[from:to]); err != nil {
			return // the client has gone
		}
	}
}

func (s *service) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	size, _ := strconv.Atoi(query.Get("maxresults"))
	size = min(size, 5000, cmp.Or(s.pages, 5000))
	marker, _ := base64.StdEncoding.DecodeString(query.Get("marker"))
	prefix, after := query.Get("prefix"), string(marker)
	var blobs, next string
	for _, key := range slices.Sorted(maps.Keys(s.blobs)) {
		if !strings.HasPrefix(key, prefix) || key <= after || query.Has("delimiter") && strings.HasSuffix(after, "/") && strings.HasPrefix(key, after) {
			continue
		}
		if size == 0 {
			next = base64.StdEncoding.EncodeToString([]byte(after))
			break
		}
		size, after = size-1, key
		if folder, _, inside := strings.Cut(key[len(prefix):], query.Get("delimiter")); inside && query.Has("delimiter") {
			after = prefix + folder + "/"
			blobs += "<BlobPrefix><Name>" + after + "</Name></BlobPrefix>"
			continue
		}
		blob := s.blobs[key]
		blobs += fmt.Sprintf("<Blob><Name>%s</Name><Properties><Last-Modified>%s</Last-Modified><Etag>%s</Etag><Content-Length>%d</Content-Length></Properties></Blob>",
			key, blob.modified.Format(http.TimeFormat), blob.etag, len(blob.content))
	}
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprintf(w, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>%s</Blobs><NextMarker>%s</NextMarker></EnumerationResults>", blobs, next)
}

// say refuses a request as Azure does.
func say(w http.ResponseWriter, status int, code, message string) {
	w.Header().Del("Content-Range")
	w.Header().Set("X-Ms-Error-Code", code)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>%s\nRequestId:request-1\nTime:2030-01-02T03:04:05Z</Message></Error>", code, message)
}

// saying is a fault that refuses.
func saying(status int, code, message string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		drain(r)
		say(w, status, code, message)
	}
}

// drain reads the body of a request. That its client goes meanwhile is no matter.
func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

// hangUp is a fault that closes the connection.
func hangUp(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }

// silence is a fault that does not answer before its client goes.
func silence(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	drain(r)
	<-r.Context().Done()
}

// landing is a fault that does the request, and then something else than answering so.
func landing(after func(w http.ResponseWriter)) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, served http.HandlerFunc) {
		served(discarding{http.Header{}}, r)
		after(w)
	}
}

type discarding struct{ header http.Header }

func (d discarding) Header() http.Header         { return d.header }
func (d discarding) WriteHeader(int)             {}
func (d discarding) Write(p []byte) (int, error) { return len(p), nil }

// cutting is a fault that sends half of a body and hangs up.
func cutting(w http.ResponseWriter, r *http.Request, served http.HandlerFunc) {
	served(&half{ResponseWriter: w}, r)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

type half struct{ http.ResponseWriter }

func (h *half) Write(p []byte) (int, error) {
	if _, err := h.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	return len(p), nil
}
