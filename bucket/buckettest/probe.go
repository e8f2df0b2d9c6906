package buckettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/quivercache/quiver/bucket"
)

// probe is what a case works with: the bucket, a place in it, and short words for what cases do and demand. A demand that is not met ends the case.
type probe struct {
	ctx    context.Context
	b      bucket.Bucket
	writer bucket.Bucket // of the same store, for what is not the bucket's own part
	folder string
	begin  Begin // nil but in UploadCases
}

// unmet is a demand that was not met.
type unmet struct{ error }

// caught runs part of a case and returns the demand that was not met.
func caught(part func()) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			demand, ok := thrown.(unmet)
			if !ok {
				panic(thrown)
			}
			err = demand.error
		}
	}()
	part()
	return nil
}

func (p *probe) failf(format string, args ...any) { panic(unmet{fmt.Errorf(format, args...)}) }

func (p *probe) must(err error) {
	if err != nil {
		panic(unmet{err})
	}
}

// together runs n parts of a case at once.
func (p *probe) together(n int, part func(i int)) {
	failures := make([]error, n)
	var parts sync.WaitGroup
	for i := range n {
		parts.Go(func() { failures[i] = caught(func() { part(i) }) })
	}
	parts.Wait()
	p.must(errors.Join(failures...))
}

func (p *probe) key(name string) string { return p.folder + name }

// create makes an object that the case needs.
func (p *probe) create(name, content string) {
	if err := p.writer.Put(p.ctx, p.key(name), bucket.Bytes([]byte(content)), bucket.IfAbsent()); err != nil {
		p.failf("making an object: %w", err)
	}
}

// replace gives an object that the case needs other content.
func (p *probe) replace(name, content string) {
	info, err := p.writer.Stat(p.ctx, p.key(name))
	p.must(err)
	p.must(p.writer.Put(p.ctx, p.key(name), bucket.Bytes([]byte(content)), bucket.IfMatch(info.Version)))
}

func (p *probe) put(name, content string, condition bucket.Condition) error {
	return p.b.Put(p.ctx, p.key(name), bucket.Bytes([]byte(content)), condition)
}

const most = 16 << 20 // bytes that a case reads of an object

// read reads an object whole.
func (p *probe) read(name string) (string, bucket.Info) {
	content, info, err := bucket.ReadAll(p.ctx, p.b, p.key(name), most)
	p.must(err)
	return string(content), info
}

// stat describes an object, whose version must not be empty.
func (p *probe) stat(name string) bucket.Info {
	info, err := p.b.Stat(p.ctx, p.key(name))
	p.must(err)
	if info.Version == "" {
		p.failf("%s has no version", info.Key)
	}
	return info
}

// holds demands that an object has this content, for all that read it.
func (p *probe) holds(name, content string) {
	got, info := p.read(name)
	if got != content {
		p.failf("%s holds %s, not %s", p.key(name), short(got), short(content))
	}
	if info.Key != p.key(name) || info.Size != int64(len(content)) {
		p.failf("Get of %s says %+v of an object of %d bytes", p.key(name), info, len(content))
	}
}

// lacks demands that there is no object.
func (p *probe) lacks(name string) {
	_, err := p.get(name)
	p.fails(bucket.ErrNotFound, err)
	_, err = p.b.Stat(p.ctx, p.key(name))
	p.fails(bucket.ErrNotFound, err)
	if slices.Contains(p.list(bucket.ListOptions{Prefix: p.key(name)}), name) {
		p.failf("List shows %s, which is not there", p.key(name))
	}
}

// get opens an object and closes it.
func (p *probe) get(name string) (*bucket.Object, error) {
	object, err := p.b.Get(p.ctx, p.key(name))
	if err == nil {
		err = object.Body.Close()
	}
	return object, err
}

// fails demands a failure of this kind and no other, explained in a bucket.Error.
func (p *probe) fails(kind, err error) {
	explained, ok := errors.AsType[*bucket.Error](err)
	switch {
	case err == nil:
		p.failf("no error, where there should be %q", kind)
	case !errors.Is(bucket.Kind(err), kind):
		p.failf("the error is %q, not of the kind %q", err, kind)
	case !ok || explained.Verb == "":
		p.failf("the error %q does not say what was asked", err)
	}
}

// fails demands a failure that is no answer about the object: neither that it is there nor that it is not.
func (p *probe) failsWithoutAnswer(err error) {
	if err == nil {
		p.failf("no error, where there should be one")
	}
	for _, answer := range []error{bucket.ErrNotFound, bucket.ErrExists, bucket.ErrChanged} {
		if errors.Is(err, answer) {
			p.failf("the error is %q, though nothing is known of the object", err)
		}
	}
}

// infos walks a listing to its end.
func (p *probe) infos(options bucket.ListOptions) []bucket.Info {
	var infos []bucket.Info
	for info, err := range bucket.All(p.ctx, p.b, options) {
		p.must(err)
		infos = append(infos, info)
	}
	return infos
}

// list walks a listing, and returns the names in the case's folder.
func (p *probe) list(options bucket.ListOptions) []string {
	names := []string{}
	for _, info := range p.infos(options) {
		names = append(names, strings.TrimPrefix(info.Key, p.folder))
	}
	return names
}

// lists demands that a listing yields these names in the case's folder, in this order.
func (p *probe) lists(options bucket.ListOptions, want ...string) {
	if got := p.list(options); !slices.Equal(got, want) {
		p.failf("List with prefix %q, after %q, limit %d yields %q, not %q", options.Prefix, options.After, options.Limit, got, want)
	}
}

// short is content for people.
func short(content string) string {
	if len(content) <= 40 {
		return fmt.Sprintf("%q", content)
	}
	return fmt.Sprintf("%q… (%d bytes)", content[:40], len(content))
}
