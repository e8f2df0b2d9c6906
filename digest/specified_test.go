package digest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"

	"github.com/quivercache/quiver/digest"
)

// specified computes a digest from the notation as docs/format.md says, and nothing else: it is what an implementation in
// another language looks like. It panics on what is not in the notation.
func specified(domain string, value json.RawMessage) (message []byte, d digest.Digest) {
	for kind, content := range parsed[map[string]json.RawMessage](value) {
		if kind == "digest" {
			return nil, parsed[digest.Digest](content)
		}
		letter, payload := specifiedPayload(kind, content)
		message = append([]byte("quiver1"+domain+letter), number(8, int64(len(payload)))...)
		message = append(message, payload...)
	}
	return message, sha256.Sum256(message)
}

func specifiedPayload(kind string, content json.RawMessage) (letter string, payload []byte) {
	child := func(value json.RawMessage) []byte {
		_, d := specified("v", value)
		return d[:]
	}
	switch kind {
	case "nil":
		return "N", nil
	case "bool":
		if parsed[bool](content) {
			return "B", []byte{1}
		}
		return "B", []byte{0}
	case "int":
		n, ok := new(big.Int).SetString(parsed[string](content), 10)
		if !ok {
			panic("not an integer: " + string(content))
		}
		sign := byte(0)
		if n.Sign() < 0 {
			sign = 1
		}
		return "I", append([]byte{sign}, n.Bytes()...)
	case "float":
		return "F", unhex(content)
	case "complex":
		parts := parsed[[2]json.RawMessage](content)
		return "C", append(unhex(parts[0]), unhex(parts[1])...)
	case "string":
		return "S", unhex(content)
	case "bytes":
		return "Y", unhex(content)
	case "list":
		for _, part := range parsed[[]json.RawMessage](content) {
			payload = append(payload, child(part)...)
		}
		return "L", payload
	case "map":
		var entries [][]byte
		for _, entry := range parsed[[][2]json.RawMessage](content) {
			entries = append(entries, append(child(entry[0]), child(entry[1])...))
		}
		slices.SortFunc(entries, bytes.Compare)
		return "M", bytes.Join(entries, nil)
	case "struct":
		fields := parsed[map[string]json.RawMessage](content)
		names := make([]string, 0, len(fields))
		for name := range fields {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			payload = append(append(payload, counted(name)...), child(fields[name])...)
		}
		return "R", payload
	case "time":
		t := parsed[struct {
			Seconds                string
			Nanoseconds, Offset    int64
			Abbreviation, Location string
		}](content)
		seconds, err := strconv.ParseInt(t.Seconds, 10, 64)
		if err != nil {
			panic(err)
		}
		return "T", slices.Concat(number(8, seconds), number(4, t.Nanoseconds), number(8, t.Offset), counted(t.Abbreviation), counted(t.Location))
	case "text":
		t := parsed[struct{ Type, Text string }](content)
		return "X", append(counted(t.Type), t.Text...)
	case "named":
		t := parsed[struct {
			Type  string
			Value json.RawMessage
		}](content)
		return "A", append(counted(t.Type), child(t.Value)...)
	default:
		panic("unknown kind " + kind)
	}
}

func parsed[T any](text json.RawMessage) (v T) {
	if err := json.Unmarshal(text, &v); err != nil {
		panic(err)
	}
	return v
}

func unhex(text json.RawMessage) []byte {
	b, err := hex.DecodeString(parsed[string](text))
	if err != nil {
		panic(err)
	}
	return b
}

// number is n in so many bytes, the most significant first, negative ones in two's complement.
func number(size int, n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n))[8-size:]
}

func counted(s string) []byte { return append(number(8, int64(len(s))), s...) }
