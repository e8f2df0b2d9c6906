package digest

import (
	"crypto/sha256"
	"hash"
	"reflect"
	"sync"
)

// MaxDepth is how many levels a value may nest: containers, pointers and stand-ins count one each. Far below what the
// stack of a goroutine holds, far above what data looks like.
const MaxDepth = 1000

// An encoder walks one value. Its buffer holds the messages that are open, the innermost last.
type encoder struct {
	scheme *Scheme
	domain Domain
	buf    []byte
	trail  []step
	hash   hash.Hash
}

// A step is a level that the walk is inside of. Levels without an address, such as structs, have at == 0.
type step struct {
	at  uintptr
	len int // two slices may begin at one address
	typ reflect.Type
}

var encoders = sync.Pool{New: func() any { return &encoder{hash: sha256.New()} }}

func newEncoder(s *Scheme, d Domain) *encoder {
	e := encoders.Get().(*encoder)
	e.scheme, e.domain = s, d
	return e
}

// release gives the encoder back, unless its buffer grew so large that it would only hold memory.
func (e *encoder) release() {
	const keep = 64 << 10
	if cap(e.buf) > keep {
		return
	}
	e.scheme, e.buf, e.trail = nil, e.buf[:0], e.trail[:0]
	encoders.Put(e)
}

// hasher starts a message whose payload, of a size known beforehand, is written to the hash; sum ends it.
func (e *encoder) hasher(k kind, size int64) hash.Hash {
	start := len(e.buf)
	e.buf = appendHeader(e.buf, e.takeDomain(), k, size)
	e.hash.Reset()
	e.hash.Write(e.buf[start:])
	e.buf = e.buf[:start]
	return e.hash
}

func (e *encoder) sum() (d Digest) {
	e.hash.Sum(d[:0])
	return d
}

// enter goes one level down; leave comes back up.
func (e *encoder) enter(v reflect.Value) *IndigestibleError {
	here := step{typ: v.Type()}
	switch v.Kind() {
	case reflect.Slice:
		here.at, here.len = v.Pointer(), v.Len()
	case reflect.Map, reflect.Pointer:
		here.at = v.Pointer()
	default:
	}
	if here.at != 0 {
		for _, s := range e.trail {
			if s == here {
				return refuse(here.typ, "it contains itself, and a cycle has no content that could be written down; mark the link back digest:\"-\"")
			}
		}
	}
	if len(e.trail) >= MaxDepth {
		return refuse(here.typ, "it is nested more than %d levels deep", MaxDepth)
	}
	e.trail = append(e.trail, here)
	return nil
}

func (e *encoder) leave() { e.trail = e.trail[:len(e.trail)-1] }
