package segment

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/quivercache/quiver/digest"
)

// Row is a record as the index keeps it: all of it but its inlined result.
type Row struct {
	Name      string // of the function; not empty
	Module    string // empty: none
	Key       digest.Digest
	Version   Version
	Code      digest.Digest // zero: none
	Arguments []Argument    // in declared order
	Result    digest.Digest // zero: not known
	Parts     []digest.Digest
	Metadata  []byte   // JSON; nil: none
	Saved     int64    // nanoseconds since 1970
	Seq       int64    // of the manifest that first listed the row
	Write     [16]byte // the record's write id
}

// Argument is a named argument of a call, by the digest of its value.
type Argument struct {
	Name   string
	Digest digest.Digest
}

// Version is the version of a function: none, an integer or a text. Versions are compared with ==.
type Version struct {
	Kind    VersionKind
	Integer int64  // where it is one, else 0
	Text    string // where it is one, else empty
}

// VersionKind is what a version is.
type VersionKind uint8

// The kinds of versions.
const (
	NoVersion VersionKind = iota
	IntegerVersion
	TextVersion
)

// Position is the place of a row in the order of rows.
type Position struct {
	Name   string
	Module string
	Key    digest.Digest
}

// Position is where the row belongs.
func (r *Row) Position() Position { return Position{r.Name, r.Module, r.Key} }

// Compare orders positions as rows are ordered: by name, module (none first) and key, by their bytes.
func (p Position) Compare(other Position) int {
	if c := cmp.Compare(p.Name, other.Name); c != 0 {
		return c
	}
	if c := cmp.Compare(p.Module, other.Module); c != 0 {
		return c
	}
	return bytes.Compare(p.Key[:], other.Key[:])
}

// rowLimit is how many bytes a row has at the most: a record has a megabyte, and JSON may take other bytes for the same metadata.
const rowLimit = 8 << 20

// Check says why a row cannot be in a table.
func (r *Row) Check() error {
	if r.Name == "" {
		return errors.New("a row needs the name of its function")
	}
	v := r.Version
	if v.Kind > TextVersion || v.Kind != IntegerVersion && v.Integer != 0 || v.Kind != TextVersion && v.Text != "" {
		return fmt.Errorf("row of %q: its version is not one of its kind", r.Name)
	}
	valid := utf8.ValidString(r.Name) && utf8.ValidString(r.Module) && utf8.ValidString(v.Text) && utf8.Valid(r.Metadata)
	for i := range r.Arguments {
		valid = valid && utf8.ValidString(r.Arguments[i].Name)
	}
	if !valid {
		return fmt.Errorf("row of %q, key %s: it has text that is not UTF-8", r.Name, r.Key)
	}
	if size := r.size(); size > rowLimit {
		return fmt.Errorf("row of %q, key %s: it has %d bytes, more than the %d that a row may have", r.Name, r.Key, size, rowLimit)
	}
	return nil
}

// size is about how many bytes the row has in a table before they are compressed.
func (r *Row) size() int {
	n := 128 + len(r.Name) + len(r.Module) + len(r.Version.Text) + len(r.Metadata) + (digest.Size+8)*(len(r.Arguments)+len(r.Parts))
	for i := range r.Arguments {
		n += len(r.Arguments[i].Name)
	}
	return n
}
