package buckettest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
)

// Model lets three clients put, swap, read, list and delete at random, under random faults, each with its own out-of-date memory of versions, and
// compares every answer with that of a plain map. open returns an empty bucket, anew for each run. What fails is shrunk to a short
// history and printed with the seed that repeats it (-rapid.seed).
func Model(t rapid.TB, open func() bucket.Bucket) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{ctx: t.Context(), objects: map[string]written{}}
		b := open()
		defer b.Close()
		for i := range 3 {
			m.clients = append(m.clients, newClient(i, b))
		}
		t.Repeat(map[string]func(*rapid.T){
			"create": m.create, "swap": m.swap, "read": m.read, "stat": m.stat, "list": m.list, "delete": m.remove, "delete if": m.removeIf, "get range": m.readRange,
			"": func(t *rapid.T) { m.check(t, b) },
		})
	})
}

// written is an object as the model knows it. Its number, which no other write has, stands for its version.
type written struct {
	number  int
	content string
}

type model struct {
	ctx     context.Context
	clients []*client
	objects map[string]written
	writes  int
}

// client is one that writes, with what it has read.
type client struct {
	name     string
	b        bucket.Bucket
	fault    *Action // of the next request
	versions map[string]read
}

type read struct {
	number  int
	version bucket.Version
}

func newClient(i int, b bucket.Bucket) *client {
	c := &client{name: fmt.Sprint("client ", i), versions: map[string]read{}}
	c.b = bucket.Wrap(b, func(next bucket.Handler) bucket.Handler {
		return func(ctx context.Context, r *bucket.Request) (bucket.Answer, error) {
			if action := c.fault; action != nil {
				c.fault = nil
				return action.handle(NewFaults(), next, ctx, r)
			}
			return next(ctx, r)
		}
	})
	return c
}

var modelKeys = []string{"a", "b.c", "b/c", "b/d", "b0"}

// draw chooses who does something, to which key, and what goes wrong: whether it reaches the store, and whether its answer reaches the client.
func (m *model) draw(t *rapid.T) (c *client, key string, reaches, answered bool) {
	c = rapid.SampledFrom(m.clients).Draw(t, "client")
	key = rapid.SampledFrom(modelKeys).Draw(t, "key")
	var action Action
	switch rapid.SampledFrom([]string{"well", "well", "well", "well", "throttled", "lost"}).Draw(t, "goes") {
	case "throttled":
		action = Fail(bucket.ErrThrottled)
		c.fault = &action
		return c, key, false, false
	case "lost":
		action = LoseAnswer()
		c.fault = &action
		return c, key, true, false
	}
	return c, key, true, true
}

// expect compares the outcome of a request with the one that the model has, nil being success.
func (m *model) expect(t *rapid.T, what string, reaches, answered bool, err, want error) {
	switch {
	case !reaches:
		want = bucket.ErrThrottled
	case !answered:
		want = bucket.ErrUnavailable
	}
	if !errors.Is(bucket.Kind(err), want) || (err == nil) != (want == nil) {
		t.Fatalf("%s: %v, not %v", what, err, want)
	}
}

func (m *model) create(t *rapid.T) {
	c, key, reaches, answered := m.draw(t)
	_, exists := m.objects[key]
	var want error
	if exists {
		want = bucket.ErrExists
	}
	m.put(t, c, key, bucket.IfAbsent(), reaches, answered, want)
}

func (m *model) swap(t *rapid.T) {
	c, key, reaches, answered := m.draw(t)
	known, ok := c.versions[key]
	if !ok {
		known = read{-1, "no-such-version"}
	}
	var want error
	if now, exists := m.objects[key]; !exists || now.number != known.number {
		want = bucket.ErrChanged
	}
	m.put(t, c, key, bucket.IfMatch(known.version), reaches, answered, want)
}

func (m *model) put(t *rapid.T, c *client, key string, condition bucket.Condition, reaches, answered bool, want error) {
	m.writes++
	content := fmt.Sprintf("write %d %s", m.writes, rapid.StringN(0, 20, 40).Draw(t, "content"))
	err := c.b.Put(m.ctx, key, bucket.Bytes([]byte(content)), condition)
	if reaches && want == nil {
		m.objects[key] = written{m.writes, content}
	}
	m.expect(t, fmt.Sprintf("%s puts %s %v", c.name, key, condition), reaches, answered, err, want)
}

func (m *model) remove(t *rapid.T) {
	c, key, reaches, answered := m.draw(t)
	var want error
	if _, exists := m.objects[key]; !exists {
		want = bucket.ErrNotFound
	}
	err := c.b.Delete(m.ctx, key)
	if reaches {
		delete(m.objects, key)
	}
	m.expect(t, fmt.Sprintf("%s deletes %s", c.name, key), reaches, answered, err, want)
}

func (m *model) removeIf(t *rapid.T) {
	c, key, reaches, answered := m.draw(t)
	conditional, ok := bucket.As[bucket.ConditionalDeleter](c.b)
	known, has := c.versions[key]
	if !ok || !has {
		c.fault = nil
		return
	}
	var want error
	now, exists := m.objects[key]
	switch {
	case !exists:
		want = bucket.ErrNotFound
	case now.number != known.number:
		want = bucket.ErrChanged
	}
	err := conditional.DeleteIf(m.ctx, key, known.version)
	if reaches && want == nil {
		delete(m.objects, key)
	}
	m.expect(t, fmt.Sprintf("%s deletes %s if %v", c.name, key, known), reaches, answered, err, want)
}

// found is the outcome that the model has for asking for an object.
func (m *model) found(key string) error {
	if _, exists := m.objects[key]; !exists {
		return bucket.ErrNotFound
	}
	return nil
}

func (m *model) read(t *rapid.T) {
	c, key, reaches, answered := m.draw(t)
	content, info, err := bucket.ReadAll(m.ctx, c.b, key, most)
	m.expect(t, fmt.Sprintf("%s reads %s", c.name, key), reaches, answered, err, m.found(key))
	if err == nil {
		if string(content) != m.objects[key].content {
			t.Fatalf("%s reads %q in %s, not %q", c.name, content, key, m.objects[key].content)
		}
		m.learn(c, key, info)
	}
}

func (m *model) learn(c *client, key string, info bucket.Info) {
	c.versions[key] = read{m.objects[key].number, info.Version}
}

func (m *model) stat(t *rapid.T) {
	c, key, reaches, answered := m.draw(t)
	info, err := c.b.Stat(m.ctx, key)
	m.expect(t, fmt.Sprintf("%s asks for %s", c.name, key), reaches, answered, err, m.found(key))
	if err == nil {
		if info.Size != int64(len(m.objects[key].content)) {
			t.Fatalf("%s hears of %+v in %s, not of %d bytes", c.name, info, key, len(m.objects[key].content))
		}
		m.learn(c, key, info)
	}
}

func (m *model) readRange(t *rapid.T) {
	c, key, reaches, answered := m.draw(t)
	ranges, ok := bucket.As[bucket.RangeGetter](c.b)
	if !ok {
		c.fault = nil
		return
	}
	object, err := ranges.GetRange(m.ctx, key, 2, 5)
	m.expect(t, fmt.Sprintf("%s reads a part of %s", c.name, key), reaches, answered, err, m.found(key))
	if err == nil {
		defer object.Body.Close()
		part, err := io.ReadAll(object.Body)
		if want := m.objects[key].content[2:7]; err != nil || string(part) != want {
			t.Fatalf("%s reads %q, %v as a part of %s, not %q", c.name, part, err, key, want)
		}
	}
}

func (m *model) list(t *rapid.T) {
	c, _, reaches, answered := m.draw(t)
	options := bucket.ListOptions{
		Prefix: rapid.SampledFrom([]string{"", "b", "b/", "b/c", "x"}).Draw(t, "prefix"),
		After:  rapid.SampledFrom([]string{"", "a", "b/", "b/c", "z"}).Draw(t, "after"),
		Limit:  rapid.IntRange(0, 3).Draw(t, "limit"),
	}
	want := m.keys(options.Prefix, options.After)
	if options.Limit > 0 {
		want = want[:min(len(want), options.Limit)]
	}
	page, err := c.b.List(m.ctx, options)
	m.expect(t, fmt.Sprintf("%s lists %+v", c.name, options), reaches, answered, err, nil)
	if got := listed(page.Objects); err == nil && !slices.Equal(got, want) {
		t.Fatalf("%s lists %+v and gets %q, not %q", c.name, options, got, want)
	}
}

// keys are those of the model, in order.
func (m *model) keys(prefix, after string) []string {
	keys := slices.Sorted(maps.Keys(m.objects))
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, prefix) || key <= after })
}

func listed(infos []bucket.Info) []string {
	keys := []string{}
	for _, info := range infos {
		keys = append(keys, info.Key)
	}
	return keys
}

// check compares the whole bucket with the map.
func (m *model) check(t *rapid.T, b bucket.Bucket) {
	keys := []string{}
	for info, err := range bucket.All(m.ctx, b, bucket.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	if want := m.keys("", ""); !slices.Equal(keys, want) {
		t.Fatalf("the bucket has %q, the model %q", keys, want)
	}
	var inside []string
	for _, key := range keys {
		if name, _, ok := strings.Cut(key, "/"); ok {
			inside = append(inside, name+"/")
		}
	}
	if folders, err := bucket.Folders(m.ctx, b, ""); err != nil || !slices.Equal(folders, slices.Compact(inside)) {
		t.Fatalf("the bucket has %q, and the folders %q, %v", keys, folders, err)
	}
	for _, key := range modelKeys {
		content, _, err := bucket.ReadAll(m.ctx, b, key, most)
		object, exists := m.objects[key]
		if !exists && !errors.Is(err, bucket.ErrNotFound) || exists && (err != nil || string(content) != object.content) {
			t.Fatalf("%s is %q, %v; in the model %q, %v", key, content, err, object.content, exists)
		}
	}
}
