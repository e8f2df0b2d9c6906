package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/quivercache/quiver/digest"
)

// Shards is how many slices the index of a bucket has.
const Shards = 64

// Shard is one slice of the index, 0 to 63.
type Shard uint8

// String is the shard's name, two hex characters.
func (s Shard) String() string { return fmt.Sprintf("%02x", uint8(s)) }

// AllShards are the shards in their order.
func AllShards() []Shard {
	shards := make([]Shard, Shards)
	for i := range shards {
		shards[i] = Shard(i)
	}
	return shards
}

// ParseShard returns the shard of a name.
func ParseShard(name string) (Shard, bool) {
	n, err := strconv.ParseUint(name, 16, 8)
	if err != nil || n >= Shards || Shard(n).String() != name {
		return 0, false
	}
	return Shard(n), true
}

// Function identifies a function's name in the names of its marks. Two names may share one: who reads marks looks at the records too.
type Function uint32

// String is 8 hex characters.
func (f Function) String() string { return fmt.Sprintf("%08x", uint32(f)) }

// Shard is the slice of the index that the function's calls belong to.
func (f Function) Shard() Shard { return Shard(f >> 26) } // 6 bits: 64 shards

// functionTag sets the hash of a function's name apart from every other use of SHA-256.
const functionTag = "quiver function name 1\x00"

// FunctionOf returns the function of a name: the module and the version do not count, since a query may leave them open.
func FunctionOf(name string) Function {
	sum := sha256.Sum256([]byte(functionTag + name))
	return Function(sum[0])<<24 | Function(sum[1])<<16 | Function(sum[2])<<8 | Function(sum[3])
}

// Signature sums up a call's arguments in 64 bits, so that a query passes over marks that cannot concern it.
type Signature uint64

// String is 16 hex characters.
func (s Signature) String() string { return fmt.Sprintf("%016x", uint64(s)) }

// Mark says: look at the record of this key again.
type Mark struct {
	Function  Function
	Key       digest.Digest
	Signature Signature
	Write     string // the write id, 32 hex characters
}

// Name is the name of the mark's object.
func (m Mark) Name() string {
	return MarkFolder(m.Function) + m.Entry() + "." + m.Write
}

// Entry is the mark's key and signature, as they stand in a name and in the body of a batch mark.
func (m Mark) Entry() string { return m.Key.String() + "." + m.Signature.String() }

// BatchMark says: look at the records of the keys again that are in my body.
type BatchMark struct {
	Function Function
	Write    string // the write id of all its records, 32 hex characters
}

const batch = "batch."

// Name is the name of the batch mark's object.
func (m BatchMark) Name() string { return MarkFolder(m.Function) + batch + m.Write }

// MarkFolder is what the names of a function's marks begin with.
func MarkFolder(f Function) string { return MarksFolder(f.Shard()) + f.String() + "/" }

// MarksFolder is what the names of a shard's marks begin with.
func MarksFolder(s Shard) string { return ShardFolder(s) + "marks/" }

// ShardFolder is what the names of a shard's objects begin with.
func ShardFolder(s Shard) string { return Index + s.String() + "/" }

// ParseMark returns the mark or the batch mark of a name; one of them is nil, both if it is neither.
func ParseMark(name string) (*Mark, *BatchMark) {
	parts := strings.Split(name, "/")
	if len(parts) != 5 || len(parts[3]) != 8 {
		return nil, nil
	}
	function, err := strconv.ParseUint(parts[3], 16, 32)
	if err != nil {
		return nil, nil
	}
	if write, ok := strings.CutPrefix(parts[4], batch); ok {
		m := &BatchMark{Function(function), write}
		if !IsID(write) || m.Name() != name {
			return nil, nil
		}
		return nil, m
	}
	at := strings.LastIndexByte(parts[4], '.')
	if at < 0 {
		return nil, nil
	}
	m, ok := ParseEntry(parts[4][:at])
	if !ok {
		return nil, nil
	}
	m.Function, m.Write = Function(function), parts[4][at+1:]
	if !IsID(m.Write) || m.Name() != name {
		return nil, nil
	}
	return &m, nil
}

// ParseEntry returns a mark with the key and the signature of an entry.
func ParseEntry(entry string) (Mark, bool) {
	key, signature, ok := strings.Cut(entry, ".")
	if !ok || len(signature) != 16 {
		return Mark{}, false
	}
	d, err := digest.Parse(key)
	if err != nil {
		return Mark{}, false
	}
	bits, err := strconv.ParseUint(signature, 16, 64)
	if err != nil {
		return Mark{}, false
	}
	m := Mark{Key: d, Signature: Signature(bits)}
	return m, m.Entry() == entry
}

// IsID says whether text is an id: 32 lower-case hex characters.
func IsID(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == 16 && hex.EncodeToString(raw) == text
}

// Manifest is the name of a shard's manifest.
func Manifest(s Shard) string { return ShardFolder(s) + "manifest.json" }

// Segment is a segment of a shard, which has a table and a filter; or an object with deletions.
type Segment struct {
	Shard Shard
	ID    string // 32 hex characters
}

const (
	table     = ".parquet"
	filter    = ".filter"
	deletions = ".deletions"
)

// SegmentFolder is what the names of a shard's segments begin with.
func SegmentFolder(s Shard) string { return ShardFolder(s) + "segments/" }

// Table is the name of the segment's table.
func (s Segment) Table() string { return SegmentFolder(s.Shard) + s.ID + table }

// Filter is the name of the segment's filter.
func (s Segment) Filter() string { return SegmentFolder(s.Shard) + s.ID + filter }

// Deletions is the name of an object that says which rows of a segment are deleted.
func (s Segment) Deletions() string { return SegmentFolder(s.Shard) + s.ID + deletions }

// ParseSegment returns the segment of the name of a table, of a filter or of deletions.
func ParseSegment(name string) (Segment, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return Segment{}, false
	}
	shard, ok := ParseShard(parts[1])
	if !ok {
		return Segment{}, false
	}
	id, _, _ := strings.Cut(parts[3], ".")
	s := Segment{shard, id}
	return s, IsID(id) && (s.Table() == name || s.Filter() == name || s.Deletions() == name)
}
