package s3_test

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unfinished is an upload in parts that was begun and has not ended.
type unfinished struct {
	key, id string
	begun   time.Time
	parts   map[int][]byte // by number
}

// upload is what has to do with an upload in parts.
func (f *fake) upload(w http.ResponseWriter, r *http.Request, key string) {
	query := r.URL.Query()
	id := query.Get("uploadId")
	under := f.unfinished(key, id)
	switch {
	case query.Has("uploads"):
		id = f.begin(key)
		respond(w, http.StatusOK, struct {
			XMLName xml.Name `xml:"InitiateMultipartUploadResult"`
			ID      string   `xml:"UploadId"`
		}{ID: id})
	case under == nil:
		refuse(w, r, http.StatusNotFound, "NoSuchUpload")
	case r.Method == http.MethodPut:
		content, err := receive(r)
		number, invalid := strconv.Atoi(query.Get("partNumber"))
		if err != nil || invalid != nil {
			refuse(w, r, http.StatusBadRequest, "IncompleteBody")
			return
		}
		f.mu.Lock()
		under.parts[number] = content
		f.mu.Unlock()
		w.Header().Set("ETag", hash(content))
	case r.Method == http.MethodPost:
		f.complete(w, r, under)
	case r.Method == http.MethodDelete:
		f.forget(under)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (f *fake) complete(w http.ResponseWriter, r *http.Request, u *unfinished) {
	parts := u.parts
	var listed struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := xml.NewDecoder(r.Body).Decode(&listed); err != nil || len(listed.Part) != len(parts) {
		refuse(w, r, http.StatusBadRequest, "MalformedXML")
		return
	}
	var ordered, etags [][]byte
	for i, part := range listed.Part {
		if part.PartNumber != i+1 || part.ETag != hash(parts[i+1]) {
			refuse(w, r, http.StatusBadRequest, "InvalidPart")
			return
		}
		ordered, etags = append(ordered, parts[i+1]), append(etags, []byte(part.ETag))
	}
	etag := fmt.Sprintf(`"%s-%d"`, strings.Trim(hash(bytes.Join(etags, nil)), `"`), len(parts))
	if f.write(w, r, u.key, bytes.Join(ordered, nil), etag) {
		f.forget(u)
		respond(w, http.StatusOK, struct {
			XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
			ETag    string
		}{ETag: etag})
	}
}

func (f *fake) forget(u *unfinished) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploads = slices.DeleteFunc(f.uploads, func(other *unfinished) bool { return other == u })
}

// begin begins an upload.
func (f *fake) begin(key string) (id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	u := &unfinished{key, fmt.Sprintf("UPLOAD%d", f.serial), time.Now(), map[int][]byte{}}
	at, _ := slices.BinarySearchFunc(f.uploads, u, func(a, b *unfinished) int { return cmp.Or(strings.Compare(a.key, b.key), -1) }) // the last of its key
	f.uploads = slices.Insert(f.uploads, at, u)
	return u.id
}

func (f *fake) unfinished(key, id string) *unfinished {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.uploads, func(u *unfinished) bool { return u.key == key && u.id == id })
	if at < 0 {
		return nil
	}
	return f.uploads[at]
}

// listUploads begins a page after a key, or, where both are given, after an upload of a key.
func (f *fake) listUploads(w http.ResponseWriter, r *http.Request) {
	type upload struct {
		Key       string
		ID        string `xml:"UploadId"`
		Initiated string
	}
	answer := struct {
		XMLName       xml.Name `xml:"ListMultipartUploadsResult"`
		Bucket        string
		NextKeyMarker string `xml:",omitempty"`
		NextID        string `xml:"NextUploadIdMarker,omitempty"`
		IsTruncated   bool
		Upload        []upload
	}{Bucket: "b"}
	query := r.URL.Query()
	key, id, most := query.Get("key-marker"), query.Get("upload-id-marker"), 1000
	if n, err := strconv.Atoi(query.Get("max-uploads")); err == nil {
		most = min(most, n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	from := slices.IndexFunc(f.uploads, func(u *unfinished) bool { return u.key == key && u.id == id }) + 1
	for _, u := range f.uploads[from:] {
		if !strings.HasPrefix(u.key, query.Get("prefix")) || from == 0 && u.key <= key {
			continue
		}
		if n := len(answer.Upload); n == most {
			answer.IsTruncated, answer.NextKeyMarker, answer.NextID = true, answer.Upload[n-1].Key, answer.Upload[n-1].ID
			break
		}
		answer.Upload = append(answer.Upload, upload{u.key, u.id, u.begun.UTC().Format("2006-01-02T15:04:05.000Z")})
	}
	respond(w, http.StatusOK, answer)
}
