package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/sealed"
	"github.com/quivercache/quiver/layout"
)

const (
	// Format is the latest format of manifests.
	Format = 1
	// Limit is how many bytes a manifest has at the most.
	Limit = 64 << 20
)

// ErrDamaged says that bytes are not a manifest.
var ErrDamaged = errors.New("it is not a manifest")

// NewerError says that a later version wrote the manifest.
type NewerError struct{ Found int }

func (e *NewerError) Error() string {
	return fmt.Sprintf("it has format %d, and this version knows up to %d", e.Found, Format)
}

type stored struct {
	Format    int             `json:"format"`
	Shard     string          `json:"shard"`
	Seq       int64           `json:"seq"`
	Write     string          `json:"write"`
	Folded    time.Time       `json:"folded"`
	Segments  []storedSegment `json:"segments"`
	Functions []Function      `json:"functions"`
	Retired   []Retired       `json:"retired,omitempty"`
}

type storedSegment struct {
	ID        string           `json:"id"`
	Rows      int64            `json:"rows"`
	Table     Object           `json:"table"`
	Filter    Filter           `json:"filter"`
	First     Position         `json:"first"`
	Last      Position         `json:"last"`
	Names     []string         `json:"names,omitempty"`
	Saved     Span             `json:"saved"`
	Deleted   int64            `json:"deleted,omitempty"`
	Deletions *storedDeletions `json:"deletions,omitempty"`
}

type storedDeletions struct {
	Data   []byte        `json:"data,omitempty"`
	ID     string        `json:"id,omitempty"`
	Size   int64         `json:"size,omitempty"`
	SHA256 digest.Digest `json:"sha256,omitzero"`
}

// Encode returns a manifest's bytes.
func (m *Manifest) Encode() ([]byte, error) {
	s := stored{
		Format: Format, Shard: m.Shard.String(), Seq: m.Seq, Write: m.Write, Folded: m.Folded.UTC(),
		Segments: make([]storedSegment, len(m.Segments)), Functions: m.Functions, Retired: m.Retired,
	}
	if s.Functions == nil {
		s.Functions = []Function{}
	}
	for i, segment := range m.Segments {
		s.Segments[i] = storedSegment{
			ID: segment.ID, Rows: segment.Rows, Table: segment.Table, Filter: segment.Filter, First: segment.First, Last: segment.Last,
			Names: segment.Names, Saved: segment.Saved, Deleted: segment.Deleted,
		}
		if d := segment.Deletions; d != nil {
			s.Segments[i].Deletions = &storedDeletions{d.Data, d.ID, d.Size, d.SHA256}
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return nil, err
	}
	body := sealed.Seal(bytes.TrimSuffix(text.Bytes(), []byte("}\n")))
	if len(body) > Limit {
		return nil, fmt.Errorf("the manifest has %d bytes, more than the %d that it may have", len(body), Limit)
	}
	return body, nil
}

// Decode returns the manifest of a shard. What is none is ErrDamaged, what a later version wrote a *NewerError.
func Decode(shard layout.Shard, body []byte) (*Manifest, error) {
	if err := sealed.Check(body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var head struct{ Format int }
	if err := json.Unmarshal(body, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if head.Format > Format {
		return nil, &NewerError{head.Format}
	}
	var s stored
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if s.Format != Format || s.Shard != shard.String() {
		return nil, fmt.Errorf("%w: it has format %d and is of shard %q", ErrDamaged, s.Format, s.Shard)
	}
	m := &Manifest{Shard: shard, Seq: s.Seq, Write: s.Write, Folded: s.Folded, Functions: s.Functions, Retired: s.Retired}
	for _, segment := range s.Segments {
		decoded := Segment{
			ID: segment.ID, Rows: segment.Rows, Table: segment.Table, Filter: segment.Filter, First: segment.First, Last: segment.Last,
			Names: segment.Names, Saved: segment.Saved, Deleted: segment.Deleted,
		}
		if d := segment.Deletions; d != nil {
			decoded.Deletions = &Deletions{Data: d.Data, ID: d.ID, Object: Object{d.Size, d.SHA256}}
		}
		m.Segments = append(m.Segments, decoded)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}
