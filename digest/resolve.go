package digest

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// An AmbiguousError says that a prefix names two keys at least. Contract: AmbiguousDigestError.
type AmbiguousError struct {
	Prefix     Prefix
	Candidates [2]Digest // the two smallest keys with this prefix
	Need       int       // hex characters that tell the two apart: their longest common prefix + 1
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("digest: short digest %s is ambiguous: it may be %s or %s; need at least %d characters",
		e.Prefix, e.Candidates[0], e.Candidates[1], e.Need)
}

func ambiguous(p Prefix, a, b Digest) *AmbiguousError {
	return &AmbiguousError{Prefix: p, Candidates: [2]Digest{a, b}, Need: CommonPrefix(a, b) + 1}
}

// Resolve returns the one candidate that p is a prefix of. Candidates come in any order; equal ones count once, and
// those without the prefix do not count, so it is enough to pass the two smallest keys at or after p.
// Errors: [ErrNotFound], *[AmbiguousError], and those of [ParsePrefix].
//
// Contract: _resolve_prefix.
func Resolve(p Prefix, candidates []Digest) (Digest, error) {
	full, short, isFull, err := Split(p)
	if err != nil {
		return Digest{}, err
	}
	matches := slices.DeleteFunc(slices.Clone(candidates), func(d Digest) bool {
		if isFull {
			return d != full
		}
		return !d.startsWith(short)
	})
	slices.SortFunc(matches, Digest.Compare)
	matches = slices.Compact(matches)
	switch len(matches) {
	case 0:
		return Digest{}, fmt.Errorf("%w: nothing begins with %s", ErrNotFound, p)
	case 1:
		return matches[0], nil
	default:
		return Digest{}, ambiguous(short, matches[0], matches[1])
	}
}

// CommonPrefix returns how many leading hex characters a and b share: 0 to 64.
func CommonPrefix(a, b Digest) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			return 2*i + bits.LeadingZeros8(x)/4
		}
	}
	return textSize
}

var errUnsorted = errors.New("digest: Shortest needs all keys sorted and each of them once")

// Shortest returns, in the order of keys, the shortest prefix of each (4 characters at least) that names it alone
// within all. The set all must be sorted, each digest once; it is checked. A key that is not in all is [ErrNotFound]. A key that
// only its 64 characters tell from another cannot be shortened and is an *[AmbiguousError].
//
// Contract: KeyManagement.shrink.
func Shortest(keys, all []Digest) ([]Prefix, error) {
	for i := 1; i < len(all); i++ {
		if all[i-1].Compare(all[i]) >= 0 {
			return nil, errUnsorted
		}
	}
	prefixes := make([]Prefix, len(keys))
	for i, key := range keys {
		at, found := slices.BinarySearchFunc(all, key, Digest.Compare)
		if !found {
			return nil, fmt.Errorf("%w: %s", ErrNotFound, key)
		}
		// In sorted order, no digest shares more with a key than its neighbours do.
		need := MinPrefix
		for _, n := range [...]int{at - 1, at + 1} {
			if n < 0 || n >= len(all) {
				continue
			}
			need = max(need, CommonPrefix(key, all[n])+1)
			if need > MaxPrefix {
				low, high := min(at, n), max(at, n)
				return nil, fmt.Errorf("cannot shorten %s: %w", key, ambiguous(key.Abbreviate(MaxPrefix), all[low], all[high]))
			}
		}
		prefixes[i] = key.Abbreviate(need)
	}
	return prefixes, nil
}
