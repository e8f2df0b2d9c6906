package digest

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"time"
)

// textOf lists the types whose text says all there is to know about a value; most texts do not. Each function must
// be injective: two values that a program could tell apart have two texts.
var textOf = map[reflect.Type]func(address any) string{
	reflect.TypeFor[netip.Addr]():     func(p any) string { return p.(*netip.Addr).String() },
	reflect.TypeFor[netip.AddrPort](): func(p any) string { return addrPortText(*p.(*netip.AddrPort)) },
	reflect.TypeFor[netip.Prefix]():   func(p any) string { return prefixText(*p.(*netip.Prefix)) },
	reflect.TypeFor[big.Int]():        func(p any) string { return p.(*big.Int).String() },
	reflect.TypeFor[big.Rat]():        func(p any) string { return p.(*big.Rat).String() },
	reflect.TypeFor[big.Float]():      func(p any) string { return bigFloatText(p.(*big.Float)) },
	reflect.TypeFor[url.URL]():        func(p any) string { return urlText(p.(*url.URL)) },
}

func digestText(t reflect.Type, text func(address any) string) rule {
	name, _ := describe(t)
	return func(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
		return e.text(name, text(addressable(v).Addr().Interface())), nil
	}
}

// addrPortText keeps the port of an invalid address, which the type's own text drops.
func addrPortText(a netip.AddrPort) string {
	if a.IsValid() {
		return a.String()
	}
	return a.Addr().String() + ":" + strconv.Itoa(int(a.Port()))
}

// prefixText keeps the address of an invalid prefix, which the type's own text drops; its length is then -1.
func prefixText(p netip.Prefix) string {
	return p.Addr().String() + "/" + strconv.Itoa(p.Bits())
}

// bigFloatText is the exact value in hexadecimal, then what decides about the outcome of operations: precision in bits and
// rounding mode. The accuracy of the last operation is history, not value.
func bigFloatText(f *big.Float) string {
	return fmt.Sprintf("%s prec=%d mode=%s", f.Text('p', 0), f.Prec(), f.Mode())
}

// urlText is the URL as it is written, if reading that gives the same URL; else, after a line feed, which no
// URL begins with, all of its parts, since different parts can be written as one URL.
func urlText(u *url.URL) string {
	text := u.String()
	if parsed, err := url.Parse(text); err == nil && reflect.DeepEqual(parsed, u) {
		return text
	}
	password, hasPassword := u.User.Password()
	return fmt.Sprintf("\n%q %t %t %t %t", []string{u.Scheme, u.Opaque, u.User.Username(), password, u.Host, u.Path, u.RawPath,
		u.RawQuery, u.Fragment, u.RawFragment}, u.User != nil, hasPassword, u.OmitHost, u.ForceQuery)
}

// digestTime keeps the zone, since a program can see it: equal instants differ in their hour, their date and in what
// adding a day does. The monotonic reading means nothing in another process and is dropped.
func digestTime(e *encoder, v reflect.Value) (Digest, *IndigestibleError) {
	t := v.Interface().(time.Time)
	abbreviation, offset := t.Zone()
	start := e.open(kindTime)
	e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(t.Unix()))
	e.buf = binary.BigEndian.AppendUint32(e.buf, uint32(t.Nanosecond()))
	e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(int64(offset)))
	e.buf = appendCounted(e.buf, abbreviation)
	e.buf = appendCounted(e.buf, t.Location().String())
	return e.close(start), nil
}
