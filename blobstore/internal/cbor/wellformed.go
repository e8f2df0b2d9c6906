package cbor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// wellFormed refuses everything but one item in core deterministic encoding, as this package writes it.
func wellFormed(b []byte) error {
	w := walker{in: b}
	if err := w.item(0); err != nil {
		return fmt.Errorf("byte %d: %w", w.at, err)
	}
	if w.at != len(b) {
		return fmt.Errorf("%d bytes follow the item", len(b)-w.at)
	}
	return nil
}

type walker struct {
	in []byte
	at int
}

// item walks over the next item, which is inside so many others.
func (w *walker) item(depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("nested more than %d levels deep", MaxDepth)
	}
	major, n, err := w.head()
	if err != nil {
		return err
	}
	switch major {
	case byteString, textString:
		content, err := w.take(n)
		if err == nil && major == textString && !utf8.Valid(content) {
			return errors.New("text that is not UTF-8")
		}
		return err
	case array:
		if n > w.left() {
			return fmt.Errorf("an array of %d items in %d bytes", n, w.left())
		}
		for range n {
			if err := w.item(depth + 1); err != nil {
				return err
			}
		}
	case dict:
		return w.dict(n, depth)
	case tag:
		start := w.at
		if err := w.item(depth + 1); err != nil {
			return err
		}
		if n == positiveBignum || n == negativeBignum {
			return checkBignum(w.in[start:w.at])
		}
	}
	return nil
}

// checkBignum refuses what follows the tag of a bignum unless it is a byte string without leading zeros.
func checkBignum(item []byte) error {
	w := walker{in: item}
	major, _, err := w.head()
	if err != nil {
		return err
	}
	if content := item[w.at:]; major != byteString || len(content) > 0 && content[0] == 0 {
		return errors.New("a bignum that is no byte string or begins with zeros")
	}
	return nil
}

func (w *walker) dict(n uint64, depth int) error {
	if n > w.left()/2 {
		return fmt.Errorf("a map of %d entries in %d bytes", n, w.left())
	}
	var before []byte
	for range n {
		start := w.at
		if err := w.item(depth + 1); err != nil {
			return err
		}
		key := w.in[start:w.at]
		if before != nil && bytes.Compare(before, key) >= 0 {
			return errors.New("a map whose keys do not ascend, each once")
		}
		before = key
		if err := w.item(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// head walks over the first bytes of an item, floats and simple values whole.
func (w *walker) head() (major byte, n uint64, err error) {
	first, err := w.take(1)
	if err != nil {
		return 0, 0, err
	}
	major, info := first[0]&0xe0, first[0]&0x1f
	if major == simple {
		return major, 0, w.simple(first[0])
	}
	if info < 24 {
		return major, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, errors.New("an indefinite length or a reserved form")
	}
	content, err := w.take(1 << (info - 24))
	if err != nil {
		return 0, 0, err
	}
	var shorter uint64 // the largest number of the next shorter form
	switch info {
	case 24:
		n, shorter = uint64(content[0]), 23
	case 25:
		n, shorter = uint64(binary.BigEndian.Uint16(content)), math.MaxUint8
	case 26:
		n, shorter = uint64(binary.BigEndian.Uint32(content)), math.MaxUint16
	case 27:
		n, shorter = binary.BigEndian.Uint64(content), math.MaxUint32
	}
	if n <= shorter {
		return 0, 0, fmt.Errorf("the number %d is not in its shortest form", n)
	}
	return major, n, nil
}

func (w *walker) simple(first byte) error {
	switch first {
	case falseByte, trueByte, nullByte:
		return nil
	case float32Byte:
		b, err := w.take(4)
		if err != nil {
			return err
		}
		return oneNaN(float64(math.Float32frombits(binary.BigEndian.Uint32(b))), binary.BigEndian.Uint32(b) == nan32)
	case float64Byte:
		b, err := w.take(8)
		if err != nil {
			return err
		}
		return oneNaN(math.Float64frombits(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b) == nan64)
	}
	return fmt.Errorf("the simple value or float %#02x", first)
}

// oneNaN refuses every NaN but the one that is written.
func oneNaN(f float64, is bool) error {
	if f != f && !is {
		return errors.New("another NaN than the one")
	}
	return nil
}

func (w *walker) left() uint64 { return uint64(len(w.in) - w.at) }

func (w *walker) take(n uint64) ([]byte, error) {
	if n > w.left() {
		return nil, fmt.Errorf("%d bytes are needed, and %d left", n, w.left())
	}
	b := w.in[w.at : w.at+int(n)]
	w.at += int(n)
	return b, nil
}
