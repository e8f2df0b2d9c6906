package segment

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"

	"github.com/quivercache/quiver/digest"
)

// selection is which rows of a row group are wanted, a bit each.
type selection [maxGroupRows / 64]uint64

func (s *selection) all(n int) {
	for i := range n / 64 {
		s[i] = ^uint64(0)
	}
	if n%64 > 0 {
		s[n/64] = 1<<(n%64) - 1
	}
}

func (s *selection) drop(row int) { s[row/64] &^= 1 << (row % 64) }

func (s *selection) empty() bool { return *s == selection{} }

// keep drops the rows that do not pass.
func (s *selection) keep(pass func(row int) bool) {
	for w, word := range s {
		for ; word != 0; word &= word - 1 {
			if row := w*64 + bits.TrailingZeros64(word); !pass(row) {
				s.drop(row)
			}
		}
	}
}

// between appends the rows from one on and before another.
func (s *selection) between(rows []int, from, to int) []int {
	for w := from / 64; w*64 < to; w++ {
		for word := s[w]; word != 0; word &= word - 1 {
			if row := w*64 + bits.TrailingZeros64(word); row >= from && row < to {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// narrowing drops rows that are not wanted, test by test, each of which decodes the columns that it needs. Where no row is left the rest is not decoded.
type narrowing struct {
	*reader
	p    *Predicate
	rows selection
}

func (n *narrowing) narrow() error {
	p, g := n.p, n.group
	for _, test := range []struct {
		asked bool
		drop  func() error
	}{
		{p.Name != "" && (g.low.Name != p.Name || g.high.Name != p.Name), func() error { return n.text(colName, p.Name) }},
		{p.Module != "", func() error { return n.text(colModule, p.Module) }},
		{p.Version.Kind == IntegerVersion, n.version},
		{p.Version.Kind == TextVersion, func() error { return n.text(colVersionText, p.Version.Text) }},
		{!p.Code.IsZero(), n.code},
		{len(p.Arguments) > 0, n.arguments},
		{p.Keys != nil, n.keys},
		{!p.First.IsZero() || !p.Last.IsZero(), n.between},
		{p.After != nil && g.low.Compare(*p.After) <= 0, n.after},
		{p.Result != nil, n.result},
		{p.Since != nil && g.saved.First < *p.Since || p.Until != nil && g.saved.Last >= *p.Until, n.saved},
	} {
		if n.rows.empty() {
			return nil
		}
		if !test.asked {
			continue
		}
		if err := test.drop(); err != nil {
			return err
		}
	}
	return nil
}

// text drops rows without a text.
func (n *narrowing) text(column int, text string) error {
	return n.indexed(column, func(v *view) (int32, error) { return find(v.texts, text) })
}

// version drops rows without an integer version.
func (n *narrowing) version() error {
	return n.indexed(colVersionInteger, func(v *view) (int32, error) { return find(v.integers, n.p.Version.Integer) })
}

// code drops rows without a code digest.
func (n *narrowing) code() error {
	return n.indexed(colCode, func(v *view) (int32, error) { return v.findFixed(n.p.Code[:]) })
}

// indexed drops rows without a value of the dictionary.
func (n *narrowing) indexed(column int, find func(v *view) (int32, error)) error {
	v, err := n.dictionary(column)
	if err != nil {
		return err
	}
	index, err := find(v)
	if err != nil {
		return err
	}
	if index == absent {
		n.rows = selection{}
		return nil
	}
	if v, err = n.values(column); err != nil {
		return err
	}
	n.rows.keep(func(row int) bool { return v.indexes[row] == index })
	return nil
}

// arguments drops rows without one of the arguments.
func (n *narrowing) arguments() error {
	names, err := n.dictionary(colArgumentName)
	if err != nil {
		return err
	}
	digests, err := n.dictionary(colArgumentDigest)
	if err != nil {
		return err
	}
	type indexes struct{ name, digest int32 }
	wanted := make([]indexes, len(n.p.Arguments))
	for i, a := range n.p.Arguments {
		w := &wanted[i]
		if w.name, err = find(names.texts, a.Name); err != nil {
			return err
		}
		one := !a.Digest.IsZero() // a value; else any
		if w.digest = absent; one {
			if w.digest, err = digests.findFixed(a.Digest[:]); err != nil {
				return err
			}
		}
		if w.name == absent || w.digest == absent && one {
			n.rows = selection{}
			return nil
		}
	}
	if names, digests, err = n.reader.arguments(); err != nil {
		return err
	}
	for _, w := range wanted {
		n.rows.keep(func(row int) bool {
			for v := names.first[row]; v < names.first[row+1]; v++ {
				if names.indexes[v] == w.name && (w.digest == absent || digests.indexes[v] == w.digest) {
					return true
				}
			}
			return false
		})
	}
	return nil
}

// keys drops rows whose key is none of those that are wanted.
func (n *narrowing) keys() error {
	v, err := n.values(colKey)
	if err != nil {
		return err
	}
	// Most keys are told from those that are wanted by 16 bits.
	var heads [1 << 16 / 64]uint64
	wanted := make(map[digest.Digest]bool, len(n.p.Keys))
	for _, k := range n.p.Keys {
		head := binary.LittleEndian.Uint16(k[:])
		heads[head/64] |= 1 << (head % 64)
		wanted[k] = true
	}
	n.rows.keep(func(row int) bool {
		key := v.fixed.at(int32(row))
		head := binary.LittleEndian.Uint16(key)
		return heads[head/64]&(1<<(head%64)) != 0 && wanted[digest.Digest(key)]
	})
	return nil
}

// between drops rows whose keys are not in the range that is wanted.
func (n *narrowing) between() error {
	v, err := n.values(colKey)
	if err != nil {
		return err
	}
	last := !n.p.Last.IsZero()
	n.rows.keep(func(row int) bool {
		key := v.fixed.at(int32(row))
		return bytes.Compare(key, n.p.First[:]) >= 0 && (!last || bytes.Compare(key, n.p.Last[:]) <= 0)
	})
	return nil
}

// after drops rows up to a position.
func (n *narrowing) after() error {
	names, err := n.values(colName)
	if err != nil {
		return err
	}
	modules, err := n.values(colModule)
	if err != nil {
		return err
	}
	keys, err := n.values(colKey)
	if err != nil {
		return err
	}
	at := n.p.After
	order := func(texts []string, text string) []int {
		orders := make([]int, len(texts))
		for i, t := range texts {
			orders[i] = cmp.Compare(t, text)
		}
		return orders
	}
	name, module, none := order(names.texts, at.Name), order(modules.texts, at.Module), cmp.Compare("", at.Module)
	n.rows.keep(func(row int) bool {
		c := name[names.indexes[row]]
		if c == 0 {
			if c = none; modules.indexes[row] != absent {
				c = module[modules.indexes[row]]
			}
		}
		if c == 0 {
			c = bytes.Compare(keys.fixed.at(int32(row)), at.Key[:])
		}
		return c > 0
	})
	return nil
}

// result drops rows with another result.
func (n *narrowing) result() error {
	v, err := n.values(colResult)
	if err != nil {
		return err
	}
	wanted := *n.p.Result
	n.rows.keep(func(row int) bool {
		rank := v.rank(row)
		if rank == absent {
			return wanted.IsZero()
		}
		return bytes.Equal(v.fixed.at(rank), wanted[:])
	})
	return nil
}

// saved drops rows that were saved at other times.
func (n *narrowing) saved() error {
	v, err := n.values(colSaved)
	if err != nil {
		return err
	}
	since, until := n.p.Since, n.p.Until
	n.rows.keep(func(row int) bool {
		saved := v.integers[row]
		return (since == nil || saved >= *since) && (until == nil || saved < *until)
	})
	return nil
}
