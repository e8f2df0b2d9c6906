package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/quivercache/quiver/bucket"
)

// writeChecks ask whether the store keeps to the conditions of writes.
func (x *examination) writeChecks() []check {
	tried := []string{mayPut, mayGet, "may-replace"}
	large := []check{{name: "large-condition", needed: true, after: tried, limit: long, run: x.largeCondition,
		cost: "of two large results under one key the later one wins unseen, and a healed one can be overwritten"}}
	if x.NoLarge {
		large[0].run = func(context.Context) (string, error) { return "", untoldf("left out, as was asked") }
	}
	return append([]check{
		{name: "create-race", needed: true, after: []string{mayPut, mayGet}, limit: usually, run: x.createRace,
			cost: "two clients that compute one call both believe that theirs was saved, and get different results"},
		{name: "stale-match", needed: true, after: tried, limit: briefly, run: x.staleMatch,
			cost: "who has read an old version overwrites the newer one: acknowledged saves are lost"},
		{name: "missing-match", needed: true, after: tried, limit: briefly, run: x.missingMatch,
			cost: "who replaces what somebody else has just evicted brings it back"},
		{name: "swap-race", needed: true, after: tried, limit: usually, run: x.swapRace,
			cost: "of two clients that fold at once one's work vanishes: acknowledged saves are lost"},
	}, large...)
}

func (x *examination) createRace(ctx context.Context) (string, error) {
	for n := range rounds {
		if err := x.race(ctx, fmt.Sprintf("create/%d", n), 100, bucket.IfAbsent(), x.clients); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("of %d clients that create one object at once one wins, in %d rounds", clients, rounds), nil
}

func (x *examination) swapRace(ctx context.Context) (string, error) {
	for n := range rounds {
		key := fmt.Sprintf("swap/%d", n)
		version, err := x.created(ctx, key)
		if err != nil {
			return "", err
		}
		if err := x.race(ctx, key, 100, bucket.IfMatch(version), x.clients); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("of %d clients that replace one version at once one wins, in %d rounds", clients, rounds), nil
}

// created makes an object and returns its version.
func (x *examination) created(ctx context.Context, key string) (bucket.Version, error) {
	content := []byte("the first")
	if err := create(ctx, x.clients[0], key, content); err != nil {
		return "", err
	}
	info, err := holds(ctx, x.clients[0], key, content)
	return info.Version, err
}

// race lets clients write to one key at once under one condition: at most one may be told that it has written, and what is there then is the whole of its
// bytes. That nobody is told is the loss of an answer, which the contract allows.
func (x *examination) race(ctx context.Context, key string, size int, condition bucket.Condition, racers []bucket.Bucket) error {
	bodies := make([][]byte, len(racers))
	for i := range bodies {
		var err error
		if bodies[i], err = x.content(size); err != nil {
			return err
		}
	}
	outcomes := together(len(racers), func(i int) error { return racers[i].Put(ctx, key, bucket.Bytes(bodies[i]), condition) })
	var winners [][]byte
	for i, err := range outcomes {
		switch {
		case err == nil:
			winners = append(winners, bodies[i])
		case !errors.Is(err, bucket.ErrExists) && !errors.Is(err, bucket.ErrChanged):
			return err
		}
	}
	if len(winners) > 1 {
		return unmetf("%d of %d clients that wrote to one object at once were told that they had won", len(winners), len(racers))
	}
	got, _, err := bucket.ReadAll(ctx, racers[0], key, int64(size)+1<<20)
	switch {
	case err != nil:
		return err
	case len(winners) == 1 && !bytes.Equal(got, winners[0]):
		return unmetf("what was written at once by %d clients does not hold the bytes of the one who won", len(racers))
	case !slices.ContainsFunc(bodies, func(body []byte) bool { return bytes.Equal(got, body) }):
		return unmetf("what was written at once by %d clients holds the bytes of none", len(racers))
	}
	return nil
}

// together does n things at once and returns what came of each.
func together(n int, do func(i int) error) []error {
	outcomes := make([]error, n)
	start := make(chan struct{})
	var racing sync.WaitGroup
	for i := range n {
		racing.Go(func() {
			<-start
			outcomes[i] = do(i)
		})
	}
	close(start)
	racing.Wait()
	return outcomes
}

func (x *examination) staleMatch(ctx context.Context) (string, error) {
	const key = "stale/object"
	old, err := x.created(ctx, key)
	if err != nil {
		return "", err
	}
	if err := replace(ctx, x.clients[1], key, old, []byte("the second")); err != nil {
		return "", err
	}
	err = x.clients[2].Put(ctx, key, bucket.Bytes([]byte("the third")), bucket.IfMatch(old))
	if err := refused(err, bucket.ErrChanged, "a replacement of a version that had been replaced"); err != nil {
		return "", err
	}
	_, err = holds(ctx, x.clients[3], key, []byte("the second"))
	return "a replacement of an old version is refused", err
}

func (x *examination) missingMatch(ctx context.Context) (string, error) {
	version, err := x.created(ctx, "match/object")
	if err != nil {
		return "", err
	}
	keys := []string{"match/missing"}
	if x.verdicts[mayDelete] == Holds {
		if err := bucket.Remove(ctx, x.clients[0], "match/object"); err != nil {
			return "", err
		}
		keys = append(keys, "match/object")
	}
	for _, key := range keys {
		err := x.clients[1].Put(ctx, key, bucket.Bytes([]byte("again")), bucket.IfMatch(version))
		if err := refused(err, bucket.ErrChanged, "a replacement of an object that is not there"); err != nil {
			return "", err
		}
		if err := x.gone(ctx, x.clients[2], key); err != nil {
			return "", err
		}
	}
	return "a replacement of an object that is gone is refused, and makes none", nil
}

// largeCondition writes above the size from which an upload has parts: two creations at once, then a replacement of an old version.
func (x *examination) largeCondition(ctx context.Context) (string, error) {
	if err := x.race(ctx, "large/created", x.Large, bucket.IfAbsent(), x.clients[:2]); err != nil {
		return "", err
	}
	const key = "large/replaced"
	old, err := x.created(ctx, key)
	if err != nil {
		return "", err
	}
	if err := replace(ctx, x.clients[0], key, old, []byte("the second")); err != nil {
		return "", err
	}
	err = x.clients[1].Put(ctx, key, bucket.Bytes(make([]byte, x.Large)), bucket.IfMatch(old))
	if err := refused(err, bucket.ErrChanged, "a large replacement of a version that had been replaced"); err != nil {
		return "", err
	}
	_, err = holds(ctx, x.clients[2], key, []byte("the second"))
	return fmt.Sprintf("uploads of %d MiB keep to their conditions, and come back byte for byte", x.Large>>20), err
}
