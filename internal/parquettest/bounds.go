// Package parquettest looks at Parquet files as a reader would that is not ours.
package parquettest

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// Bounds fails where a value is not between the least and the greatest that the page index and the row group say: who passes over pages by them would miss it.
func Bounds(f *parquet.File) error {
	indexes, _, err := f.ReadPageIndex()
	if err != nil {
		return err
	}
	for g, group := range f.RowGroups() {
		columns := group.ColumnChunks()
		for i, chunk := range columns {
			whole := f.Metadata().RowGroups[g].Columns[i].MetaData.Statistics
			between := func(v parquet.Value, least, greatest []byte) bool {
				kind := chunk.Type().Kind()
				return chunk.Type().Compare(v, kind.Value(least)) >= 0 && chunk.Type().Compare(v, kind.Value(greatest)) <= 0
			}
			index, n := indexes[g*len(columns)+i], -1
			err := values(chunk, func() { n++ }, func(v parquet.Value) error {
				if !v.IsNull() && (index.NullPages[n] || !between(v, index.MinValues[n], index.MaxValues[n]) || !between(v, whole.MinValue, whole.MaxValue)) {
					return fmt.Errorf("row group %d, column %d, page %d: %.80s is out of its bounds", g, i, n, v.String())
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// values shows all values of a column, after the begin of their page.
func values(chunk parquet.ColumnChunk, begin func(), value func(parquet.Value) error) (err error) {
	pages := chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		begin()
		all := make([]parquet.Value, page.NumValues())
		if _, err := page.Values().ReadValues(all); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for _, v := range all {
			if err := value(v); err != nil {
				return err
			}
		}
	}
}
