package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// Version names the encoding; it opens every message. Another encoding would be another version.
const Version = "quiver1"

// A Domain separates digests with different uses, so that a value can never be taken for a call.
type Domain byte

const (
	Value Domain = 'v' // values and all their parts
	Call  Domain = 'c' // call keys; what they are built of are digests of values
)

// A kind says how the payload of a message is read. The letters never change; docs/format.md lists them.
type kind byte

const (
	kindNil     kind = 'N'
	kindBool    kind = 'B'
	kindInt     kind = 'I'
	kindFloat   kind = 'F'
	kindComplex kind = 'C'
	kindString  kind = 'S'
	kindBytes   kind = 'Y'
	kindList    kind = 'L'
	kindMap     kind = 'M'
	kindStruct  kind = 'R'
	kindTime    kind = 'T'
	kindText    kind = 'X'
	kindNamed   kind = 'A'
)

// headerSize is version, domain, kind and the length of the payload. With 17 bytes of it, every number and every
// string of up to 38 bytes is hashed in one block of SHA-256 (55 bytes and its padding).
const headerSize = len(Version) + 1 + 1 + 8

func appendHeader(b []byte, d Domain, k kind, payload int64) []byte {
	b = append(b, Version...)
	b = append(b, byte(d), byte(k))
	return binary.BigEndian.AppendUint64(b, uint64(payload))
}

// appendCounted appends s after its length in bytes.
func appendCounted(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(s)))
	return append(b, s...)
}

// open starts a message at the end of the buffer and returns where it starts; the payload is appended after it, and
// close ends it. Messages nest: one that is opened inside another is closed, and gone from the buffer, before the
// outer one goes on. The first message of a walk is the outermost one and alone carries the domain asked for.
func (e *encoder) open(k kind) (start int) {
	start = len(e.buf)
	e.buf = appendHeader(e.buf, e.takeDomain(), k, 0)
	return start
}

// close writes the payload's length into the header, hashes the message and drops it from the buffer.
func (e *encoder) close(start int) Digest {
	message := e.buf[start:]
	binary.BigEndian.PutUint64(message[headerSize-8:], uint64(len(message)-headerSize))
	e.buf = e.buf[:start]
	return sha256.Sum256(message)
}

func (e *encoder) takeDomain() Domain {
	d := e.domain
	e.domain = Value
	return d
}

func (e *encoder) null() Digest { return e.close(e.open(kindNil)) }

func (e *encoder) bool(b bool) Digest {
	start := e.open(kindBool)
	if b {
		e.buf = append(e.buf, 1)
	} else {
		e.buf = append(e.buf, 0)
	}
	return e.close(start)
}

// integer takes a sign and a magnitude, so that one encoding serves every width, signed or not.
func (e *encoder) integer(negative bool, magnitude uint64) Digest {
	start := e.open(kindInt)
	if negative {
		e.buf = append(e.buf, 1)
	} else {
		e.buf = append(e.buf, 0)
	}
	for shift := 56; shift >= 0; shift -= 8 {
		if rest := magnitude >> shift; rest != 0 {
			e.buf = append(e.buf, byte(rest))
		}
	}
	return e.close(start)
}

func (e *encoder) int(i int64) Digest {
	if i < 0 {
		return e.integer(true, -uint64(i))
	}
	return e.integer(false, uint64(i))
}

func (e *encoder) float(f float64) Digest {
	start := e.open(kindFloat)
	e.buf = appendFloat(e.buf, f)
	return e.close(start)
}

func (e *encoder) complex(c complex128) Digest {
	start := e.open(kindComplex)
	e.buf = appendFloat(e.buf, real(c))
	e.buf = appendFloat(e.buf, imag(c))
	return e.close(start)
}

// oneNaN is what every NaN becomes: processors disagree about the bits of the NaN that an operation returns.
const oneNaN = 0x7ff8000000000000

func appendFloat(b []byte, f float64) []byte {
	if f != f {
		return binary.BigEndian.AppendUint64(b, oneNaN)
	}
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}

func (e *encoder) text(typeName, text string) Digest {
	start := e.open(kindText)
	e.buf = appendCounted(e.buf, typeName)
	e.buf = append(e.buf, text...)
	return e.close(start)
}

// direct is the size up to which content is copied behind its header and hashed in one go; above it, the copy would
// cost more than a hash that is fed in two pieces.
const direct = 1 << 10

func (e *encoder) bytes(b []byte) Digest {
	if len(b) > direct {
		h := e.hasher(kindBytes, int64(len(b)))
		h.Write(b)
		return e.sum()
	}
	start := e.open(kindBytes)
	e.buf = append(e.buf, b...)
	return e.close(start)
}

func (e *encoder) string(s string) Digest {
	if len(s) > direct {
		h := e.hasher(kindString, int64(len(s)))
		scratch := len(e.buf)
		for len(s) > 0 { // in pieces: a conversion to []byte would copy all of it at once
			n := min(len(s), 8<<10)
			e.buf = append(e.buf[:scratch], s[:n]...)
			h.Write(e.buf[scratch:])
			s = s[n:]
		}
		e.buf = e.buf[:scratch]
		return e.sum()
	}
	start := e.open(kindString)
	e.buf = append(e.buf, s...)
	return e.close(start)
}
