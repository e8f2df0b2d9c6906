package segment

import (
	"bytes"
	"encoding/binary"

	"github.com/parquet-go/parquet-go"
)

// view is a column of a row group as it is read: first its dictionary, then its page. What it has belongs to the library, and goes when the view is closed, but for texts.
type view struct {
	chunk *parquet.FileColumnChunk
	pages *parquet.FilePages
	page  parquet.Page

	hasDictionary bool
	fixed         fixedValues // of the dictionary, or of the page where there is none
	texts         []string    // of the dictionary
	integers      []int64     // of the dictionary, or of the page where there is none

	indexes []int32 // into the dictionary: of each row, absent where it has no value; of each value of a list
	ranks   []int32 // of each row the number of its value, absent where it has none; nil where each row has one
	first   []int32 // of each row the number of its first value of a list, and at the end how many there are

	numbers []int32 // memory of ranks, or of first
	spread  []int32 // memory of indexes
}

// absent is the number of no value.
const absent = -1

// fixedValues are values of one width.
type fixedValues struct {
	bytes []byte
	width int
}

func (f fixedValues) len() int { return len(f.bytes) / f.width }

func (f fixedValues) at(i int32) []byte { return f.bytes[int(i)*f.width:][:f.width] }

// open is the view of a column that is read from a window.
func (v *view) open(chunk *parquet.FileColumnChunk, from window) {
	*v = view{chunk: chunk, pages: chunk.PagesFrom(from), numbers: v.numbers, spread: v.spread}
}

// close gives what the library has back to it.
func (v *view) close() {
	if v.page != nil {
		parquet.Release(v.page)
	}
	if v.pages != nil {
		v.pages.Close()
	}
	*v = view{numbers: v.numbers, spread: v.spread}
}

// readDictionary reads the dictionary of a column that has one.
func (v *view) readDictionary() error {
	if v.hasDictionary {
		return nil
	}
	dictionary, err := v.pages.ReadDictionary()
	if err != nil {
		return damaged("its dictionary: %v", err)
	}
	if dictionary == nil {
		return damaged("it has no dictionary")
	}
	v.hasDictionary = true
	values := dictionary.Page().Data()
	switch dictionary.Type().Kind() {
	case parquet.Int64:
		v.integers = values.Int64()
	case parquet.FixedLenByteArray:
		v.fixed.bytes, v.fixed.width = values.FixedLenByteArray()
	default:
		data, offsets := values.ByteArray()
		all := string(data)
		v.texts = make([]string, dictionary.Len())
		for i := range v.texts {
			v.texts[i] = all[offsets[i]:offsets[i+1]]
		}
	}
	return nil
}

// readPage reads the page of a column, which has so many rows.
func (v *view) readPage(rows int) error {
	if v.page != nil {
		return nil
	}
	page, err := v.pages.ReadPage()
	if err != nil {
		return damaged("its page: %v", err)
	}
	v.page = page
	if page.NumRows() != int64(rows) || page.NumValues() != v.chunk.NumValues() {
		return damaged("a page of %d values in %d rows where there should be %d in %d", page.NumValues(), page.NumRows(), v.chunk.NumValues(), rows)
	}
	levels := page.DefinitionLevels()
	var n int
	switch repetition := page.RepetitionLevels(); {
	case repetition != nil:
		n, err = v.readFirst(repetition, levels, rows)
	case levels != nil:
		n, err = v.readRanks(levels)
	default:
		n = rows
	}
	if err != nil {
		return err
	}
	return v.readValues(rows, n)
}

// readValues takes n values out of the page.
func (v *view) readValues(rows, n int) error {
	values := v.page.Data()
	if v.page.Dictionary() == nil {
		if v.page.Type().Kind() == parquet.Int64 {
			v.integers = values.Int64()
			return sameNumber(len(v.integers), n)
		}
		v.fixed.bytes, v.fixed.width = values.FixedLenByteArray()
		return sameNumber(v.fixed.len(), n)
	}
	if err := v.readDictionary(); err != nil {
		return err
	}
	v.indexes = values.Int32()
	limit := uint32(v.page.Dictionary().Len())
	for _, i := range v.indexes {
		if uint32(i) >= limit {
			return damaged("an index of %d into a dictionary of %d", i, limit)
		}
	}
	if err := sameNumber(len(v.indexes), n); err != nil || v.ranks == nil {
		return err
	}
	of := v.indexes
	v.indexes = sized(&v.spread, rows)
	for row, rank := range v.ranks {
		if v.indexes[row] = absent; rank != absent {
			v.indexes[row] = of[rank]
		}
	}
	return nil
}

func sameNumber(n, wanted int) error {
	if n != wanted {
		return damaged("%d values where there should be %d", n, wanted)
	}
	return nil
}

// sized is the memory of a buffer as a slice of a length.
func sized(buffer *[]int32, n int) []int32 {
	if cap(*buffer) < n {
		*buffer = make([]int32, n)
	}
	return (*buffer)[:n]
}

// readRanks numbers the values of an optional column that are there, and returns how many they are.
func (v *view) readRanks(levels []byte) (int, error) {
	if there := bytes.Count(levels, []byte{1}); there == len(levels) {
		v.ranks = nil
		return there, nil
	}
	v.ranks = sized(&v.numbers, len(levels))
	n := int32(0)
	for row, there := range levels {
		switch there {
		case 0:
			v.ranks[row] = absent
		case 1:
			v.ranks[row] = n
			n++
		default:
			return 0, damaged("a level of %d", there)
		}
	}
	return int(n), nil
}

// readFirst finds out where the lists begin, and returns how many values they have. A level of repetition is 0 where a row begins; one of definition is 0 where a row has no value.
func (v *view) readFirst(repetition, definition []byte, rows int) (int, error) {
	if len(repetition) != len(definition) {
		return 0, damaged("%d levels of repetition, %d of definition", len(repetition), len(definition))
	}
	v.first = sized(&v.numbers, rows+1)
	row, value, before := 0, int32(0), byte(0)
	for i, again := range repetition {
		there := definition[i]
		if there > 1 || again > before || again > there {
			return 0, damaged("the levels of a list make no sense at value %d", i)
		}
		if again == 0 {
			if row == rows {
				return 0, damaged("there are more lists than rows")
			}
			v.first[row] = value
			row++
		}
		value += int32(there)
		before = there
	}
	if row != rows {
		return 0, damaged("%d lists in %d rows", row, rows)
	}
	v.first[row] = value
	return int(value), nil
}

// rank is the number of a row's value, absent where it has none.
func (v *view) rank(row int) int32 {
	if v.ranks == nil {
		return int32(row)
	}
	return v.ranks[row]
}

// findFixed is the index of a value in the dictionary, which has each value once.
func (v *view) findFixed(value []byte) (int32, error) {
	found := int32(absent)
	head, rest := binary.LittleEndian.Uint64(value), v.fixed.bytes
	for i := int32(0); len(rest) >= len(value); i++ {
		if binary.LittleEndian.Uint64(rest) == head && bytes.Equal(rest[:len(value)], value) {
			if found != absent {
				return 0, errTwice
			}
			found = i
		}
		rest = rest[len(value):]
	}
	return found, nil
}

// find is the index of a value in a dictionary, which has each value once.
func find[V comparable](dictionary []V, value V) (int32, error) {
	found := int32(absent)
	for i, v := range dictionary {
		if v == value {
			if found != absent {
				return 0, errTwice
			}
			found = int32(i)
		}
	}
	return found, nil
}

var errTwice = damaged("its dictionary has a value twice")
