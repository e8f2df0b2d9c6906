package failures_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// foundCalls is how many calls of a phase there are to be found.
const foundCalls = 5

func callOf(function string, i int) callindex.Call {
	return callindex.Call{Name: function, Version: callindex.IntVersion(int64(i))}
}

func resultOf(function string, i int) []byte {
	return content(fmt.Sprint(function, " ", i), 100+i)
}

func keyOf(function string, i int) digest.Digest {
	c := callOf(function, i)
	key, err := c.Key()
	if err != nil {
		panic(err) // it has a name
	}
	return key
}

func recordOf(function string, i int) *callindex.Record {
	return &callindex.Record{Call: callOf(function, i), Result: digest.OfBytes(resultOf(function, i))}
}

// save saves a call with a result of its own. That another result is remembered is wrong.
func save(ctx context.Context, s *quiver.Store, function string, i int) error {
	ours := recordOf(function, i)
	winner, err := s.Calls.Save(ctx, ours, &callindex.SaveOptions{Beside: func(ctx context.Context) error {
		_, err := s.Values.SaveBytes(ctx, resultOf(function, i))
		return err
	}})
	if err == nil && winner.Result != ours.Result {
		err = wrong{fmt.Errorf("call %d of %s has the result %s, not its own, %s", i, function, winner.Result, ours.Result)}
	}
	return err
}

// load loads a call and its result, and says whether they are as they were saved.
func load(ctx context.Context, s *quiver.Store, function string, i int) error {
	r, err := s.Calls.Load(ctx, keyOf(function, i))
	if err != nil {
		return err
	}
	want := recordOf(function, i)
	if r.Name != want.Name || r.Version != want.Version || r.Result != want.Result {
		return wrong{fmt.Errorf("%+v is not call %d of %s", r, i, function)}
	}
	return loadValue(ctx, s, resultOf(function, i))
}

func loadValue(ctx context.Context, s *quiver.Store, value []byte) error {
	got, err := s.Values.LoadBytes(ctx, digest.OfBytes(value), 1<<30)
	return unless(err, func() error { return same(got, value) })
}

// largeValue is the size of values that are looked for before they are sent.
func (c *caller) largeValue() int { return max(c.large/10, mebibyte) }

// The arguments of the memoised function in a phase.
func remembered(phase string) int { return 3 * int(binary.BigEndian.Uint32(content(phase, 4))) }
func refreshed(phase string) int  { return remembered(phase) + 1 }
func computed(phase string) int   { return remembered(phase) + 2 }

// loads are the operations of a store that change nothing.
func (c *caller) loads(phase string) map[string]errand {
	s := c.store
	value, record := digest.OfBytes(resultOf(phase, 0)), keyOf(phase, 0)
	short := func(d digest.Digest) digest.Prefix { return digest.Prefix(d.String()[:12]) }
	is := func(want any) func(got any, err error) error {
		return func(got any, err error) error {
			if err == nil && got != want {
				err = wrong{fmt.Errorf("%v, not %v", got, want)}
			}
			return err
		}
	}
	found := quiver.Query{Name: phase}
	loads := map[string]func(ctx context.Context) error{
		"load value":       func(ctx context.Context) error { return loadValue(ctx, s, resultOf(phase, 0)) },
		"load large value": func(ctx context.Context) error { return loadValue(ctx, s, content("loaded "+phase, c.largeValue())) },
		"open value":       func(ctx context.Context) error { return openValue(ctx, s, resultOf(phase, 1)) },
		"contains value":   func(ctx context.Context) error { return is(true)(s.Values.Contains(ctx, value)) },
		"expand value":     func(ctx context.Context) error { return is(value)(s.Values.Expand(ctx, short(value))) },
		"shrink value":     func(ctx context.Context) error { return only(s.Values.Shrink(ctx, value)) },
		"list values":      func(ctx context.Context) error { return lists(s.Values.List(ctx, digest.Digest{}), value) },

		"load call":     func(ctx context.Context) error { return load(ctx, s, phase, 0) },
		"contains call": func(ctx context.Context) error { return is(true)(s.Calls.Contains(ctx, short(record))) },
		"list calls":    func(ctx context.Context) error { return lists(s.Calls.List(ctx, digest.Digest{}), record) },
		"query":         func(ctx context.Context) error { return is(foundCalls)(s.Query(found).Count(ctx)) },
		"transform": func(ctx context.Context) error {
			t, err := s.Calls.Transform(ctx, nil, &callindex.TransformOptions{Query: found})
			return is(callindex.Transform{Seen: foundCalls, Same: foundCalls})(t, err)
		},
		"expand": func(ctx context.Context) error { return is(record)(s.Expand(ctx, short(record))) },
		"shrink": func(ctx context.Context) error { return only(s.Shrink(ctx, record)) },

		"function, remembered": func(ctx context.Context) error {
			return is(2 * remembered(phase))(c.double.Call(ctx, remembered(phase)))
		},
		"function, asked for": func(ctx context.Context) error { return is(true)(c.double.Contains(ctx, remembered(phase))) },
		"function, loaded": func(ctx context.Context) error {
			return is(2 * remembered(phase))(c.double.Load(ctx, remembered(phase)))
		},
		"function, queried": func(ctx context.Context) error { return only(c.double.Query(quiver.Query{}).Count(ctx)) },
	}
	errands := map[string]errand{}
	for name, do := range loads {
		errands[name] = errand{"", do, nil}
	}
	return errands
}

// saves are the operations of a store that change it.
func (c *caller) saves(phase string) map[string]errand {
	s := c.store
	ofValue := func(value []byte, save func(ctx context.Context) error) errand {
		return errand{"", save, func(ctx context.Context, near *caller, done bool) error {
			return unlessMissing(loadValue(ctx, near.store, value), done)
		}}
	}
	small, large, streamed := content("saved "+phase, 1000), content("saved "+phase, c.largeValue()), content("streamed "+phase, c.largeValue())
	return map[string]errand{
		"save value":       ofValue(small, func(ctx context.Context) error { return only(s.Values.SaveBytes(ctx, small)) }),
		"save large value": ofValue(large, func(ctx context.Context) error { return only(s.Values.SaveBytes(ctx, large)) }),
		"save stream":      ofValue(streamed, func(ctx context.Context) error { return only(s.Values.SaveReader(ctx, bytes.NewReader(streamed), nil)) }),
		"evict value": {"", func(ctx context.Context) error {
			return s.Values.Evict(ctx, digest.OfBytes(content("evicted "+phase, 100)))
		},
			func(ctx context.Context, near *caller, done bool) error {
				return unlessThere(loadValue(ctx, near.store, content("evicted "+phase, 100)), done)
			}},

		"save call": {"", func(ctx context.Context) error { return save(ctx, s, "saved "+phase, 0) },
			func(ctx context.Context, near *caller, done bool) error {
				return unlessMissing(load(ctx, near.store, "saved "+phase, 0), done)
			}},
		"save calls": {"", func(ctx context.Context) error { return saveTogether(ctx, s, "together "+phase) },
			func(ctx context.Context, near *caller, done bool) error {
				n, err := near.store.Query(quiver.Query{Name: "together " + phase}).Count(ctx)
				if err == nil && (n > foundCalls || done && n < foundCalls) {
					err = fmt.Errorf("%d of %d are found", n, foundCalls)
				}
				return err
			}},
		"evict call": {"", func(ctx context.Context) error { return s.Calls.Evict(ctx, keyOf("evicted "+phase, 0)) },
			func(ctx context.Context, near *caller, done bool) error {
				return unlessThere(load(ctx, near.store, "evicted "+phase, 0), done)
			}},
		"function, new":       c.function(computed(phase), c.double.Call),
		"function, refreshed": c.function(refreshed(phase), c.double.Refresh),
	}
}

// unlessMissing is err, unless it says that nothing is there, and nothing need be.
func unlessMissing(err error, must bool) error {
	if errors.Is(err, quiver.ErrNotFound) && !must {
		return nil
	}
	return err
}

// unlessThere is nil where nothing is there, and where something is that need not have gone.
func unlessThere(err error, gone bool) error {
	switch {
	case errors.Is(err, quiver.ErrNotFound):
		return nil
	case err == nil && gone:
		return errors.New("it is still there")
	}
	return err
}

func (c *caller) function(n int, call func(ctx context.Context, n int) (int, error)) errand {
	return errand{"", func(ctx context.Context) error {
		got, err := call(ctx, n)
		if err == nil && got != 2*n {
			err = wrong{fmt.Errorf("2 × %d is %d", n, got)}
		}
		return err
	}, func(ctx context.Context, near *caller, done bool) error {
		got, err := near.double.Load(ctx, n)
		if err == nil && got != 2*n {
			err = fmt.Errorf("2 × %d is remembered as %d", n, got)
		}
		return unlessMissing(err, done)
	}}
}

func saveTogether(ctx context.Context, s *quiver.Store, function string) error {
	var records []*callindex.Record
	for i := range foundCalls {
		records = append(records, recordOf(function, i))
	}
	return only(s.Calls.SaveAll(ctx, records, nil))
}

func only(_ any, err error) error { return err }

func openValue(ctx context.Context, s *quiver.Store, value []byte) error {
	r, err := s.Values.Open(ctx, digest.OfBytes(value))
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	return unless(err, func() error { return same(got, value) })
}

// lists says whether a key is listed, once, and every other at most once.
func lists(keys iter.Seq2[digest.Digest, error], want digest.Digest) error {
	seen := map[digest.Digest]bool{}
	for key, err := range keys {
		if err != nil {
			return err
		}
		if seen[key] {
			return wrong{fmt.Errorf("%s is listed twice", key)}
		}
		seen[key] = true
	}
	if !seen[want] {
		return wrong{fmt.Errorf("%s is not listed", want)}
	}
	return nil
}
