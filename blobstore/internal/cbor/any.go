package cbor

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// any decodes the next item as the Go type that is most like it.
func (d *decoder) any() (any, error) {
	switch first := d.peek(); d.major() {
	case unsigned:
		n := d.number()
		if n > math.MaxInt64 {
			return n, nil
		}
		return int64(n), nil
	case negative:
		n := d.number()
		if n > math.MaxInt64 {
			return nil, d.outside(negative, n, reflect.TypeFor[int64]())
		}
		return ^int64(n), nil
	case byteString:
		b, err := d.content(byteString)
		return append([]byte{}, b...), err
	case textString:
		b, err := d.content(textString)
		return string(b), err
	case array:
		var list []any
		err := d.slice(reflect.ValueOf(&list).Elem())
		return list, err
	case dict:
		return d.anyMap()
	case tag:
		return d.anyTag(d.number())
	default:
		if f, ok := d.number64(); ok {
			return f, nil
		}
		d.at++
		if first == nullByte {
			return nil, nil
		}
		return first == trueByte, nil
	}
}

// anyMap decodes a map by text, or, from the first key on that is no text, by anything.
func (d *decoder) anyMap() (any, error) {
	byText, byAny := map[string]any{}, map[any]any(nil)
	for range d.number() {
		key, err := d.any()
		if err != nil {
			return nil, fmt.Errorf("a key: %w", err)
		}
		text, isText := key.(string)
		if !isText && byAny == nil {
			byAny = make(map[any]any, len(byText))
			for k, v := range byText {
				byAny[k] = v
			}
		}
		value, err := d.any()
		switch {
		case err != nil:
			return nil, fmt.Errorf("[%v]: %w", key, err)
		case byAny == nil:
			byText[text] = value
		case key != nil && !reflect.TypeOf(key).Comparable():
			return nil, fmt.Errorf("a %T cannot be the key of a map", key)
		default:
			byAny[key] = value
		}
	}
	if byAny != nil {
		return byAny, nil
	}
	return byText, nil
}

func (d *decoder) anyTag(number uint64) (any, error) {
	switch number {
	case positiveBignum, negativeBignum:
		return d.bigInt(number)
	case complexTag:
		return d.complex()
	case timeTag:
		var t time.Time
		t, err := d.time()
		return t, err
	}
	return nil, fmt.Errorf("the tag %d is not known", number)
}
