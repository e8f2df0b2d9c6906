package callindex

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// jsonMetadata turns metadata into what its JSON reads as: objects, lists, texts, bools, nil and json.Number.
func jsonMetadata(m Metadata) (Metadata, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("metadata has no JSON: %w", err)
	}
	var plain Metadata
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&plain); err != nil {
		return nil, fmt.Errorf("metadata is no object of objects: %w", err)
	}
	return plain, nil
}

// matchMetadata says whether what is there has all that is wanted.
func matchMetadata(wanted, there Metadata) bool {
	for name, keys := range wanted {
		group, ok := there[name]
		if !ok {
			return false
		}
		for key, value := range keys {
			got, ok := group[key]
			if !ok || value != nil && !equalJSON(value, got) {
				return false
			}
		}
	}
	return true
}

// equalJSON compares by JSON value: numbers by their value, however they are written; true is not 1.
func equalJSON(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && equalNumbers(a, b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equalJSON(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key := range a {
			other, ok := b[key]
			if !ok || !equalJSON(a[key], other) {
				return false
			}
		}
		return true
	}
	return a == b
}

// equalNumbers compares numbers of JSON exactly.
func equalNumbers(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, okX := rational(a)
	y, okY := rational(b)
	return okX && okY && x.Cmp(y) == 0
}

// maxExponent bounds the work of a comparison: a number with more digits equals only what is written as it is.
const maxExponent = 400

// rational is the value of a number; a float64 has at most 308 digits before the point.
func rational(n json.Number) (*big.Rat, bool) {
	if at := strings.IndexAny(string(n), "eE"); at >= 0 {
		if exponent, err := strconv.Atoi(strings.TrimPrefix(string(n[at+1:]), "+")); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return nil, false
		}
	}
	return new(big.Rat).SetString(string(n))
}
