package callindex

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/sealed"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/signing"
)

// Record is what is remembered of a call.
//
// Contract: DigestedCall.
type Record struct {
	Call
	Result   digest.Digest   // of the result's value; zero while it is unknown
	Parts    []digest.Digest // further values that the result names and that live as long as it
	Inline   *Inline         // the result itself where it is small, so that a hit is one request
	Metadata Metadata
	Saved    time.Time // by the writer's clock; set by Save

	key     digest.Digest  // under which it was read
	write   string         // the write id, set by Save
	version bucket.Version // of the object it was read from; empty: not read, or read from the index

	signed   signing.KeyID // the key that it says it is signed with; zero: not signed
	verified bool
}

// Metadata is what else is known of a call: groups by name, each a JSON object. Numbers read from a record are json.Number.
type Metadata map[string]map[string]any

// Inline is a result inside its record: bytes encoded by a codec.
type Inline struct {
	Codec string `json:"codec"`
	Data  []byte `json:"data"` // base64 in JSON; at most InlineLimit bytes
}

const (
	// InlineLimit is how many encoded bytes a result inside its record has at the most.
	InlineLimit = 8 << 10
	// RecordLimit is how many bytes a record has at the most.
	RecordLimit = 1 << 20

	recordFormat = 1
)

// stored is the record as its JSON has it; docs/format.md specifies it.
type stored struct {
	Format    int             `json:"format"`
	Key       digest.Digest   `json:"key"`
	Name      string          `json:"name"`
	Module    string          `json:"module,omitempty"`
	Version   Version         `json:"version,omitzero"`
	Code      digest.Digest   `json:"code,omitzero"`
	Arguments []Argument      `json:"arguments"`
	Result    digest.Digest   `json:"result,omitzero"`
	Parts     []digest.Digest `json:"parts,omitempty"`
	Inline    *Inline         `json:"inline,omitempty"`
	Metadata  Metadata        `json:"metadata,omitempty"`
	Saved     time.Time       `json:"saved"`
	Write     string          `json:"write"`
}

// encode returns the record's bytes, not signed.
func (r *Record) encode(key digest.Digest) ([]byte, error) {
	body, err := r.body(key)
	if err != nil {
		return nil, err
	}
	return seal(body)
}

// body returns the record's bytes up to its last members.
func (r *Record) body(key digest.Digest) ([]byte, error) {
	if r.Inline != nil && len(r.Inline.Data) > InlineLimit {
		return nil, fmt.Errorf("a result of %d encoded bytes is too large to stand in its record: at most %d", len(r.Inline.Data), InlineLimit)
	}
	arguments := r.Arguments
	if arguments == nil {
		arguments = []Argument{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(stored{
		Format: recordFormat, Key: key, Name: r.Name, Module: r.Module, Version: r.Version, Code: r.Code, Arguments: arguments,
		Result: r.Result, Parts: r.Parts, Inline: r.Inline, Metadata: r.Metadata, Saved: r.Saved.UTC(), Write: r.write,
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the record: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("}\n")), nil
}

// seal ends the record with its checksum.
func seal(body []byte) ([]byte, error) {
	body = sealed.Seal(body)
	if len(body) > RecordLimit {
		return nil, fmt.Errorf("the record has %d bytes, more than the %d that it may have: give it less metadata", len(body), RecordLimit)
	}
	return body, nil
}

// decode returns the record of a key from an object's bytes, signed or not. What cannot be believed is a *keyspace.DamagedError, what a later Quiver wrote a
// *keyspace.NewerFormatError.
func decode(info bucket.Info, key digest.Digest, body []byte) (*Record, error) {
	if err := sealed.Check(body); err != nil {
		return nil, keyspace.Damaged(info, nil, "%v", err)
	}
	// A later format need not have the fields of this one.
	var head struct{ Format int }
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, keyspace.Damaged(info, err, "it is not the JSON of a record")
	}
	if head.Format > recordFormat {
		return nil, &keyspace.NewerFormatError{Object: info.Key, Found: head.Format, Known: recordFormat}
	}
	var s stored
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&s); err != nil {
		return nil, keyspace.Damaged(info, err, "it is not the JSON of a record")
	}
	r := &Record{
		Call:   Call{Name: s.Name, Module: s.Module, Version: s.Version, Code: s.Code, Arguments: s.Arguments},
		Result: s.Result, Parts: s.Parts, Inline: s.Inline, Metadata: s.Metadata, Saved: s.Saved,
		key: key, write: s.Write, version: info.Version,
	}
	own, err := r.Key()
	if err != nil || own != key || s.Key != key || s.Format != recordFormat {
		return nil, keyspace.Damaged(info, err, "it is the record of another call")
	}
	return r, nil
}
