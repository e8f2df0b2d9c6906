package buckettest_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/op"
)

// mutation is a bucket that is broken in one way, and the cases that must notice.
type mutation struct {
	name    string
	breaks  bucket.Middleware
	noticed []string
}

// around makes a middleware of a function that has the bucket's own handler as its last argument.
func around(handle func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error)) bucket.Middleware {
	return func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) { return handle(ctx, r, next) }
	}
}

// only breaks one verb.
func only(verb bucket.Verb, handle func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error)) bucket.Middleware {
	return around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		if r.Verb == verb {
			return handle(ctx, r, next)
		}
		return next(ctx, r)
	})
}

// changing breaks the requests of one verb.
func changing(verb bucket.Verb, change func(r *bucket.Request)) bucket.Middleware {
	return only(verb, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		changed := *r
		change(&changed)
		return next(ctx, &changed)
	})
}

// answering breaks the answers to one verb.
func answering(verb bucket.Verb, change func(answer bucket.Answer, err error) (bucket.Answer, error)) bucket.Middleware {
	return only(verb, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		return change(next(ctx, r))
	})
}

// instead replaces a kind of failure by another error, of all verbs.
func instead(kind, err error) bucket.Middleware {
	return around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
		answer, failed := next(ctx, r)
		if errors.Is(failed, kind) {
			return bucket.Answer{}, err
		}
		return answer, failed
	})
}

// overwrite puts without a condition.
func overwrite(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
	for {
		runtime.Gosched()
		stat, err := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key})
		put := *r
		put.Condition = bucket.IfAbsent()
		if err == nil {
			put.Condition = bucket.IfMatch(stat.Info.Version)
		}
		answer, err := next(ctx, &put)
		if !errors.Is(err, bucket.ErrExists) && !errors.Is(err, bucket.ErrChanged) {
			return answer, err
		}
	}
}

func wrapBody(answer bucket.Answer, body func(bucket.Object) io.Reader) bucket.Answer {
	if answer.Object != nil {
		object := *answer.Object
		object.Body = struct {
			io.Reader
			io.Closer
		}{body(*answer.Object), object.Body}
		answer.Object = &object
	}
	return answer
}

type lenient struct{ bucket.Source }

func (s lenient) Size() int64 { return -1 }

func (s lenient) Open() (io.ReadCloser, error) {
	body, err := s.Source.Open()
	if err != nil {
		return io.NopCloser(strings.NewReader("")), nil
	}
	content, _ := io.ReadAll(body)
	return io.NopCloser(strings.NewReader(string(content))), body.Close()
}

type leaking struct{ bucket.Source }

func (s leaking) Open() (io.ReadCloser, error) {
	body, err := s.Source.Open()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(body), nil
}

func mutations() []mutation {
	var late struct {
		sync.Mutex
		key string
	}
	put, get, list := bucket.Put, bucket.Get, bucket.List
	return []mutation{
		{"IfAbsent is ignored", only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if r.Condition.Absent() {
				return overwrite(ctx, r, next)
			}
			return next(ctx, r)
		}), []string{"IfAbsent fails with ErrExists where there is an object", "IfAbsent fails with ErrExists where there is an object without bytes",
			"of many that create one object one wins", "every body that is opened is closed"}},
		{"a write tells another version", answering(put, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			answer.Info.Version = "another"
			return answer, err
		}), []string{"a write that tells its version tells the one that Stat does"}},
		{"IfMatch is ignored", only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if r.Condition.Version() != "" {
				return overwrite(ctx, r, next)
			}
			return next(ctx, r)
		}), []string{"IfMatch fails with ErrChanged where there is another version", "IfMatch fails with ErrChanged where there is no object",
			"IfMatch fails with ErrChanged where the object was made anew", "of many that replace one version one wins", "of a DeleteIf and an IfMatch of one version one wins"}},
		{"a missing condition is ignored", only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if r.Condition == (bucket.Condition{}) {
				return overwrite(ctx, r, next)
			}
			return next(ctx, r)
		}), []string{"a write without a condition is refused"}},
		{"conditions are checked before, not while writing", only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			stat, err := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key})
			if r.Condition.Absent() != (err != nil) || !r.Condition.Absent() && stat.Info.Version != r.Condition.Version() {
				return next(ctx, r)
			}
			runtime.Gosched()
			return overwrite(ctx, r, next)
		}), []string{"of many that create one object one wins", "of many that replace one version one wins"}},
		{"IfMatch answers ErrNotFound where there is no object", only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			if _, missing := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key}); errors.Is(err, bucket.ErrChanged) && missing != nil {
				return answer, missing
			}
			return answer, err
		}), []string{"IfMatch fails with ErrChanged where there is no object"}},
		{"replacing does nothing", only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if stat, err := next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key}); err == nil && stat.Info.Version == r.Condition.Version() {
				return bucket.Answer{}, nil
			}
			return next(ctx, r)
		}), []string{"IfMatch replaces the version that was read", "Stat says what Get says"}},
		{"creating does nothing", only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return bucket.Answer{}, r.Condition.Check()
		}), []string{"IfAbsent creates", "Get returns what was put, and describes it", "a body may be as large as it likes", "a body may be a section of something larger",
			"a body may have a size that is not known", "keys are taken as they are", "a key can be used again after Delete", "Delete removes an object",
			"Get of an object without bytes yields none"}},
		{"bodies that fail are stored as far as they go", changing(put, func(r *bucket.Request) { r.Body = lenient{r.Body} }), []string{"a body that fails makes no object",
			"a body that cannot be opened makes no object", "a body shorter than announced makes no object", "a body longer than announced makes no object"}},
		{"bodies are not closed", changing(put, func(r *bucket.Request) { r.Body = leaking{r.Body} }), []string{"every body that is opened is closed"}},
		{"reads are torn", only(get, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			return wrapBody(answer, func(o bucket.Object) io.Reader {
				first, _ := io.ReadAll(io.LimitReader(o.Body, o.Size/2))
				runtime.Gosched()
				again, err := next(ctx, r)
				if err != nil {
					return strings.NewReader(string(first))
				}
				rest, _ := io.ReadAll(again.Object.Body)
				return strings.NewReader((string(first) + string(rest[min(len(first), len(rest)):]))[:])
			}), err
		}), []string{"readers beside writers see whole objects"}},
		{"bodies end early, without an error", answering(get, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			return wrapBody(answer, func(o bucket.Object) io.Reader { return io.LimitReader(o.Body, 1<<18) }), err
		}), []string{"a body yields every byte, and io.EOF for ever", "a body outlives the return of Get"}},
		{"bodies are those of now, not of then", only(get, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			return wrapBody(answer, func(bucket.Object) io.Reader { return &lateReader{ctx: ctx, r: r, next: next} }), err
		}), []string{"a body that was opened before its object went is old or fails"}},
		{"closing a body early spoils the next", func() bucket.Middleware {
			var spoilt bool
			return only(get, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
				if spoilt {
					return bucket.Answer{}, &bucket.Error{Verb: get, Key: r.Key, Kind: bucket.ErrUnavailable}
				}
				spoilt = true
				return next(ctx, r)
			})
		}(), []string{"a body may be closed before its end"}},
		{"Get of a missing object yields an empty one", only(get, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			if errors.Is(err, bucket.ErrNotFound) {
				return bucket.Answer{Object: &bucket.Object{Info: bucket.Info{Key: r.Key}, Body: io.NopCloser(strings.NewReader(""))}}, nil
			}
			return answer, err
		}), []string{"Get of a missing object fails with ErrNotFound", "a folder is no object"}},
		{"Stat of a missing object says that it has no bytes", answering(bucket.Stat, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			return answer, nil
		}), []string{"Stat of a missing object fails with ErrNotFound", "a folder is no object"}},
		{"Stat is out of date", answering(bucket.Stat, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			answer.Info.Version = "1"
			return answer, err
		}), []string{"Stat says what Get says"}},
		{"Get returns no version", answering(get, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			if answer.Object != nil {
				answer.Object.Version = ""
			}
			return answer, err
		}), []string{"Get returns what was put, and describes it"}},
		{"listing is late", around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			late.Lock()
			defer late.Unlock()
			if r.Verb == put {
				late.key = r.Key
			}
			answer.Page.Objects = slices.DeleteFunc(answer.Page.Objects, func(info bucket.Info) bool { return info.Key == late.key })
			return answer, err
		}), []string{"List shows at once what was put, and no more what was deleted", "IfAbsent creates"}},
		{"listing is in reverse", answering(list, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			slices.Reverse(answer.Page.Objects)
			return answer, err
		}), []string{"List yields keys in ascending byte order", "keys are taken as they are"}},
		{"a prefix means whole path segments", changing(list, func(r *bucket.Request) {
			if at := strings.LastIndexByte(r.List.Prefix, '/'); at >= 0 {
				r.List.Prefix = r.List.Prefix[:at+1]
			}
		}), []string{"a prefix is any part of a key", "a page without Limit has at most MaxPage keys"}},
		{"an empty listing has something", answering(list, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			answer.Page.Objects = append(answer.Page.Objects, bucket.Info{Key: "something"})
			return answer, err
		}), []string{"List of nothing is an empty page, and the last"}},
		{"After is ignored", changing(list, func(r *bucket.Request) { r.List.After = "" }), []string{"After leaves out the keys up to it, there or not", "pages have at most Limit keys and miss none"}},
		{"After must be in the prefix", changing(list, func(r *bucket.Request) {
			if r.List.After != "" && !strings.HasPrefix(r.List.After, r.List.Prefix) {
				r.List.After = r.List.Prefix + "zzz"
			}
		}), []string{"After before the prefix leaves out nothing"}},
		{"Limit is ignored", changing(list, func(r *bucket.Request) { r.List.Limit = 0 }), []string{"pages have at most Limit keys and miss none"}},
		{"a page takes any Limit", changing(list, func(r *bucket.Request) { r.List.Limit = max(0, min(r.List.Limit, bucket.MaxPage)) }), []string{"a listing that cannot be is refused"}},
		{"a page has fewer keys than it may, and is the last", answering(list, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			answer.Page.Next = ""
			return answer, err
		}), []string{"a page without Limit has at most MaxPage keys", "a walk yields once what is there all the time"}},
		{"tokens are positions, not keys", only(list, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			whole := *r
			whole.List.Token, whole.List.Limit = "", 0
			answer, err := next(ctx, &whole)
			at, limit := min(len(r.List.Token), len(answer.Page.Objects)), max(r.List.Limit, 1)
			page := answer.Page.Objects[at:]
			answer.Page.Next = ""
			if len(page) > limit {
				page, answer.Page.Next = page[:limit], strings.Repeat("x", at+limit)
			}
			answer.Page.Objects = page
			return answer, err
		}), []string{"a walk yields once what is there all the time"}},
		{"listings describe badly", answering(list, func(answer bucket.Answer, err error) (bucket.Answer, error) {
			for i := range answer.Page.Objects {
				answer.Page.Objects[i].ModTime = answer.Page.Objects[i].ModTime.Add(time.Hour)
			}
			return answer, err
		}), []string{"List describes objects as Stat does"}},
		{"Delete of a missing object succeeds", answering(bucket.Delete, func(answer bucket.Answer, err error) (bucket.Answer, error) { return answer, nil }),
			[]string{"Delete of a missing object fails with ErrNotFound"}},
		{"Delete does nothing", only(bucket.Delete, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return next(ctx, &bucket.Request{Verb: bucket.Stat, Key: r.Key})
		}), []string{"Delete removes an object", "a key can be used again after Delete"}},
		{"Delete removes all that begins with the key", only(bucket.Delete, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			listed, err := next(ctx, &bucket.Request{Verb: list, List: bucket.ListOptions{Prefix: r.Key}})
			for _, info := range listed.Page.Objects {
				if _, err := next(ctx, &bucket.Request{Verb: bucket.Delete, Key: info.Key}); err != nil {
					return bucket.Answer{}, err
				}
			}
			return bucket.Answer{}, err
		}), []string{"Delete leaves all other objects"}},
		{"a refused request is a missing object", instead(bucket.ErrInvalid, &bucket.Error{Verb: get, Kind: bucket.ErrNotFound}),
			[]string{"a key that cannot be is refused", "the empty key is refused", "a listing that cannot be is refused", "a write without a condition is refused"}},
		{"a time-out is a missing object", instead(bucket.ErrUnavailable, &bucket.Error{Verb: get, Kind: bucket.ErrNotFound}),
			[]string{"under a canceled context every request fails with context.Canceled", "under an expired context every request fails with context.DeadlineExceeded"}},
		{"contexts are ignored", around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return next(context.WithoutCancel(ctx), r)
		}), []string{"under a canceled context every request fails with context.Canceled", "a body fails when its context is canceled"}},
		{"what may not be sent any more is sent", around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return next(op.WhileFresh(ctx, func() error { return nil }), r)
		}), []string{"a request that may not be sent any more fails with why"}},
		{"errors explain nothing", instead(bucket.ErrNotFound, bucket.ErrNotFound), []string{"Get of a missing object fails with ErrNotFound"}},
		{"the second of two keys takes the place of the first", func() bucket.Middleware {
			return only(put, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
				if parent := r.Key[:strings.LastIndexByte(r.Key, '/')]; strings.Contains(parent, "/") {
					if answer, err := next(ctx, &bucket.Request{Verb: bucket.Delete, Key: parent}); err != nil && !errors.Is(err, bucket.ErrNotFound) {
						return answer, err
					}
				}
				return next(ctx, r)
			})
		}(), []string{"an object beside a folder of its name is kept or refused"}},
		{"a range is the whole", only(bucket.GetRange, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return next(ctx, &bucket.Request{Verb: get, Key: r.Key})
		}), []string{"GetRange returns a part, and describes the whole", "GetRange beyond the end fails with ErrInvalid"}},
		{"a range of nothing is empty", only(bucket.GetRange, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			if err != nil {
				return bucket.Answer{Object: &bucket.Object{Info: bucket.Info{Key: r.Key}, Body: io.NopCloser(strings.NewReader(""))}}, nil
			}
			return answer, err
		}), []string{"GetRange of a missing object fails with ErrNotFound", "GetRange refuses a key that cannot be", "GetRange beyond the end fails with ErrInvalid"}},
		{"the condition of a delete is ignored", only(bucket.DeleteIf, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return next(ctx, &bucket.Request{Verb: bucket.Delete, Key: r.Key})
		}), []string{"DeleteIf fails with ErrChanged where there is another version", "DeleteIf without a version is refused", "of a DeleteIf and an IfMatch of one version one wins"}},
		{"a conditional delete does nothing", only(bucket.DeleteIf, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return bucket.Answer{}, nil
		}), []string{"DeleteIf removes the version that was read", "DeleteIf of a missing object fails with ErrNotFound"}},
		{"a removal wants something to remove", only(bucket.Removal, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return next(ctx, &bucket.Request{Verb: bucket.Delete, Key: r.Key})
		}), []string{"Remove of a missing object succeeds"}},
		{"a removal does nothing", only(bucket.Removal, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return bucket.Answer{}, nil
		}), []string{"Remove removes an object", "Remove refuses a key that cannot be"}},
		{"a bulk delete stops at what is missing", only(bucket.DeleteAll, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			for _, key := range r.Keys {
				if answer, err := next(ctx, &bucket.Request{Verb: bucket.Delete, Key: key}); err != nil {
					return answer, err
				}
			}
			return bucket.Answer{}, nil
		}), []string{"DeleteAll removes all that are there", "DeleteAll takes BulkSize keys and no more", "DeleteAll refuses a key that cannot be"}},
		{"a bulk delete does nothing", only(bucket.DeleteAll, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return bucket.Answer{}, nil
		}), []string{"DeleteAll removes all that are there", "RemoveAll removes all that are there"}},
		{"folders have no closing slash", answeringFolders(func(page *bucket.FolderPage) {
			for i, folder := range page.Folders {
				page.Folders[i] = strings.TrimSuffix(folder, "/")
			}
		}), []string{"Folders are the beginnings of keys up to the next slash, each once", "pages of folders miss none"}},
		{"folders are in reverse", answeringFolders(func(page *bucket.FolderPage) { slices.Reverse(page.Folders) }),
			[]string{"Folders whose names begin alike are told apart, in ascending byte order"}},
		{"a folder stays when it is empty", answeringFolders(func(page *bucket.FolderPage) { page.Folders = append(page.Folders, "zz/") }),
			[]string{"Folders of nothing are none, and with its last object a folder goes"}},
		{"a page has fewer folders than it may, and is the last", answeringFolders(func(page *bucket.FolderPage) {
			page.Folders, page.Next = page.Folders[:min(len(page.Folders), 10)], ""
		}), []string{"Folders are found among many objects, in large folders and in small ones", "pages of folders miss none"}},
		{"any prefix is a folder", only(bucket.ListFolders, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			if errors.Is(err, bucket.ErrInvalid) {
				return bucket.Answer{}, nil
			}
			return answer, err
		}), []string{"Folders under what is no folder are refused", "a page of folders that cannot be is refused"}},
		{"objects are uploads", only(bucket.ListUploads, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			answer, err := next(ctx, r)
			listed, _ := next(ctx, &bucket.Request{Verb: list, List: bucket.ListOptions{Prefix: r.List.Prefix}})
			for _, info := range listed.Page.Objects {
				answer.Uploads.Uploads = append(answer.Uploads.Uploads, bucket.Upload{Key: info.Key, ID: "1"})
			}
			return answer, err
		}), []string{"ListUploads of nothing is an empty page, and the last"}},
		{"uploads are listed whatever is asked for", changing(bucket.ListUploads, func(r *bucket.Request) { r.List = bucket.ListOptions{} }), []string{"a listing of uploads that cannot be is refused"}},
		{"what names no upload is aborted", only(bucket.AbortUpload, func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			return bucket.Answer{}, nil
		}), []string{"AbortUpload of what names no upload is refused"}},
	}
}

// answeringFolders breaks the pages of folders.
func answeringFolders(change func(page *bucket.FolderPage)) bucket.Middleware {
	return answering(bucket.ListFolders, func(answer bucket.Answer, err error) (bucket.Answer, error) {
		change(&answer.Folders)
		return answer, err
	})
}

// lateReader reads the object as it is when the reading begins.
type lateReader struct {
	ctx  context.Context
	r    *bucket.Request
	next bucket.Handler
	body io.Reader
}

func (l *lateReader) Read(p []byte) (int, error) {
	if l.body == nil {
		l.body = strings.NewReader("")
		if answer, err := l.next(l.ctx, l.r); err == nil {
			l.body = answer.Object.Body
		}
	}
	return l.body.Read(p)
}
