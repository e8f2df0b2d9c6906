package segment

import (
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/quivercache/quiver/digest"
)

// Scan yields the rows of a row group that are wanted and not deleted, in their order, with their numbers in the table, from 0 on. It ends where yield returns false. A nil
// predicate wants all.
//
// A row is Scan's until yield returns: who keeps it copies it. What it refers to (its texts, arguments, parts and metadata) is not used again, and lives as long as any of it does: that of some
// thousand rows is in one piece of memory.
//
// Its bytes are read from the table at once, and checked before anything is believed: bytes that are not those of a table are ErrDamaged, and no row of theirs is yielded.
func (t *Table) Scan(group int, p *Predicate, skip *Deletions, yield func(number int64, r *Row) bool) error {
	if p == nil {
		p = new(Predicate)
	}
	r := readers.Get().(*reader)
	defer r.end()
	if err := r.begin(t, group); err != nil {
		return err
	}
	n := narrowing{reader: r, p: p}
	n.rows.all(int(r.group.rows))
	skip.drop(&n.rows, r.group.first, r.group.rows)
	if err := n.narrow(); err != nil || n.rows.empty() {
		return err
	}
	return r.yieldRows(&n.rows, yield)
}

// yieldRows yields the rows of a selection, page by page of their metadata.
func (r *reader) yieldRows(rows *selection, yield func(number int64, r *Row) bool) error {
	for i := range columns {
		if i == colMetadata {
			continue
		}
		if _, err := r.values(i); err != nil {
			return err
		}
	}
	if _, _, err := r.arguments(); err != nil {
		return err
	}
	starts, err := r.metadataPages()
	if err != nil {
		return err
	}
	var row Row
	var last Position
	for i := range len(starts) - 1 {
		r.rows = rows.between(r.rows[:0], starts[i], starts[i+1])
		if len(r.rows) == 0 {
			continue
		}
		b := batch{reader: r}
		if err := b.begin(starts[i], starts[i+1]); err != nil {
			return err
		}
		for i, at := range r.rows {
			number := r.group.first + int64(at)
			b.fill(&row, i, at)
			position := row.Position()
			switch {
			case last.Name != "" && position.Compare(last) <= 0:
				return damaged("row %d does not come after the ones before", number)
			case row.Version.Kind > TextVersion:
				return damaged("row %d has two versions", number)
			}
			last = position
			if !yield(number, &row) {
				return nil
			}
		}
	}
	return nil
}

// metadataPages are the rows that the pages of metadata begin with, and how many rows there are.
func (r *reader) metadataPages() (starts []int, err error) {
	v := r.view(colMetadata)
	err = r.guard(colMetadata, func() error {
		index, err := v.chunk.OffsetIndexFrom(r.index)
		if err != nil {
			return damaged("where its pages lie: %v", err)
		}
		for i := range index.NumPages() {
			starts = append(starts, int(index.FirstRowIndex(i)))
		}
		starts = append(starts, int(r.group.rows))
		if starts[0] != 0 || !slices.IsSorted(starts) {
			return damaged("its pages begin at rows %d", starts)
		}
		return nil
	})
	return starts, err
}

// batch is what the wanted rows of a page of metadata refer to, each in one piece.
type batch struct {
	*reader
	arguments []Argument
	parts     []digest.Digest
	metadata  [][]byte // of the wanted rows
}

// begin reads the metadata of a page of rows, and allocates for those that are wanted.
func (b *batch) begin(from, to int) error {
	arguments, parts := int32(0), int32(0)
	ofArguments, ofParts := b.views[colArgumentName].first, b.views[colParts].first
	for _, row := range b.rows {
		arguments += ofArguments[row+1] - ofArguments[row]
		parts += ofParts[row+1] - ofParts[row]
	}
	b.arguments, b.parts, b.metadata = make([]Argument, 0, arguments), make([]digest.Digest, 0, parts), make([][]byte, len(b.rows))
	return b.guard(colMetadata, func() error { return b.readMetadata(from, to) })
}

// readMetadata takes the metadata of the wanted rows out of a page, which is of the rows from one on and before another.
func (b *batch) readMetadata(from, to int) error {
	v := &b.views[colMetadata]
	if err := v.pages.SeekToRow(int64(from)); err != nil {
		return damaged("the page of row %d: %v", from, err)
	}
	page, err := v.pages.ReadPage()
	if err != nil {
		return damaged("the page of row %d: %v", from, err)
	}
	defer parquet.Release(page)
	if page.NumRows() != int64(to-from) {
		return damaged("a page of %d rows where there should be %d", page.NumRows(), to-from)
	}
	n, err := v.readRanks(page.DefinitionLevels())
	if err != nil {
		return err
	}
	values := page.Data()
	data, offsets := values.ByteArray()
	if err := sameNumber(len(offsets), n+1); err != nil {
		return err
	}
	size := uint32(0)
	for _, row := range b.rows {
		if rank := v.rank(row - from); rank != absent {
			size += offsets[rank+1] - offsets[rank]
		}
	}
	kept := make([]byte, 0, size)
	for i, row := range b.rows {
		if rank := v.rank(row - from); rank != absent {
			start := len(kept)
			kept = append(kept, data[offsets[rank]:offsets[rank+1]]...)
			b.metadata[i] = kept[start:len(kept):len(kept)]
		}
	}
	return nil
}

// fill makes a row: the wanted one number i, which is number at in the row group.
func (b *batch) fill(row *Row, i, at int) {
	v := &b.views
	*row = Row{
		Name: v[colName].texts[v[colName].indexes[at]], Key: digest.Digest(v[colKey].fixed.at(int32(at))),
		Metadata: b.metadata[i], Saved: v[colSaved].integers[at], Seq: v[colSeq].integers[v[colSeq].indexes[at]], Write: [16]byte(v[colWrite].fixed.at(int32(at))),
	}
	if index := v[colModule].indexes[at]; index != absent {
		row.Module = v[colModule].texts[index]
	}
	if index := v[colVersionInteger].indexes[at]; index != absent {
		row.Version = Version{Kind: IntegerVersion, Integer: v[colVersionInteger].integers[index]}
	}
	if index := v[colVersionText].indexes[at]; index != absent {
		row.Version = Version{Kind: row.Version.Kind + TextVersion, Text: v[colVersionText].texts[index]} // of both no kind
	}
	if index := v[colCode].indexes[at]; index != absent {
		row.Code = digest.Digest(v[colCode].fixed.at(index))
	}
	if rank := v[colResult].rank(at); rank != absent {
		row.Result = digest.Digest(v[colResult].fixed.at(rank))
	}
	names, digests := &v[colArgumentName], &v[colArgumentDigest]
	if from, to := names.first[at], names.first[at+1]; from < to {
		start := len(b.arguments)
		for j := from; j < to; j++ {
			b.arguments = append(b.arguments, Argument{names.texts[names.indexes[j]], digest.Digest(digests.fixed.at(digests.indexes[j]))})
		}
		row.Arguments = b.arguments[start:len(b.arguments):len(b.arguments)]
	}
	parts := &v[colParts]
	if from, to := parts.first[at], parts.first[at+1]; from < to {
		start := len(b.parts)
		for j := from; j < to; j++ {
			b.parts = append(b.parts, digest.Digest(parts.fixed.at(j)))
		}
		row.Parts = b.parts[start:len(b.parts):len(b.parts)]
	}
}
