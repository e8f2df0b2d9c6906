package signing

import (
	"encoding/binary"
	"io"

	"github.com/quivercache/quiver/digest"
)

// Kind is what kind of object is signed, so that none passes for another.
type Kind string

// The kinds of objects that are signed.
const (
	Value  Kind = "value"
	Record Kind = "record"
)

// Message is what is signed.
type Message struct {
	Kind    Kind
	Store   string        // the id of the store that the object is in
	Key     digest.Digest // that the object is filed under
	Content []byte        // what the object holds, or what pins it: docs/format.md says which bytes
}

const messageTag = "quiver signed 1\x00"

// write writes the message to a hash. Each part follows its length, so no two messages are the same bytes.
func (m Message) write(w io.Writer) {
	_, _ = io.WriteString(w, messageTag) // a hash never fails
	for _, part := range [][]byte{[]byte(m.Kind), []byte(m.Store), m.Key[:], m.Content} {
		_, _ = w.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = w.Write(part)
	}
}
