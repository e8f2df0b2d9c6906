package segment

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"

	"github.com/FastFilter/xorfilter"

	"github.com/quivercache/quiver/digest"
)

// The tags of the numbers of results and arguments.
const (
	resultTag   = "quiver filter result 1"
	argumentTag = "quiver filter argument 1\x00"
)

var resultConstant = firstOf(sha256.Sum256([]byte(resultTag)))

func firstOf(d digest.Digest) uint64 { return binary.LittleEndian.Uint64(d[:]) }

func argumentConstant(name string) uint64 {
	return firstOf(sha256.Sum256(append([]byte(argumentTag), name...)))
}

// NumberOfKey is what a filter knows of a key.
func NumberOfKey(d digest.Digest) uint64 { return firstOf(d) }

// NumberOfResult is what a filter knows of a result.
func NumberOfResult(d digest.Digest) uint64 { return firstOf(d) ^ resultConstant }

// NumberOfArgument is what a filter knows of an argument.
func NumberOfArgument(name string, d digest.Digest) uint64 {
	return firstOf(d) ^ argumentConstant(name)
}

// Filter is a binary fuse filter: it tells most numbers that it was not made of from those that it was. It keeps the bytes that it was parsed from.
type Filter struct {
	seed          uint64
	segmentLength uint32
	inSegments    uint32 // segment count × segment length
	wide          bool   // fingerprints of 16 bits, else 8
	fingerprints  []byte
}

const (
	fuseHead         = 20 // seed, segment length, segment count, number of fingerprints
	maxSegmentLength = 1 << 18
	checksum         = 4 // bytes of a CRC
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ParseKeys reads the filter over the keys of all rows, from just its bytes. It keeps them.
func ParseKeys(b []byte) (*Filter, error) { return parseFuse(b, true) }

// ParseBlock reads the filter of a row group, from just its bytes. It keeps them.
func ParseBlock(b []byte) (*Filter, error) { return parseFuse(b, false) }

func parseFuse(b []byte, wide bool) (*Filter, error) {
	if len(b) < fuseHead+checksum {
		return nil, damaged("a filter of %d bytes", len(b))
	}
	body := b[:len(b)-checksum]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(body):]) {
		return nil, damaged("the checksum of a filter is not that of its bytes")
	}
	f := &Filter{seed: binary.LittleEndian.Uint64(b), segmentLength: binary.LittleEndian.Uint32(b[8:]), wide: wide, fingerprints: body[fuseHead:]}
	count, n := uint64(binary.LittleEndian.Uint32(b[12:])), uint64(binary.LittleEndian.Uint32(b[16:]))
	length := uint64(f.segmentLength)
	if length < 4 || length > maxSegmentLength || length&(length-1) != 0 || count < 1 || n != (count+2)*length {
		return nil, damaged("a filter of %d segments of %d, %d fingerprints", count, length, n)
	}
	if got := uint64(len(f.fingerprints)); wide && got != 2*n || !wide && got != n {
		return nil, damaged("a filter of %d fingerprints has %d bytes of them", n, got)
	}
	f.inSegments = uint32(count * length)
	return f, nil
}

// MayHave is false where the number is not one that the filter was made of.
func (f *Filter) MayHave(number uint64) bool {
	h := murmur64(number + f.seed)
	first, _ := bits.Mul64(h, uint64(f.inSegments))
	a := uint32(first)
	b := a + f.segmentLength
	c := b + f.segmentLength
	b ^= uint32(h>>18) & (f.segmentLength - 1)
	c ^= uint32(h) & (f.segmentLength - 1)
	print := h ^ h>>32
	if f.wide {
		return uint16(print) == f.at(a)^f.at(b)^f.at(c)
	}
	return uint8(print) == f.fingerprints[a]^f.fingerprints[b]^f.fingerprints[c]
}

func (f *Filter) at(i uint32) uint16 { return binary.LittleEndian.Uint16(f.fingerprints[2*i:]) }

// MayHaveAll is false where a number is not one that the filter was made of.
func (f *Filter) MayHaveAll(numbers []uint64) bool {
	for _, n := range numbers {
		if !f.MayHave(n) {
			return false
		}
	}
	return true
}

// Keys returns those of some keys that may be there.
func (f *Filter) Keys(keys []digest.Digest) []digest.Digest {
	var there []digest.Digest
	for _, k := range keys {
		if f.MayHave(NumberOfKey(k)) {
			there = append(there, k)
		}
	}
	return there
}

func murmur64(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// appendFuse appends the filter over distinct numbers, which it may change.
func appendFuse[T uint8 | uint16](b []byte, builder *xorfilter.BinaryFuseBuilder, numbers []uint64) ([]byte, error) {
	f, err := xorfilter.BuildBinaryFuse[T](builder, numbers)
	if err != nil {
		return nil, fmt.Errorf("building a filter over %d numbers: %w", len(numbers), err)
	}
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, f.Seed)
	b = binary.LittleEndian.AppendUint32(b, f.SegmentLength)
	b = binary.LittleEndian.AppendUint32(b, f.SegmentCount)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Fingerprints)))
	switch fingerprints := any(f.Fingerprints).(type) {
	case []uint8:
		b = append(b, fingerprints...)
	case []uint16:
		for _, print := range fingerprints {
			b = binary.LittleEndian.AppendUint16(b, print)
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli)), nil
}
