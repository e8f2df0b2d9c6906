package cbor

import (
	"math/big"
	"reflect"
	"time"
)

// bigInt appends a bignum, also where an integer would do, so that it comes back as what it was.
func (e *encoder) bigInt(i *big.Int) {
	sign := uint64(positiveBignum)
	if i.Sign() < 0 {
		sign = negativeBignum
		i = new(big.Int).Not(i)
	}
	e.out = appendHead(e.out, tag, sign)
	e.bytes(byteString, i.Bytes())
}

// bigInt reads what follows the tag of a bignum.
func (d *decoder) bigInt(number uint64) (*big.Int, error) {
	content, err := d.content(byteString)
	if err != nil {
		return nil, err
	}
	i := new(big.Int).SetBytes(content)
	if number == negativeBignum {
		i.Not(i)
	}
	return i, nil
}

// time appends an array of the seconds since 1970, the nanoseconds, the zone's offset in seconds east of UTC, its abbreviation and the name of the
// location: all that a program can see of a time, except the monotonic reading.
func (e *encoder) time(t time.Time) {
	abbreviation, offset := t.Zone()
	e.out = appendHead(appendHead(e.out, tag, timeTag), array, 5)
	e.out = appendInt(appendInt(appendInt(e.out, t.Unix()), int64(t.Nanosecond())), int64(offset))
	e.bytes(textString, []byte(abbreviation))
	e.bytes(textString, []byte(t.Location().String()))
}

// time reads what follows the tag of a time.
func (d *decoder) time() (t time.Time, err error) {
	var parts struct {
		seconds, nanoseconds, offset int64
		abbreviation, location       string
	}
	n, err := d.length(array)
	if err != nil {
		return t, err
	}
	if n != 5 {
		return t, d.mismatch("a time")
	}
	for _, part := range []any{&parts.seconds, &parts.nanoseconds, &parts.offset, &parts.abbreviation, &parts.location} {
		if err := d.value(reflect.ValueOf(part).Elem()); err != nil {
			return t, err
		}
	}
	if parts.nanoseconds < 0 || parts.nanoseconds >= 1e9 || parts.offset != int64(int32(parts.offset)) {
		return t, d.mismatch("a time")
	}
	return zoned(time.Unix(parts.seconds, parts.nanoseconds), parts.location, parts.abbreviation, int(parts.offset))
}

// complex reads what follows the tag of a complex number.
func (d *decoder) complex() (complex128, error) {
	var parts [2]float64
	err := d.value(reflect.ValueOf(&parts).Elem())
	return complex(parts[0], parts[1]), err
}
