package failures_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// visitor sees one bucket from near, where nothing fails, and from far, through a bad network. It finds there what was made before:
//
//	read/small, read/large      objects
//	gone/…, swap/…              objects to delete and to replace, one for each round
//	the calls of "prepared"     whose results are values
type visitor struct {
	*network
	near, far     bucket.Bucket
	nearby, store *quiver.Store
	prepared      []*callindex.Record
	double        *quiver.Function[int, int]
}

const preparedCalls = 20

func visit(t *testing.T, at place, proxy string, n *network) *visitor {
	t.Helper()
	v := &visitor{network: n, near: at.open(t, bucket.RetryOptions{}), far: at.through(proxy).open(t, n.retry)}
	v.nearby, v.store = storeIn(t, v.near, nil), storeIn(t, v.far, &quiver.Options{Strict: true})
	v.create(t, "read/small", 1000)
	v.create(t, "read/large", n.large)
	for round := range n.rounds {
		for _, key := range []string{"gone/delete-%d", "gone/remove-%d", "swap/%d"} {
			v.create(t, fmt.Sprintf(key, round), 1000)
		}
	}
	for i := range preparedCalls {
		r, err := save(t.Context(), v.nearby, "prepared", i)
		must(t, err)
		v.prepared = append(v.prepared, r)
	}
	_, err := v.nearby.Values.SaveBytes(t.Context(), content("read/value", n.large))
	must(t, err)
	v.double, err = quiver.Func(v.store, quiver.Def{Name: "double", Version: callindex.IntVersion(1)}, func(_ context.Context, n int) (int, error) { return 2 * n, nil }, nil)
	must(t, err)
	return v
}

func (v *visitor) create(t *testing.T, key string, size int) {
	t.Helper()
	must(t, v.near.Put(t.Context(), key, bucket.Bytes(content(key, size)), bucket.IfAbsent()))
}

// save saves a call with a result of its own, and returns its record. That another result is remembered is wrong.
func save(ctx context.Context, s *quiver.Store, function string, i int) (*callindex.Record, error) {
	result := resultOf(function, i)
	ours := &callindex.Record{Call: callOf(function, i), Result: digest.OfBytes(result)}
	winner, err := s.Calls.Save(ctx, ours, &callindex.SaveOptions{Beside: func(ctx context.Context) error {
		_, err := s.Values.SaveBytes(ctx, result)
		return err
	}})
	if err == nil && winner.Result != ours.Result {
		err = wrong{fmt.Errorf("call %d of %s has the result %s, not its own, %s", i, function, winner.Result, ours.Result)}
	}
	return winner, err
}

func callOf(function string, i int) callindex.Call {
	return callindex.Call{Name: function, Version: callindex.IntVersion(int64(i))}
}

func resultOf(function string, i int) []byte {
	return content(fmt.Sprint(function, " ", i), 100+i)
}

// errands are the calls of each kind, by round.
func (v *visitor) errands() map[string]func(round int) errand {
	return map[string]func(round int) errand{
		"get":           func(int) errand { return v.get("read/small", 1000) },
		"large get":     func(int) errand { return v.get("read/large", v.large) },
		"get range":     func(int) errand { return v.getRange("read/large", int64(v.large/2), 1000) },
		"stat":          func(int) errand { return v.stat("read/large") },
		"list":          func(int) errand { return v.list("read/", "read/large", "read/small") },
		"put":           func(round int) errand { return v.put(fmt.Sprintf("written/small-%d", round), 1000) },
		"large put":     func(round int) errand { return v.put(fmt.Sprintf("written/large-%d", round), v.large) },
		"replace":       func(round int) errand { return v.replace(fmt.Sprintf("swap/%d", round)) },
		"delete":        func(round int) errand { return v.delete(fmt.Sprintf("gone/delete-%d", round), bucket.Bucket.Delete) },
		"remove":        func(round int) errand { return v.delete(fmt.Sprintf("gone/remove-%d", round), remove) },
		"save value":    v.saveValue,
		"load value":    func(int) errand { return v.loadValue(content("read/value", v.large)) },
		"save call":     v.saveCall,
		"load call":     v.loadCall,
		"query":         func(int) errand { return errand{"calls/", v.query, nil} },
		"call function": v.call,
	}
}

func remove(b bucket.Bucket, ctx context.Context, key string) error {
	return bucket.Remove(ctx, b, key)
}

func (v *visitor) get(key string, size int) errand {
	return errand{key, func(ctx context.Context) error {
		got, err := read(ctx, v.far, key)
		return cmpErr(err, func() error { return same(got, content(key, size)) })
	}, nil}
}

func (v *visitor) getRange(key string, offset, length int64) errand {
	return errand{key, func(ctx context.Context) error {
		ranges, _ := bucket.As[bucket.RangeGetter](v.far)
		object, err := ranges.GetRange(ctx, key, offset, length)
		if err != nil {
			return err
		}
		defer object.Body.Close()
		got, err := io.ReadAll(object.Body)
		return cmpErr(err, func() error { return same(got, content(key, v.large)[offset:offset+length]) })
	}, nil}
}

// cmpErr is err, or what a look at the result says.
func cmpErr(err error, look func() error) error {
	if err != nil {
		return err
	}
	return look()
}

// same says whether bytes are what they should be.
func same(got, want []byte) error {
	if !bytes.Equal(got, want) {
		return wrong{fmt.Errorf("these %d bytes are not the %d that were written", len(got), len(want))}
	}
	return nil
}

func (v *visitor) stat(key string) errand {
	return errand{key, func(ctx context.Context) error {
		info, err := v.far.Stat(ctx, key)
		if err == nil && (info.Size != int64(v.large) || info.Version == "") {
			err = wrong{fmt.Errorf("%+v", info)}
		}
		return err
	}, nil}
}

func (v *visitor) list(prefix string, want ...string) errand {
	return errand{prefix, func(ctx context.Context) error {
		var got []string
		for info, err := range bucket.All(ctx, v.far, bucket.ListOptions{Prefix: prefix, Limit: 1}) {
			if err != nil {
				return err
			}
			got = append(got, info.Key)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			return wrong{fmt.Errorf("%q are listed, not %q", got, want)}
		}
		return nil
	}, nil}
}

func (v *visitor) put(key string, size int) errand {
	body := content(key, size)
	return errand{key, func(ctx context.Context) error {
		err := v.far.Put(ctx, key, bucket.Bytes(body), bucket.IfAbsent())
		if errors.Is(err, bucket.ErrExists) { // refused by its own first success: nobody else writes this key
			return nil
		}
		return err
	}, func(ctx context.Context, done bool) error { return v.holds(ctx, key, body, done) }}
}

// holds looks whether an object is whole, or not there where it need not be.
func (v *visitor) holds(ctx context.Context, key string, want []byte, must bool) error {
	got, err := read(ctx, v.near, key)
	if errors.Is(err, bucket.ErrNotFound) && !must {
		return nil
	}
	return cmpErr(err, func() error { return same(got, want) })
}

func (v *visitor) replace(key string) errand {
	before, after := content(key, 1000), content(key+" replaced", 1000)
	return errand{key, func(ctx context.Context) error {
			info, err := v.near.Stat(ctx, key)
			if err != nil {
				return err
			}
			err = v.far.Put(ctx, key, bucket.Bytes(after), bucket.IfMatch(info.Version))
			if errors.Is(err, bucket.ErrChanged) {
				return v.holds(ctx, key, after, true)
			}
			return err
		}, func(ctx context.Context, done bool) error {
			if err := v.holds(ctx, key, after, true); err == nil || done {
				return err
			}
			return v.holds(ctx, key, before, true)
		}}
}

func (v *visitor) delete(key string, delete func(b bucket.Bucket, ctx context.Context, key string) error) errand {
	return errand{key, func(ctx context.Context) error { return delete(v.far, ctx, key) }, func(ctx context.Context, done bool) error {
		_, err := v.near.Stat(ctx, key)
		if done && !errors.Is(err, bucket.ErrNotFound) {
			return fmt.Errorf("it is still there, %v", err)
		}
		return nil
	}}
}

func (v *visitor) saveValue(round int) errand {
	value := content(fmt.Sprint("saved value ", round), v.large)
	return errand{digest.OfBytes(value).String(), func(ctx context.Context) error {
		_, err := v.store.Values.SaveBytes(ctx, value)
		return err
	}, func(ctx context.Context, done bool) error { return v.hasValue(ctx, v.nearby, value, done) }}
}

func (v *visitor) loadValue(value []byte) errand {
	return errand{digest.OfBytes(value).String(), func(ctx context.Context) error { return v.hasValue(ctx, v.store, value, true) }, nil}
}

func (v *visitor) hasValue(ctx context.Context, s *quiver.Store, value []byte, must bool) error {
	got, err := s.Values.LoadBytes(ctx, digest.OfBytes(value), 1<<30)
	if errors.Is(err, quiver.ErrNotFound) && !must {
		return nil
	}
	return cmpErr(err, func() error { return same(got, value) })
}

func (v *visitor) saveCall(round int) errand {
	c := callOf("saved", round)
	key, err := c.Key()
	return errand{key.String(), func(ctx context.Context) error {
		if err == nil {
			_, err = save(ctx, v.store, "saved", round)
		}
		return err
	}, func(ctx context.Context, done bool) error { return hasCall(ctx, v.nearby, "saved", round, done) }}
}

// hasCall looks whether a call and its result are remembered as they were saved, or, where they need not be, the call is not.
func hasCall(ctx context.Context, s *quiver.Store, function string, i int, must bool) error {
	c := callOf(function, i)
	key, err := c.Key()
	if err != nil {
		return err
	}
	r, err := s.Calls.Load(ctx, key)
	if errors.Is(err, quiver.ErrNotFound) && !must {
		return nil
	}
	if err != nil {
		return err
	}
	return isWhole(ctx, s, r, function, i)
}

// isWhole looks whether a record and its result are as they were saved.
func isWhole(ctx context.Context, s *quiver.Store, r *callindex.Record, function string, i int) error {
	want := resultOf(function, i)
	if r.Name != function || r.Version != callindex.IntVersion(int64(i)) || r.Result != digest.OfBytes(want) {
		return wrong{fmt.Errorf("%+v is not call %d of %s", r, i, function)}
	}
	got, err := s.Values.LoadBytes(ctx, r.Result, 1<<30)
	return cmpErr(err, func() error { return same(got, want) })
}

func (v *visitor) loadCall(round int) errand {
	i := round % preparedCalls
	key, err := v.prepared[i].Key()
	return errand{"", func(ctx context.Context) error {
		return cmpErr(err, func() error { return hasCall(ctx, v.store, "prepared", i, true) })
	}, func(context.Context, bool) error {
		if key.IsZero() {
			return errors.New("the call has no key")
		}
		return nil
	}}
}

func (v *visitor) query(ctx context.Context) error {
	n, err := v.store.Query(quiver.Query{Name: "prepared"}).Count(ctx)
	if err == nil && n != preparedCalls {
		err = wrong{fmt.Errorf("%d calls are found, not %d", n, preparedCalls)}
	}
	return err
}

func (v *visitor) call(round int) errand {
	return errand{"", func(ctx context.Context) error {
		got, err := v.double.Call(ctx, round)
		if err == nil && got != 2*round {
			err = wrong{fmt.Errorf("2 × %d is %d", round, got)}
		}
		return err
	}, func(ctx context.Context, done bool) error {
		key, err := v.double.Key(round)
		if err != nil {
			return err
		}
		r, err := v.nearby.Calls.Load(ctx, key)
		switch {
		case errors.Is(err, quiver.ErrNotFound) && !done:
			return nil
		case err == nil && r.Inline == nil:
			return errors.New("its result is not in the record")
		}
		return err
	}}
}

// nothingIsDoubled looks at all that is in the bucket: each object and each call is there once, and none that nobody wrote.
func (v *visitor) nothingIsDoubled(t *testing.T) {
	t.Helper()
	objects := map[string]int{}
	for info, err := range bucket.All(t.Context(), v.near, bucket.ListOptions{Prefix: "written/"}) {
		must(t, err)
		objects[info.Key]++
	}
	if len(objects) > 2*v.rounds {
		t.Errorf("%d objects are there of %d that were written: %v", len(objects), 2*v.rounds, objects)
	}
	for _, function := range []string{"saved", "double"} {
		calls := map[digest.Digest]int{}
		for r, err := range v.nearby.Query(quiver.Query{Name: function}).All(t.Context()) {
			must(t, err)
			key, err := r.Key()
			must(t, err)
			if calls[key]++; calls[key] > 1 {
				t.Errorf("call %s of %s is found %d times", key, function, calls[key])
			}
		}
		if len(calls) > v.rounds {
			t.Errorf("%d calls of %s are found of %d that were saved", len(calls), function, v.rounds)
		}
	}
}
