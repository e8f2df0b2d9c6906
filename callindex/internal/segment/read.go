package segment

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

// reader reads a row group. Its memory is used again for the next.
type reader struct {
	group *group
	opened
	buffer []byte
	bytes  window // of the row group
	views  [columns]view
	rows   []int // that are wanted, of a page
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// begin reads the bytes of a row group.
func (r *reader) begin(t *Table, group int) (err error) {
	r.group = &t.head.groups[group]
	if r.bytes, err = t.read(r.group, &r.buffer); err != nil {
		return err
	}
	return guard(func() error {
		r.opened, err = r.group.open(t.head.tableSize)
		return err
	})
}

// end gives back what is not the reader's.
func (r *reader) end() {
	for i := range r.views {
		r.views[i].close()
	}
	r.group, r.opened, r.bytes = nil, opened{}, window{}
	readers.Put(r)
}

// view is a column's view, of which nothing may be read yet.
func (r *reader) view(column int) *view {
	v := &r.views[column]
	if v.chunk == nil {
		v.open(r.chunks[column], r.bytes)
	}
	return v
}

// dictionary is a column's view with its dictionary.
func (r *reader) dictionary(column int) (*view, error) {
	v := r.view(column)
	return v, r.guard(column, v.readDictionary)
}

// values is a column's view with its values.
func (r *reader) values(column int) (*view, error) {
	v := r.view(column)
	return v, r.guard(column, func() error { return v.readPage(int(r.group.rows)) })
}

// guard makes damage of a panic, and says where an error is.
func (r *reader) guard(column int, read func() error) error {
	if err := guard(read); err != nil {
		return fmt.Errorf("row group at row %d, column %s: %w", r.group.first, strings.Join(schema.Columns()[column], "."), err)
	}
	return nil
}

// arguments are the views of the arguments' names and digests, of which each list has as many.
func (r *reader) arguments() (names, digests *view, err error) {
	if names, err = r.values(colArgumentName); err != nil {
		return nil, nil, err
	}
	if digests, err = r.values(colArgumentDigest); err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(names.page.RepetitionLevels(), digests.page.RepetitionLevels()) || !bytes.Equal(names.page.DefinitionLevels(), digests.page.DefinitionLevels()) {
		return nil, nil, damaged("row group at row %d has not as many digests of arguments as names", r.group.first)
	}
	return names, digests, nil
}
