package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/quivercache/quiver/bucket"
)

// deleteChecks ask whether a delete can have a condition. Where the bucket says so, Quiver relies on it; where it does not, Quiver gets by.
func (x *examination) deleteChecks() []check {
	c := check{name: "conditional-delete", after: []string{mayDelete, "missing-match", "swap-race"}, limit: usually, run: x.probeDelete,
		cost: "a delete may hit what somebody else just wrote, so Quiver takes care: quiver transform leaves the old records of calls that it moves"}
	if deleter, ok := bucket.As[bucket.ConditionalDeleter](x.clients[0]); ok {
		c.needed = true
		c.cost = "who evicts an old version removes the newer one; take conditional_delete=true out of the URL, if it is there"
		c.run = func(ctx context.Context) (string, error) {
			return "a delete of an old version is refused", x.deletesConditionally(ctx, x.clients[0], deleter)
		}
	}
	return []check{c}
}

// probeDelete finds out whether the store honours the condition that the bucket does not use.
func (x *examination) probeDelete(ctx context.Context) (string, error) {
	const without = "deletes of this store have no condition"
	if x.Conditional == nil {
		return "", unmetf(without)
	}
	b, err := x.client(ctx, x.Conditional)
	if errors.Is(err, bucket.ErrInvalid) {
		return "", unmetf(without)
	}
	if err != nil {
		return "", err
	}
	defer b.Close()
	deleter, ok := bucket.As[bucket.ConditionalDeleter](b)
	if !ok {
		return "", unmetf(without)
	}
	if err := x.deletesConditionally(ctx, b, deleter); err != nil {
		return "", err
	}
	return "a delete of an old version is refused; Quiver makes use of it with conditional_delete=true in the URL", nil
}

// deletesConditionally demands that a delete removes just the version that was read, also while somebody replaces it.
func (x *examination) deletesConditionally(ctx context.Context, b bucket.Bucket, deleter bucket.ConditionalDeleter) error {
	const key = "delete/object"
	old, err := x.created(ctx, key)
	if err != nil {
		return err
	}
	if err := replace(ctx, b, key, old, []byte("the second")); err != nil {
		return err
	}
	err = deleter.DeleteIf(ctx, key, old)
	if outage(err) {
		return err
	}
	info, err := holds(ctx, x.clients[1], key, []byte("the second"))
	if err != nil {
		return unmetf("a delete of a version that had been replaced was not refused")
	}
	if err := deleter.DeleteIf(ctx, key, info.Version); err != nil {
		return err
	}
	if err := x.gone(ctx, x.clients[1], key); err != nil {
		return err
	}
	for n := range rounds {
		if err := x.deleteRace(ctx, fmt.Sprintf("delete/%d", n), deleter); err != nil {
			return err
		}
	}
	return nil
}

// deleteRace lets one client delete and the others replace one version: one of them all wins.
func (x *examination) deleteRace(ctx context.Context, key string, deleter bucket.ConditionalDeleter) error {
	version, err := x.created(ctx, key)
	if err != nil {
		return err
	}
	outcomes := together(clients, func(i int) error {
		if i == 0 {
			return deleter.DeleteIf(ctx, key, version)
		}
		return x.clients[i].Put(ctx, key, bucket.Bytes([]byte{byte(i)}), bucket.IfMatch(version))
	})
	winners := 0
	for _, err := range outcomes {
		switch {
		case err == nil:
			winners++
		case !errors.Is(err, bucket.ErrChanged) && !errors.Is(err, bucket.ErrNotFound):
			return err
		}
	}
	if winners > 1 {
		return unmetf("of a delete and replacements of one version at once %d were told that they had won", winners)
	}
	return nil
}
