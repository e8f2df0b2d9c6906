package keyspace

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/op"
)

const (
	shortest = 4 // hex characters of the shortest prefix
	longest  = 63
)

// Shrink returns, for each key and in their order, the shortest prefix that names it alone. One key costs about three LISTs of two names, whatever the
// size of the storage; many keys share one listing where that is fewer requests. An unknown key is digest.ErrNotFound; a key that only all
// its 64 characters tell from another is a *digest.AmbiguousError.
//
// Contract: KeyManagement.shrink.
func (k *Keys) Shrink(ctx context.Context, keys ...digest.Key) ([]digest.Prefix, error) {
	wanted := make([]digest.Digest, len(keys))
	for i, key := range keys {
		full, err := k.Expand(ctx, key)
		if err != nil {
			return nil, err
		}
		wanted[i] = full
	}
	short := make([]digest.Prefix, len(wanted))
	for i, d := range wanted {
		other, there, err := k.nearest(ctx, d)
		if err == nil && !there {
			err = unknown(d)
		}
		if err != nil {
			return nil, err
		}
		if short[i], err = shorten(d, other); err != nil {
			return nil, err
		}
		if rest := wanted[i+1:]; i == 0 && k.listingIsCheaper(d, other, len(rest)) {
			return short, k.shrinkTogether(ctx, rest, short[1:])
		}
	}
	return short, nil
}

// Distinguish returns the shortest prefix of a digest that no other key begins with, and whether the digest is a key itself. With it, a key can be
// shrunk across several storages: the longest of the prefixes names it alone in all of them. It costs what Shrink does.
func (k *Keys) Distinguish(ctx context.Context, d digest.Digest) (short digest.Prefix, there bool, err error) {
	other, there, err := k.nearest(ctx, d)
	if err != nil {
		return "", false, err
	}
	short, err = shorten(d, other)
	return short, there, err
}

func unknown(d digest.Digest) error { return fmt.Errorf("%s: %w", d, digest.ErrNotFound) }

// shorten returns the shortest prefix of d that other does not begin with; other is d itself where there is no other.
func shorten(d, other digest.Digest) (digest.Prefix, error) {
	n := shortest
	if d != other {
		n = max(n, digest.CommonPrefix(d, other)+1)
	}
	if n > longest {
		first, second := d, other
		if first.Compare(second) > 0 {
			first, second = second, first
		}
		return "", &digest.AmbiguousError{Prefix: digest.Prefix(d.String()[:longest]), Candidates: [2]digest.Digest{first, second}, Need: n}
	}
	return digest.Prefix(d.String()[:n]), nil
}

// nearest returns the key other than d that shares the longest prefix with it, of at least the shortest length, and d itself if there is none; and
// whether d is a key.
func (k *Keys) nearest(ctx context.Context, d digest.Digest) (nearest digest.Digest, there bool, err error) {
	n := neighbours{of: d, nearest: d}
	err = k.Do(ctx, d, op.Read, func(ctx context.Context) error {
		if there, err = k.lookAhead(ctx, &n); err != nil {
			return err
		}
		return k.lookBack(ctx, &n)
	})
	return n.nearest, there, err
}

// neighbours collects the key that shares the longest prefix with another.
type neighbours struct{ of, nearest digest.Digest }

func (n *neighbours) note(other digest.Digest) {
	if other != n.of && (n.nearest == n.of || digest.CommonPrefix(n.of, other) > digest.CommonPrefix(n.of, n.nearest)) {
		n.nearest = other
	}
}

// alone is how long a prefix is that no key noted so far begins with.
func (n *neighbours) alone() int {
	if n.nearest == n.of {
		return shortest
	}
	return max(shortest, digest.CommonPrefix(n.of, n.nearest)+1)
}

// lookAhead notes who follows the key, in one request, which shows too whether the key is there. It begins with what shares the key's first 63
// characters.
func (k *Keys) lookAhead(ctx context.Context, n *neighbours) (there bool, err error) {
	hex := n.of.String()
	options := bucket.ListOptions{Prefix: k.space.Prefix(hex[:shortest]), After: k.space.Prefix(hex[:longest]), Limit: 2}
	for entry, err := range k.scan(ctx, options) {
		if err != nil {
			return false, err
		}
		n.note(entry.Digest)
		there = there || entry.Digest == n.of
		if entry.Digest.Compare(n.of) > 0 {
			break
		}
	}
	return there, nil
}

// lookBack notes who comes before the key. A listing cannot go backwards, so it begins where those begin that share a prefix which nobody behind
// the key has: few, if any. Each request that does not reach the key makes the prefix longer.
func (k *Keys) lookBack(ctx context.Context, n *neighbours) error {
	for n.alone() <= longest {
		first, err := k.firstTwo(ctx, n.of.String()[:n.alone()])
		if err != nil {
			return err
		}
		for _, other := range first {
			n.note(other)
		}
		if len(first) < 2 || first[1].Compare(n.of) >= 0 {
			return nil
		}
	}
	return nil
}

// listingIsCheaper says whether so many further keys are shrunk with fewer requests by listing all keys, whose number is estimated from the distance
// between a key and its neighbour.
func (k *Keys) listingIsCheaper(d, neighbour digest.Digest, further int) bool {
	const each = 3 // requests for a key alone
	if d == neighbour {
		return further > 1<<(4*shortest)/bucket.PageSize/each // at most about one key for each shortest prefix
	}
	a, b := binary.BigEndian.Uint64(d[:]), binary.BigEndian.Uint64(neighbour[:])
	share := float64(max(a, b)-min(a, b)) / (1 << 64)
	return 1/share/bucket.PageSize < float64(each*further)
}

// shrinkTogether shrinks keys by one listing of all.
func (k *Keys) shrinkTogether(ctx context.Context, wanted []digest.Digest, short []digest.Prefix) error {
	order := make([]int, len(wanted))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return wanted[i].Compare(wanted[j]) })

	var before, at digest.Digest // the two keys last seen
	seen := 0
	next := 0 // in order: the first key that is not answered
	answer := func(after digest.Digest, more bool) error {
		for ; next < len(order) && wanted[order[next]] == at && seen > 0; next++ {
			other := at
			if seen > 1 {
				other = before
			}
			if more && (other == at || digest.CommonPrefix(at, after) > digest.CommonPrefix(at, other)) {
				other = after
			}
			var err error
			if short[order[next]], err = shorten(at, other); err != nil {
				return err
			}
		}
		if next < len(order) && (!more || wanted[order[next]].Compare(after) < 0) {
			return unknown(wanted[order[next]])
		}
		return nil
	}
	for d, err := range k.List(ctx, digest.Digest{}) {
		if err != nil {
			return err
		}
		if err := answer(d, true); err != nil {
			return err
		}
		if next == len(order) {
			return nil
		}
		before, at, seen = at, d, seen+1
	}
	return answer(digest.Digest{}, false)
}
