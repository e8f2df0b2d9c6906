package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// mustOf is for what cannot fail.
func mustOf[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// callOf makes a new call of a function, whose argument is the process and a number.
func (h *hand) callOf(name string) callindex.Call {
	h.n++
	argument := mustOf(digest.Of(input{h.process, h.n}))
	return callindex.Call{Name: name, Version: quiver.IntVersion(1), Arguments: []callindex.Argument{{Name: "in", Digest: argument}}}
}

// save saves a record and its value, as a program does that knows the result.
func (h *hand) save(do verb, which class, c callindex.Call, options callindex.SaveOptions) (settled bool, err error) {
	out := resultOf(h.draw())
	key := mustOf(c.Key())
	e := entry{Do: do, Class: which, Name: c.Name, Key: brief(key), Want: digestOf(out)}
	return h.do(e, object(key), func(ctx context.Context) (answer, error) {
		options.Replace = do == replace
		options.Beside = func(ctx context.Context) error {
			_, err := h.store.Values.Save(ctx, out, nil)
			return err
		}
		winner, err := h.store.Calls.Save(ctx, &quiver.Record{Call: c, Result: mustOf(digest.Of(out))}, &options)
		if err != nil {
			return answer{}, err
		}
		return answer{got: brief(winner.Result)}, nil
	})
}

func (h *hand) savePlain() error {
	c := h.callOf(h.plain)
	settled, err := h.save(save, own, c, callindex.SaveOptions{})
	if settled {
		h.plains = append(h.plains, c)
	}
	return err
}

// onPlain does something with a call that was saved, which is left alone from then on if the outcome is open.
func (h *hand) onPlain(do func(c callindex.Call) (settled bool, err error)) error {
	i, some := h.pick(len(h.plains))
	if !some {
		return h.savePlain()
	}
	settled, err := do(h.plains[i])
	if !settled {
		h.plains = slices.Delete(h.plains, i, i+1)
	}
	return err
}

func (h *hand) saveAgain() error {
	return h.onPlain(func(c callindex.Call) (bool, error) { return h.save(save, own, c, callindex.SaveOptions{}) })
}

func (h *hand) replacePlain() error {
	return h.onPlain(func(c callindex.Call) (bool, error) { return h.save(replace, own, c, callindex.SaveOptions{}) })
}

func (h *hand) evictPlain() error {
	return h.onPlain(func(c callindex.Call) (bool, error) { return h.evict(own, c.Name, mustOf(c.Key())) })
}

func (h *hand) evict(which class, name string, key digest.Digest) (settled bool, err error) {
	return h.do(entry{Do: evict, Class: which, Name: name, Key: brief(key)}, object(key), func(ctx context.Context) (answer, error) {
		return answer{}, h.store.Calls.Evict(ctx, key)
	})
}

func (h *hand) loadPlain() error {
	return h.onPlain(func(c callindex.Call) (bool, error) {
		key := mustOf(c.Key())
		return h.do(entry{Do: load, Class: own, Name: c.Name, Key: brief(key)}, object(key), func(ctx context.Context) (answer, error) {
			return loadRecord(ctx, h.store, key)
		})
	})
}

// loadRecord loads a record and its result.
func loadRecord(ctx context.Context, s *quiver.Store, key digest.Digest) (answer, error) {
	r, err := s.Calls.Load(ctx, key)
	if err != nil {
		return answer{}, err
	}
	out, err := blobstore.LoadAs[result](ctx, s.Values, r.Result)
	if errors.Is(err, quiver.ErrNotFound) {
		err = fmt.Errorf("%w: %w", errDangling, err)
	}
	return answer{got: digestOf(out)}, err
}

// saveAged saves a call as if that had been more than a year ago.
func (h *hand) saveAged() error {
	_, err := h.save(save, aged, h.callOf(h.aged), callindex.SaveOptions{Saved: op.SystemClock().Now().Add(-2 * ripe)})
	return err
}

// ripe is how old a call must be to be collected.
const ripe = 300 * 24 * time.Hour

// call calls a memoised function, whose result, if it is run, is one that nobody else has.
func (h *hand) call(do verb, which class, name string, f *function, in input) (settled bool, err error) {
	drawn, key := h.draw(), mustOf(f.Key(in))
	e := entry{Do: do, Class: which, Name: name, Key: brief(key), Want: digestOf(resultOf(drawn))}
	return h.do(e, object(key), func(ctx context.Context) (answer, error) {
		ctx = context.WithValue(ctx, token{}, drawn)
		call := f.Call
		if do == replace {
			call = f.Refresh
		}
		out, err := call(ctx, in)
		return answer{got: digestOf(out)}, err
	})
}

func (h *hand) load(which class, name string, f *function, in input) (settled bool, err error) {
	key := mustOf(f.Key(in))
	return h.do(entry{Do: load, Class: which, Name: name, Key: brief(key)}, object(key), func(ctx context.Context) (answer, error) {
		out, err := f.Load(ctx, in)
		return answer{got: digestOf(out)}, err
	})
}

// prepare prepares a call, and commits or abandons it, by itself or by its token.
func (h *hand) prepare(which class, name string, f *function, in input) (settled bool, err error) {
	out, key := resultOf(h.draw()), mustOf(f.Key(in))
	e := entry{Do: save, Class: which, Name: name, Key: brief(key), Want: digestOf(out)}
	abandon, elsewhere := h.chance.IntN(4) == 0, h.chance.IntN(2) == 0
	return h.do(e, object(key), func(ctx context.Context) (answer, error) {
		p, err := f.Prepare(ctx, in, onceTerm)
		if _, held := errors.AsType[*quiver.HeldError](err); held || errors.Is(err, quiver.ErrRemembered) {
			return answer{end: nothing}, nil
		}
		if err != nil {
			return answer{}, err
		}
		if elsewhere {
			if p, err = f.Resume(p.Token()); err != nil {
				return answer{}, err
			}
		}
		if abandon {
			return answer{end: nothing}, p.Abandon(ctx)
		}
		remembered, err := p.Commit(ctx, out)
		return answer{got: digestOf(remembered)}, err
	})
}

func (h *hand) memoName() string { return "memo-" + h.name }

// onMemo does something with a call of the hand's memoised function: with a new one, or with one that may be written.
func (h *hand) onMemo(isNew bool, do func(in input) (settled bool, err error)) error {
	i, some := h.pick(len(h.memos))
	if isNew || !some {
		h.n++
		h.memos = append(h.memos, h.n)
		i = len(h.memos) - 1
	}
	settled, err := do(input{h.process, h.memos[i]})
	if !settled {
		h.memos = slices.Delete(h.memos, i, i+1)
	}
	return err
}

func (h *hand) callMemo() error {
	return h.onMemo(h.chance.IntN(2) == 0, func(in input) (bool, error) { return h.call(save, own, h.memoName(), h.memo, in) })
}

func (h *hand) refreshMemo() error {
	return h.onMemo(false, func(in input) (bool, error) { return h.call(replace, own, h.memoName(), h.memo, in) })
}

func (h *hand) evictMemo() error {
	return h.onMemo(false, func(in input) (bool, error) { return h.evict(own, h.memoName(), mustOf(h.memo.Key(in))) })
}

func (h *hand) loadMemo() error {
	return h.onMemo(false, func(in input) (bool, error) { return h.load(own, h.memoName(), h.memo, in) })
}

func (h *hand) prepareMemo() error {
	return h.onMemo(h.chance.IntN(2) == 0, func(in input) (bool, error) { return h.prepare(own, h.memoName(), h.memo, in) })
}

// somePublic is a call that all may make.
func (h *hand) somePublic() input { return input{N: h.chance.IntN(publicCalls)} }

func (h *hand) callPublic() error {
	_, err := h.call(save, shared, publicName, h.public, h.somePublic())
	return err
}

func (h *hand) callOnce() error {
	_, err := h.call(save, shared, publicName, h.onceful, h.somePublic())
	return err
}

func (h *hand) loadPublic() error {
	_, err := h.load(shared, publicName, h.public, h.somePublic())
	return err
}

func (h *hand) preparePublic() error {
	_, err := h.prepare(shared, publicName, h.public, h.somePublic())
	return err
}

func (h *hand) queryPublic() error {
	_, err := h.do(entry{Do: query, Class: shared, Name: publicName}, "", func(ctx context.Context) (answer, error) {
		rows, err := rowsOf(ctx, h.public.Query(quiver.Query{}), every)
		return answer{rows: rows}, err
	})
	return err
}

func (h *hand) someChanging() input { return input{N: h.chance.IntN(changingCalls)} }

func (h *hand) callChanging() error {
	_, err := h.call(save, contended, changingName, h.changing, h.someChanging())
	return err
}

func (h *hand) refreshChanging() error {
	_, err := h.call(replace, contended, changingName, h.changing, h.someChanging())
	return err
}

func (h *hand) evictChanging() error {
	_, err := h.evict(contended, changingName, mustOf(h.changing.Key(h.someChanging())))
	return err
}

func (h *hand) loadChanging() error {
	_, err := h.load(contended, changingName, h.changing, h.someChanging())
	return err
}

// saveValue saves a value that no record names.
func (h *hand) saveValue() error {
	out := resultOf(h.draw())
	key := mustOf(digest.Of(out))
	e := entry{Do: save, Class: value, Key: brief(key), Want: brief(key)}
	settled, err := h.do(e, layout.ValueSpace.Name(key), func(ctx context.Context) (answer, error) {
		saved, err := h.store.Values.Save(ctx, out, nil)
		return answer{got: brief(saved)}, err
	})
	if settled {
		h.values = append(h.values, key)
	}
	return err
}

// onValue does something with a value that was saved.
func (h *hand) onValue(do verb, operation func(ctx context.Context, key digest.Digest) (answer, error)) error {
	i, some := h.pick(len(h.values))
	if !some {
		return h.saveValue()
	}
	key := h.values[i]
	settled, err := h.do(entry{Do: do, Class: value, Key: brief(key)}, layout.ValueSpace.Name(key), func(ctx context.Context) (answer, error) {
		return operation(ctx, key)
	})
	if !settled {
		h.values = slices.Delete(h.values, i, i+1)
	}
	return err
}

func (h *hand) evictValue() error {
	return h.onValue(evict, func(ctx context.Context, key digest.Digest) (answer, error) {
		return answer{}, h.store.Values.Evict(ctx, key)
	})
}

func (h *hand) loadValue() error {
	return h.onValue(load, func(ctx context.Context, key digest.Digest) (answer, error) {
		out, err := blobstore.LoadAs[result](ctx, h.store.Values, key)
		return answer{got: digestOf(out)}, err
	})
}

// queryOwn asks for all calls of one of the hand's functions, also those of its former processes.
func (h *hand) queryOwn() error {
	name := []string{h.plain, h.aged, h.memoName()}[h.chance.IntN(3)]
	_, err := h.do(entry{Do: query, Class: own, Name: name}, "", func(ctx context.Context) (answer, error) {
		rows, err := rowsOf(ctx, h.store.Query(quiver.Query{Name: name}), every)
		return answer{rows: rows}, err
	})
	return err
}

// queryAll asks for everything, and keeps what is the hand's own.
func (h *hand) queryAll() error {
	_, err := h.do(entry{Do: query, Class: own}, "", func(ctx context.Context) (answer, error) {
		rows, err := rowsOf(ctx, h.store.Query(quiver.Query{}), isOwnOf(h.name))
		return answer{rows: rows}, err
	})
	return err
}

func (h *hand) fold() error {
	name := []string{h.plain, h.memoName(), publicName, changingName}[h.chance.IntN(4)]
	_, err := h.do(entry{Do: tend, Name: "fold " + name}, "", func(ctx context.Context) (answer, error) {
		_, err := h.store.Fold(ctx, &quiver.FoldOptions{Function: name})
		return answer{}, err
	})
	return err
}

func (h *hand) foldAll() error {
	_, err := h.do(entry{Do: tend, Name: "fold"}, "", func(ctx context.Context) (answer, error) {
		_, err := h.store.Fold(ctx, nil)
		return answer{}, err
	})
	return err
}

func (h *hand) sweep() error {
	_, err := h.do(entry{Do: tend, Name: "sweep"}, "", func(ctx context.Context) (answer, error) {
		_, err := h.store.Sweep(ctx)
		return answer{}, err
	})
	return err
}

func (h *hand) collect() error {
	_, err := h.do(entry{Do: collect}, "", func(ctx context.Context) (answer, error) {
		return answer{}, collectGarbage(ctx, h.store, h.dir)
	})
	return err
}

// collectGarbage removes what nothing needs, and all aged calls.
func collectGarbage(ctx context.Context, s *quiver.Store, dir string) error {
	garbage, err := s.FindGarbage(ctx, &quiver.GCOptions{MaxAge: ripe, TempDir: dir})
	if err != nil {
		return err
	}
	_, err = garbage.Remove(ctx)
	return errors.Join(err, garbage.Close())
}
