package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quivercache/quiver/bucket"
)

// listChecks ask whether listings are up to date and in order.
func (x *examination) listChecks() []check {
	return []check{
		{name: "list-after-write", needed: true, after: []string{mayPut, mayList}, limit: usually, run: x.listAfterWrite,
			cost: "a query misses results that were saved, or finds evicted ones"},
		{name: "list-order", needed: true, after: []string{"list-after-write"}, limit: briefly, run: x.listOrder,
			cost: "short keys resolve to the wrong one, and long listings miss objects: the directory buckets of S3 Express list so"},
	}
}

func (x *examination) listAfterWrite(ctx context.Context) (string, error) {
	for i := range steps {
		key, a, b := fmt.Sprintf("list/%d", i), x.clients[i%clients], x.clients[(i+1)%clients]
		if err := lists(ctx, a, bucket.ListOptions{Prefix: key}); err != nil {
			return "", err
		}
		if err := create(ctx, a, key, nil); err != nil {
			return "", err
		}
		if err := lists(ctx, b, bucket.ListOptions{Prefix: key}, key); err != nil {
			return "", err
		}
		if x.verdicts[mayDelete] == Holds {
			if err := bucket.Remove(ctx, b, key); err != nil {
				return "", err
			}
			if err := lists(ctx, a, bucket.ListOptions{Prefix: key}); err != nil {
				return "", err
			}
		}
	}
	return "what one client writes or deletes is so in another's listing at once", nil
}

// listOrder makes names whose order by bytes is not that of their path segments.
func (x *examination) listOrder(ctx context.Context) (string, error) {
	ordered := []string{"order/b-c", "order/b.c", "order/b/a", "order/b/c", "order/b0", "order/b_c", "order/ba"}
	for i := range ordered {
		if err := create(ctx, x.clients[i%clients], ordered[i*3%len(ordered)], nil); err != nil {
			return "", err
		}
	}
	for _, c := range []struct {
		options bucket.ListOptions
		want    []string
	}{
		{bucket.ListOptions{Prefix: "order/"}, ordered},
		{bucket.ListOptions{Prefix: "order/", Limit: 2}, ordered},
		{bucket.ListOptions{Prefix: "order/b/"}, ordered[2:4]},
		{bucket.ListOptions{Prefix: "order/b", After: "order/b/b"}, ordered[3:]},
	} {
		if err := lists(ctx, x.clients[0], c.options, c.want...); err != nil {
			return "", err
		}
	}
	return "listings are in the order of their keys' bytes, from any key on, by any prefix", nil
}

// lists demands that a listing yields these keys, in this order.
func lists(ctx context.Context, b bucket.Bucket, options bucket.ListOptions, want ...string) error {
	got := []string{}
	for info, err := range bucket.All(ctx, b, options) {
		if err != nil {
			return err
		}
		got = append(got, info.Key)
	}
	if !slices.Equal(got, want) {
		return unmetf("the listing of %s* shows %q, not %q", options.Prefix, strings.Join(got, " "), strings.Join(want, " "))
	}
	return nil
}
