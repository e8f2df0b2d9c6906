// Package digest names values by their content: [Of] returns the SHA-256 of a Go value, [Prefix] is a digest cut
// short, and [Resolve] and [Shortest] go from one to the other and back.
//
// Two calls with the same arguments must find each other's results, and two calls with different arguments never may. So
// a digest depends on what a value is and on nothing else: not on the order of a map, the width of an integer, an address or
// a process. The encoding is specified, with test vectors, in docs/format.md.
//
// # What is the same
//
// Values are reduced to a few kinds, and two values have the same digest exactly when they are the same there.
//
//	nil      nil pointers, slices, maps and interfaces; nil is not empty
//	bool     is not a number
//	int      exact, of any width and sign: int8(5) and uint64(5) are one
//	float    exact, of any width; one NaN; −0 is not 0, and 1.0 is not 1
//	complex  two floats
//	string   its bytes, which need not be UTF-8
//	bytes    []byte, [N]byte and readers; never the same as a string or a list
//	list     slices and arrays
//	map      without order
//	struct   fields by name, whatever their order; never the same as a map
//	time     the instant and the zone, since a program can see both; not the monotonic reading
//	text     netip.Addr, AddrPort and Prefix, big.Int, Rat and Float, url.URL: with the name of the type
//
// A pointer is what it points to. Named types are their kinds where the type is part of the place: the argument of Of, a
// field, an element. In an interface, such as an element of []any, the type is part of the value, so its name with the
// whole package path and type arguments is added if a defined type is mentioned in it: []any{Celsius(3)} is not []any{3.0},
// but []any{3.0} is []float64{3}.
//
// A reader that can seek is its content, from where it stands to the end, and is rewound to there.
//
// # Digests stand for values
//
// A [Digest], by exact type, is the value that it is the digest of, in every place: Of(d) is d, and a list that
// holds the digest of 1 is the list that holds 1. So an argument may be given as a value or as its digest. A string of 64
// hex characters, or a [32]byte, is data like any other.
//
// In an interface, the digest of a value of a defined type lacks the name that the value itself would get. The digest of
// the value with its name is that of a pointer to the interface:
//
//	var v any = Celsius(3)
//	d, err := digest.Of(&v) // []any{d} is []any{Celsius(3)}
//
// # Structs
//
// All fields count. Those of embedded structs count as the outer struct's, as in encoding/json; where two have one name, the
// less nested one, then the tagged one keeps it, and the other goes by its path ("Base.A") instead of being dropped. A nil
// embedded pointer counts as a nil field with the name of its type. The tag says otherwise:
//
//	A int `digest:"name"`           // another name
//	B int `digest:",omitzero"`      // left out where it is zero to the bit: fields can be added later
//	c sync.Mutex `digest:"-"`       // left out
//
// A field that is not exported has no digest, and neither has the struct, unless the tag leaves it out.
//
// # What has no digest
//
// Channels, functions, addresses, cycles, readers that cannot seek, unexported fields, maps with keys that cannot be told
// apart, nesting beyond [MaxDepth], and types whose tags make no sense. The error is an *[IndigestibleError] with the path to the
// part. A [Digester] method, for types you can change, or a [Hook] in a [Scheme], for those you cannot, returns a value
// that stands for another. The order is: method, hook, Digest, the rules above.
//
// # What to know
//
//   - Types are told apart by package path and name. Two types of one name inside two functions of a package have the same
//     path and name, and so have the types of two main packages and of two builds of a plugin. The compiler numbers the local types
//     among type arguments, and may number them otherwise in the next build. Keep types that are cached out of functions.
//   - The location "Local" is named so on every machine, with its offset and abbreviation but without its rules.
//   - A value must not change while it is digested. Memory that is shared inside a value is visited once for each way to it.
package digest
