// Package segment writes and reads the segments of the call index: tables of rows, the filters that tell where in a table to look, and which rows of it count no more. docs/format.md, sections 6 and 7,
// specifies their bytes. It knows nothing of buckets and requests: it works on bytes and an [io.ReaderAt].
//
// # Writing
//
// [Write] streams rows, in ascending order of their positions, into a table and its filter, and returns what a manifest says of them. Folding writes new rows, merging those that [Table.Scan] yields.
//
// # Reading
//
// A reader spares itself most of a table, step by step:
//
//   - [ParseHead] reads the start of the filter's object: which row groups there are, from which position to which, saved when, and where everything lies;
//   - [OpenTable] and [Table.Prune] choose row groups by that, without any request;
//   - [ParseBlock] reads the filter of a row group, which [Predicate.Numbers] are asked of, and [ParseKeys] that over all keys;
//   - [Table.Range] says where the row groups that are left lie, so that adjacent ones are one request;
//   - [Table.Scan] reads a row group at once, decodes the columns that a [Predicate] asks for, and makes rows of those that pass.
//
// Scan's answer is exact: it yields just the rows that a predicate wants. Filters err on one side only: they never deny what is there.
//
// # Damage
//
// Nothing is believed before a checksum says so: a head, a filter, and a row group have one each, over all of their bytes. Parquet's own, of pages, are checked too, but leave out the
// headers of pages. Bytes that are not right are [ErrDamaged], whichever they are; a failure of the [io.ReaderAt] is returned as it is. Tables are decoded by a library that has panics for bytes that it does
// not expect, as one with other ideas and right checksums might write them: these are ErrDamaged, too. It allocates as much as such bytes say, so a manifest must be trusted, whose SHA-256 names them.
package segment
