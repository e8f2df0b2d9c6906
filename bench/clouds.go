package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver/adapters/all"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

// The goals: time and memory of the client may be this much of the SDK's.
const (
	timeGoal = 1.053
	cpuGoal  = 1.15
	memory   = 64 << 20 // bytes that a large transfer may take
)

// peer is a cloud's SDK as its documentation says to use it, but with the connections of package adapters: what is compared is the way through Quiver,
// not the size of a pool.
type peer interface {
	// put writes an object if there is none.
	put(ctx context.Context, key string, content []byte) error
	// get reads an object into memory.
	get(ctx context.Context, key string) ([]byte, error)
	// remove deletes an object.
	remove(ctx context.Context, key string) error
	// list counts all objects under a prefix.
	list(ctx context.Context, prefix string) (int, error)
	// upload and download are the SDK's own transfers of a large file.
	upload(ctx context.Context, key string, file *os.File, size int64) error
	download(ctx context.Context, key string, file *os.File) error
}

// cloud is a server with Quiver's bucket on it and its peer.
type cloud struct {
	suite string
	ours  bucket.Bucket
	peer  peer
	next  atomic.Int64 // for keys that nobody has used
}

func benchClouds(ctx context.Context, r *report, only *regexp.Regexp, s settings) error {
	for _, c := range []struct {
		suite  string
		server servers.Product
		dial   func(ctx context.Context, server *servers.Server, bucketName string) (peer, error)
	}{
		{"s3", servers.MinIO, dialS3},
		{"gcs", servers.FakeGCS, dialGCS},
		{"azure", servers.Azurite, dialAzure},
	} {
		if !slices.Contains(s.clouds, c.suite) {
			continue
		}
		if err := benchCloud(ctx, r, only, s, c.suite, c.server, c.dial); err != nil {
			return fmt.Errorf("%s: %w", c.suite, err)
		}
	}
	return nil
}

// newBucket makes a bucket on a server, and has this process and its children find their way to it by its URL.
func newBucket(ctx context.Context, server *servers.Server) (servers.Bucket, error) {
	made, err := server.NewBucket(ctx)
	if err != nil {
		return made, err
	}
	for _, setting := range server.Env() {
		name, value, _ := strings.Cut(setting, "=")
		if err := os.Setenv(name, value); err != nil {
			return made, err
		}
	}
	return made, nil
}

func benchCloud(ctx context.Context, r *report, only *regexp.Regexp, s settings, suite string, product servers.Product,
	dial func(context.Context, *servers.Server, string) (peer, error)) (err error) {
	server, err := servers.Start(ctx, product)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	made, err := newBucket(ctx, server)
	if err != nil {
		return err
	}
	b, err := all.Open(ctx, made.URL)
	if err != nil {
		return err
	}
	b, err = bucket.Decorate(b, bucket.Decorators{Limit: 64})
	if err != nil {
		return err
	}
	defer b.Close()
	raw, err := dial(ctx, server, made.Name)
	if err != nil {
		return err
	}
	c := &cloud{suite: suite, ours: b, peer: raw}
	for _, group := range []func(context.Context, *report, *regexp.Regexp, settings) error{c.small, c.listing, c.large} {
		if err := group(ctx, r, only, s); err != nil {
			return err
		}
	}
	return nil
}

// small compares single objects, written and read by 1, 16 and 64 at once.
func (c *cloud) small(ctx context.Context, r *report, only *regexp.Regexp, s settings) error {
	for _, size := range []struct {
		name  string
		bytes int
	}{{"1 KiB", 1 << 10}, {"1 MiB", 1 << 20}} {
		content := make([]byte, size.bytes)
		if _, err := io.ReadFull(op.SystemEntropy(), content); err != nil {
			return err
		}
		for _, atOnce := range []int{1, 16, 64} {
			name := fmt.Sprintf("put %s x%d", size.name, atOnce)
			if only.MatchString(c.suite + " " + name) {
				if err := c.puts(ctx, r, s, name, content, atOnce); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			name = fmt.Sprintf("get %s x%d", size.name, atOnce)
			if only.MatchString(c.suite + " " + name) {
				if err := c.gets(ctx, r, s, name, content, atOnce); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	return nil
}

// put writes an object through Quiver.
func (c *cloud) put(ctx context.Context, key string, content []byte) error {
	return c.ours.Put(ctx, key, bucket.Bytes(content), bucket.IfAbsent())
}

func (c *cloud) get(ctx context.Context, key string) ([]byte, error) {
	content, _, err := bucket.ReadAll(ctx, c.ours, key, 1<<30)
	return content, err
}

func (c *cloud) puts(ctx context.Context, r *report, s settings, name string, content []byte, atOnce int) error {
	writing := func(put func(context.Context, string, []byte) error) func(int) batch {
		return func(operations int) batch {
			first := c.next.Add(int64(operations)) - int64(operations)
			return func(ctx context.Context) error {
				return together(ctx, atOnce, operations, func(i int) error { return put(ctx, fmt.Sprintf("put/%012d", first+int64(i)), content) })
			}
		}
	}
	ours, theirs := writing(c.put), writing(c.peer.put)
	clean := func() error {
		upTo := c.next.Load()
		if len(content) < 1<<20 {
			return nil // they fill no disk
		}
		var keys []string
		for info, err := range bucket.All(ctx, c.ours, bucket.ListOptions{Prefix: "put/"}) {
			if err != nil {
				return err
			}
			if info.Size >= 1<<20 && info.Key < fmt.Sprintf("put/%012d", upTo) {
				keys = append(keys, info.Key)
			}
		}
		return together(ctx, 16, len(keys), func(i int) error { return c.peer.remove(ctx, keys[i]) })
	}
	return c.decide(ctx, r, s, name, atOnce, ours, theirs, clean)
}

func (c *cloud) gets(ctx context.Context, r *report, s settings, name string, content []byte, atOnce int) error {
	const objects = 16
	keys := make([]string, objects)
	for i := range keys {
		keys[i] = fmt.Sprintf("get/%d/%d/%d", len(content), atOnce, i)
		if err := c.peer.put(ctx, keys[i], content); err != nil {
			return err
		}
	}
	reading := func(get func(context.Context, string) ([]byte, error)) func(int) batch {
		return func(operations int) batch {
			return func(ctx context.Context) error {
				return together(ctx, atOnce, operations, func(i int) error {
					got, err := get(ctx, keys[i%objects])
					if err == nil && len(got) != len(content) {
						err = fmt.Errorf("%d bytes, not %d", len(got), len(content))
					}
					return err
				})
			}
		}
	}
	return c.decide(ctx, r, s, name, atOnce, reading(c.get), reading(c.peer.get), func() error { return nil })
}

// decide takes pairs of batches until time, CPU and allocations are all decided, and reports them.
func (c *cloud) decide(ctx context.Context, r *report, s settings, name string, least int, ours, theirs func(int) batch, clean func() error) error {
	operations, err := calibrate(ctx, max(least, 4), theirs)
	if err != nil {
		return err
	}
	measures := []struct {
		name, unit string
		goal       float64
		of         func(sample) float64
	}{
		{"", "µs", timeGoal, func(s sample) float64 { return float64(s.wall.Nanoseconds()) / 1000 }},
		{", client CPU", "µs", cpuGoal, func(s sample) float64 { return float64(s.cpu.Nanoseconds()) / 1000 }},
		{", allocations", "bytes", cpuGoal, func(s sample) float64 { return s.bytes }},
	}
	var taken pairs
	for {
		if err := errors.Join(taken.add(ctx, ours(operations), theirs(operations)), clean()); err != nil {
			return err
		}
		decided := len(taken.ours) >= 7
		for _, m := range measures {
			decided = decided && taken.compare(m.of, operations).verdict(m.goal) != "noise"
		}
		if decided || len(taken.ours) >= max(7, s.pairs) {
			break
		}
	}
	for _, m := range measures {
		if err := r.add(lineOf(c.suite, name+m.name, m.unit, &m.goal, taken.compare(m.of, operations))); err != nil {
			return err
		}
	}
	return nil
}

// together runs n operations, some at once.
func together(ctx context.Context, atOnce, n int, operation func(i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(atOnce, n) {
		group.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := operation(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// listing compares the listing of many keys.
func (c *cloud) listing(ctx context.Context, r *report, only *regexp.Regexp, s settings) error {
	keys := s.keys
	if c.suite == "gcs" {
		keys = min(keys, 10_000) // fake-gcs-server looks at all its objects for each page
	}
	name := fmt.Sprintf("list %d keys", keys)
	if !only.MatchString(c.suite + " " + name) {
		return nil
	}
	const prefix = "list/"
	err := together(ctx, 64, keys, func(i int) error { return c.peer.put(ctx, fmt.Sprintf("%s%064d", prefix, i), []byte("x")) })
	if err != nil {
		return err
	}
	counting := func(list func(context.Context) (int, error)) func(int) batch {
		return func(operations int) batch {
			return func(ctx context.Context) error {
				for range operations {
					n, err := list(ctx)
					if err == nil && n != keys {
						err = fmt.Errorf("%d keys were listed, not %d", n, keys)
					}
					if err != nil {
						return err
					}
				}
				return nil
			}
		}
	}
	ours := counting(func(ctx context.Context) (n int, err error) {
		for _, err := range bucket.All(ctx, c.ours, bucket.ListOptions{Prefix: prefix}) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	theirs := counting(func(ctx context.Context) (int, error) { return c.peer.list(ctx, prefix) })
	return c.decide(ctx, r, s, name, 1, ours, theirs, func() error { return nil })
}

// large compares the transfer of one large object between the store and a file.
func (c *cloud) large(ctx context.Context, r *report, only *regexp.Regexp, s settings) (err error) {
	up, down := fmt.Sprintf("up %d MiB", s.large>>20), fmt.Sprintf("down %d MiB", s.large>>20)
	if !only.MatchString(c.suite+" "+up) && !only.MatchString(c.suite+" "+down) {
		return nil
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source, err := os.Create(filepath.Join(dir, "source"))
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := io.CopyN(source, op.SystemEntropy(), s.large); err != nil {
		return err
	}
	sink, err := os.Create(filepath.Join(dir, "sink"))
	if err != nil {
		return err
	}
	defer sink.Close()

	var last string
	uploading := func(put func(ctx context.Context, key string) error) batch {
		return func(ctx context.Context) error {
			if last != "" {
				if err := c.peer.remove(ctx, last); err != nil {
					return err
				}
			}
			last = fmt.Sprintf("large/%d", c.next.Add(1))
			return put(ctx, last)
		}
	}
	ours := uploading(func(ctx context.Context, key string) error {
		return c.ours.Put(ctx, key, bucket.Section(source, s.large), bucket.IfAbsent())
	})
	theirs := uploading(func(ctx context.Context, key string) error {
		if _, err := source.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return c.peer.upload(ctx, key, source, s.large)
	})
	if only.MatchString(c.suite + " " + up) {
		if err := c.transfer(ctx, r, s, up, ours, theirs); err != nil {
			return err
		}
	}
	if err := ours(ctx); err != nil { // what is read
		return err
	}
	if !only.MatchString(c.suite + " " + down) {
		return nil
	}
	rewound := func(get func(ctx context.Context) error) batch {
		return func(ctx context.Context) error {
			if _, err := sink.Seek(0, io.SeekStart); err != nil {
				return err
			}
			if err := get(ctx); err != nil {
				return err
			}
			if info, err := sink.Stat(); err != nil || info.Size() != s.large {
				return fmt.Errorf("the file has %d bytes: %w", info.Size(), err)
			}
			return nil
		}
	}
	ours = rewound(func(ctx context.Context) error {
		object, err := bucket.ReadAhead(ctx, c.ours, last)
		if err != nil {
			return err
		}
		defer object.Body.Close()
		_, err = io.Copy(sink, object.Body)
		return err
	})
	theirs = rewound(func(ctx context.Context) error { return c.peer.download(ctx, last, sink) })
	return c.transfer(ctx, r, s, down, ours, theirs)
}

// transfer reports the time of a large transfer, and the memory that ours takes against the limit.
func (c *cloud) transfer(ctx context.Context, r *report, s settings, name string, ours, theirs batch) error {
	var taken pairs
	seconds := func(s sample) float64 { return s.wall.Seconds() }
	for len(taken.ours) < 7 || len(taken.ours) < min(15, s.pairs) && taken.compare(seconds, 1).verdict(timeGoal) == "noise" {
		if err := taken.add(ctx, ours, theirs); err != nil {
			return err
		}
	}
	if err := r.add(lineOf(c.suite, name, "s", new(timeGoal), taken.compare(seconds, 1))); err != nil {
		return err
	}
	most, err := peak(ctx, ours)
	if err != nil {
		return err
	}
	share := most / memory
	return r.add(line{Suite: c.suite, Case: name + ", memory against the limit", Ours: most, Theirs: memory, Ratio: share, Goal: new(1.0), Met: share <= 1,
		Unit: "bytes", Low: share, High: share, Pairs: 1})
}
