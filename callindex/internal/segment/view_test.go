package segment

import (
	"errors"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// TestLevelsThatMakeNoSenseAreDamaged holds which lists there can be: of rows, of values in them.
func TestLevelsThatMakeNoSenseAreDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		repetition, definition []byte
		rows                   int
		want                   []int32 // nil: damaged
	}{
		"an empty list":            {[]byte{0}, []byte{0}, 1, []int32{0, 0}},
		"a value":                  {[]byte{0}, []byte{1}, 1, []int32{0, 1}},
		"lists of 2, 0 and 1":      {[]byte{0, 1, 0, 0}, []byte{1, 1, 0, 1}, 3, []int32{0, 2, 2, 3}},
		"a list that goes on":      {[]byte{1, 0}, []byte{1, 1}, 1, nil},
		"an empty list goes on":    {[]byte{0, 1}, []byte{0, 1}, 1, nil},
		"no value in a list":       {[]byte{0, 1}, []byte{1, 0}, 1, nil},
		"fewer lists than rows":    {[]byte{0}, []byte{1}, 2, nil},
		"more lists than rows":     {[]byte{0, 0}, []byte{1, 1}, 1, nil},
		"a level of 2":             {[]byte{0}, []byte{2}, 1, nil},
		"fewer levels of one kind": {[]byte{0, 0}, []byte{1}, 2, nil},
	} {
		var v view
		n, err := v.readFirst(c.repetition, c.definition, c.rows)
		switch {
		case c.want == nil:
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || !slices.Equal(v.first, c.want) || n != int(c.want[c.rows]):
			t.Errorf("%s: lists begin at %d, want %d, %v", name, v.first, c.want, err)
		}
	}
	var v view
	if _, err := v.readRanks([]byte{0, 1, 2}); !errors.Is(err, ErrDamaged) {
		t.Errorf("a level of 2 in a column that is no list: %v", err)
	}
}

// page is a page as the library may decode bytes that it does not expect.
type page struct {
	parquet.Page
	indexes []int32
	entries int
}

func (p page) Data() encoding.Values          { return encoding.Int32Values(p.indexes) }
func (p page) Dictionary() parquet.Dictionary { return entries{n: p.entries} }

type entries struct {
	parquet.Dictionary
	n int
}

func (e entries) Len() int { return e.n }

func TestIndexesBeyondADictionaryAreDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		page page
		rows int
		ok   bool
	}{
		"the last entry":     {page{indexes: []int32{0, 1}, entries: 2}, 2, true},
		"beyond the last":    {page{indexes: []int32{0, 2}, entries: 2}, 2, false},
		"below the first":    {page{indexes: []int32{0, -1}, entries: 2}, 2, false},
		"fewer than rows":    {page{indexes: []int32{0}, entries: 2}, 2, false},
		"more than rows":     {page{indexes: []int32{0, 1, 1}, entries: 2}, 2, false},
		"an empty directory": {page{indexes: []int32{0}, entries: 0}, 1, false},
	} {
		v := view{page: c.page, hasDictionary: true}
		if err := v.readValues(c.rows, c.rows); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAValueThatADictionaryHasTwiceIsDamaged(t *testing.T) {
	if i, err := find([]string{"a", "b"}, "b"); i != 1 || err != nil {
		t.Errorf("%d, %v", i, err)
	}
	if i, err := find([]string{"a", "b"}, "c"); i != absent || err != nil {
		t.Errorf("%d, %v", i, err)
	}
	if _, err := find([]string{"a", "b", "a"}, "a"); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	v := view{fixed: fixedValues{[]byte("12345678" + "abcdefgh" + "12345678"), 8}}
	if i, err := v.findFixed([]byte("abcdefgh")); i != 1 || err != nil {
		t.Errorf("%d, %v", i, err)
	}
	if _, err := v.findFixed([]byte("12345678")); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}
