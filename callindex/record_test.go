package callindex_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

func TestTheKeyIsMadeOfTheCallAlone(t *testing.T) {
	base := callindex.Call{Name: "f", Arguments: []callindex.Argument{{Name: "x", Digest: digest.OfBytes([]byte("1"))}, {Name: "y", Digest: digest.OfBytes([]byte("2"))}}}
	with := func(change func(*callindex.Call)) callindex.Call {
		c := base
		c.Arguments = slices.Clone(base.Arguments)
		change(&c)
		return c
	}
	calls := map[string]callindex.Call{
		"base":          base,
		"name":          with(func(c *callindex.Call) { c.Name = "g" }),
		"module":        with(func(c *callindex.Call) { c.Module = "m" }),
		"module f":      with(func(c *callindex.Call) { c.Module = "f" }),
		"version 3":     with(func(c *callindex.Call) { c.Version = callindex.IntVersion(3) }),
		"version 0":     with(func(c *callindex.Call) { c.Version = callindex.IntVersion(0) }),
		`version "3"`:   with(func(c *callindex.Call) { c.Version = callindex.TextVersion("3") }),
		`version ""`:    with(func(c *callindex.Call) { c.Version = callindex.TextVersion("") }),
		"code":          with(func(c *callindex.Call) { c.Code = digest.OfBytes([]byte("code")) }),
		"order":         with(func(c *callindex.Call) { slices.Reverse(c.Arguments) }),
		"argument name": with(func(c *callindex.Call) { c.Arguments[0].Name = "z" }),
		"argument":      with(func(c *callindex.Call) { c.Arguments[0].Digest = digest.OfBytes([]byte("3")) }),
		"fewer":         with(func(c *callindex.Call) { c.Arguments = c.Arguments[:1] }),
		"none":          with(func(c *callindex.Call) { c.Arguments = nil }),
	}
	seen := map[digest.Digest]string{}
	for name, c := range calls {
		key := keyOf(t, &c)
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[key] = name
		if again := keyOf(t, &c); again != key {
			t.Errorf("%s has two keys", name)
		}
	}
	r := callindex.Record{Call: base, Result: digest.OfBytes(nil), Metadata: callindex.Metadata{"a": {"b": 1}}}
	if keyOf(t, &r.Call) != keyOf(t, &base) {
		t.Error("result and metadata count for the key")
	}
}

func TestACallThatARecordCannotKeepIsRefused(t *testing.T) {
	d := digest.OfBytes(nil)
	for name, c := range map[string]callindex.Call{
		"no name":           {},
		"code of nothing":   {Name: "f", Code: digest.OfBytes(nil)},
		"name not UTF-8":    {Name: "\xff"},
		"module not UTF-8":  {Name: "f", Module: "\xff"},
		"version not UTF-8": {Name: "f", Version: callindex.TextVersion("\xff")},
		"argument unnamed":  {Name: "f", Arguments: []callindex.Argument{{Digest: d}}},
		"argument twice":    {Name: "f", Arguments: []callindex.Argument{{Name: "x", Digest: d}, {Name: "x", Digest: d}}},
		"argument empty":    {Name: "f", Arguments: []callindex.Argument{{Name: "x"}}},
		"argument odd":      {Name: "f", Arguments: []callindex.Argument{{Name: "\xff", Digest: d}}},
	} {
		w := newWorld(t)
		_, err := w.Save(t.Context(), &callindex.Record{Call: c}, nil)
		var failed *keyspace.SaveError
		if !errors.As(err, &failed) {
			t.Errorf("%s: Save = %v", name, err)
		}
		w.recorder.Expect(t)
	}
}

func TestARecordThatIsTooLargeIsRefused(t *testing.T) {
	for name, change := range map[string]func(*callindex.Record){
		"metadata": func(r *callindex.Record) {
			r.Metadata = callindex.Metadata{"log": {"text": strings.Repeat("x", callindex.RecordLimit)}}
		},
		"inline":         func(r *callindex.Record) { r.Inline = &callindex.Inline{Data: make([]byte, callindex.InlineLimit+1)} },
		"not for JSON":   func(r *callindex.Record) { r.Metadata = callindex.Metadata{"x": {"f": func() {}}} },
		"no JSON number": func(r *callindex.Record) { r.Metadata = callindex.Metadata{"x": {"n": json.Number("one")}} },
	} {
		w := newWorld(t)
		r := record(call("f", 1), 1)
		change(r)
		_, err := w.Save(t.Context(), r, nil)
		var failed *keyspace.SaveError
		if !errors.As(err, &failed) {
			t.Errorf("%s: Save = %v", name, err)
		}
		if there, err := w.Contains(t.Context(), keyOf(t, &r.Call)); there || err != nil {
			t.Errorf("%s: Contains = %v, %v", name, there, err)
		}
	}
}

var (
	anyDigest = rapid.Custom(func(t *rapid.T) digest.Digest {
		return digest.OfBytes(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "of"))
	})
	anyVersion = rapid.OneOf(
		rapid.Just(callindex.Version{}),
		rapid.Map(rapid.Int64(), callindex.IntVersion),
		rapid.Map(rapid.String(), callindex.TextVersion),
	)
	anyJSON = rapid.OneOf(
		rapid.Map(rapid.Int64(), func(n int64) any { return json.Number(fmt.Sprint(n)) }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
		rapid.Map(rapid.SliceOfN(rapid.String(), 0, 3), func(list []string) any {
			any := make([]any, len(list))
			for i := range list {
				any[i] = list[i]
			}
			return any
		}),
		rapid.Map(rapid.MapOfN(rapid.String(), rapid.Bool(), 0, 3), func(m map[string]bool) any {
			any := map[string]any{}
			for k, v := range m {
				any[k] = v
			}
			return any
		}),
	)
	anyRecord = rapid.Custom(func(t *rapid.T) *callindex.Record {
		r := &callindex.Record{Call: callindex.Call{
			Name: "f" + rapid.String().Draw(t, "name"), Module: rapid.String().Draw(t, "module"), Version: anyVersion.Draw(t, "version"),
		}}
		for i := range rapid.IntRange(0, 4).Draw(t, "arguments") {
			r.Arguments = append(r.Arguments, callindex.Argument{Name: fmt.Sprint(i, rapid.String().Draw(t, "argument")), Digest: anyDigest.Draw(t, "digest")})
		}
		if rapid.Bool().Draw(t, "done") {
			r.Result = anyDigest.Draw(t, "result")
			r.Parts = rapid.SliceOfN(anyDigest, 0, 2).Draw(t, "parts")
			r.Code = anyDigest.Draw(t, "code")
			r.Inline = &callindex.Inline{Codec: "cbor", Data: rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "inline")}
		}
		r.Metadata = callindex.Metadata(rapid.MapOfN(rapid.String(), rapid.MapOfN(rapid.String(), anyJSON, 0, 3), 0, 3).Draw(t, "metadata"))
		r.Saved = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "saved"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds")).UTC()
		return r
	})
)

// TestWhatIsEncodedIsDecoded is the round trip of every field of a record, its types kept.
func TestWhatIsEncodedIsDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord.Draw(t, "record")
		key, err := r.Key()
		if err != nil {
			t.Fatal(err)
		}
		text, err := callindex.Encode(r, key)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) || bytes.Count(text, []byte("\n")) != 1 {
			t.Errorf("a record is one line of JSON, not %q", text)
		}
		got, err := callindex.Decode(bucket.Info{Key: "calls/x"}, key, text)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := got.Key(); err != nil || again != key {
			t.Errorf("the key of the decoded record is %v, %v, want %v", again, err, key)
		}
		if len(r.Arguments) == 0 {
			got.Arguments = r.Arguments
		}
		if len(r.Metadata) == 0 {
			got.Metadata = r.Metadata
		}
		if len(r.Parts) == 0 {
			got.Parts = r.Parts
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("decoded\n%+v, want\n%+v", got, r)
		}
	})
}

// TestAnyDamageOfARecordIsAMissWithAReason flips every bit of every byte, and cuts the record at every length.
func TestAnyDamageOfARecordIsAMissWithAReason(t *testing.T) {
	r := record(call("f", 1), 2)
	r.Metadata = callindex.Metadata{"tags": {"a": "b"}}
	key := keyOf(t, &r.Call)
	text, err := callindex.Encode(r, key)
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(body []byte) {
		got, err := callindex.Decode(bucket.Info{Key: "calls/x", Version: "7"}, key, body)
		var d *keyspace.DamagedError
		if !errors.As(err, &d) || !errors.Is(err, digest.ErrNotFound) || d.Version != "7" {
			t.Fatalf("%q was read as %+v, %v", body, got, err)
		}
	}
	for i := range text {
		damaged(text[:i])
		for bit := range 8 {
			body := bytes.Clone(text)
			body[i] ^= 1 << bit
			damaged(body)
		}
	}
	damaged(append(bytes.Clone(text), '\n'))
	if _, err := callindex.Decode(bucket.Info{}, digest.OfBytes(nil), text); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("the record of another key: %v", err)
	}
}

// sealed ends the JSON of a record with its checksum.
func sealed(text string) []byte {
	text = strings.TrimSuffix(text, "}")
	return fmt.Appendf(nil, "%s,\"sha256\":\"%x\"}\n", text, sha256.Sum256([]byte(text)))
}

func TestARecordOfALaterFormatIsNeitherAMissNorDamage(t *testing.T) {
	for _, text := range []string{`{"format":2}`, `{"format":3,"arguments":"of another type"}`} {
		_, err := callindex.Decode(bucket.Info{Key: "calls/x"}, digest.OfBytes(nil), sealed(text))
		var newer *keyspace.NewerFormatError
		if !errors.As(err, &newer) || errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestADamagedRecordIsReplacedByTheNextSave(t *testing.T) {
	for name, body := range map[string][]byte{"empty": nil, "foreign": []byte("hello"), "huge": make([]byte, callindex.RecordLimit+1), "another's": sealed(`{"format":1}`)} {
		w := newWorld(t)
		r := record(call("f", 1), 1)
		key := keyOf(t, &r.Call)
		mustSave(t, w.Store, r, nil)
		overwrite(t, w.bucket, layout.RecordSpace.Name(key), body)
		var damaged *keyspace.DamagedError
		if _, err := w.Load(t.Context(), key); !errors.As(err, &damaged) || !errors.Is(err, digest.ErrNotFound) {
			t.Errorf("%s: Load = %v", name, err)
		}
		if err := w.Evict(t.Context(), key); !errors.As(err, &damaged) {
			t.Errorf("%s: Evict = %v", name, err)
		}
		mustSave(t, w.Store, r, nil)
		if got, err := w.Load(t.Context(), key); err != nil || got.Result != r.Result {
			t.Errorf("%s: healed to %+v, %v", name, got, err)
		}
	}
}

// TestFormat1StaysReadable reads a record as the first version wrote it: these bytes are in people's buckets.
func TestFormat1StaysReadable(t *testing.T) {
	names, err := filepath.Glob("testdata/format/v1/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no records of format 1", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		key, err := digest.Parse(strings.TrimSuffix(filepath.Base(name), ".json"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := callindex.Decode(bucket.Info{Key: name}, key, text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := callindex.Encode(r, key)
		if err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s is written otherwise today: %v\n%s", name, err, again)
		}
	}
}

func TestVersionsKeepTheirType(t *testing.T) {
	for _, c := range []struct {
		version callindex.Version
		text    string
		json    string
	}{
		{callindex.Version{}, "", "null"},
		{callindex.IntVersion(3), "3", "3"},
		{callindex.IntVersion(-1 << 63), "-9223372036854775808", "-9223372036854775808"},
		{callindex.TextVersion("3"), `"3"`, `"3"`},
		{callindex.TextVersion("v3"), "v3", `"v3"`},
		{callindex.TextVersion("03"), "03", `"03"`},
	} {
		if got := c.version.String(); got != c.text {
			t.Errorf("String() = %s, want %s", got, c.text)
		}
		text, err := json.Marshal(c.version)
		if err != nil || string(text) != c.json {
			t.Errorf("%v in JSON is %s, %v", c.version, text, err)
		}
		var back callindex.Version
		if err := json.Unmarshal(text, &back); err != nil || back != c.version {
			t.Errorf("%s from JSON is %v, %v", text, back, err)
		}
	}
	for _, bad := range []string{"1.5", "true", "[]", "9223372036854775808"} {
		var v callindex.Version
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s was read as version %v", bad, v)
		}
	}
	if callindex.ParseVersion("3") != callindex.IntVersion(3) || callindex.ParseVersion("v3") != callindex.TextVersion("v3") || !callindex.ParseVersion("").IsZero() {
		t.Error("ParseVersion mistakes types")
	}
}

// TestASignatureHasTheBitsOfEachArgument is what lets a query pass over marks: never over one that concerns it.
func TestASignatureHasTheBitsOfEachArgument(t *testing.T) {
	all := make([]callindex.Argument, 4)
	for i := range all {
		all[i] = callindex.Argument{Name: fmt.Sprint("argument", i), Digest: digest.OfBytes([]byte{byte(i)})}
	}
	whole := callindex.SignatureOf(all)
	for _, a := range all {
		if one := callindex.SignatureOf([]callindex.Argument{a}); one == 0 || whole&one != one {
			t.Errorf("the bits of %s are not all in the signature of the call", a.Name)
		}
	}
	passed := 0
	const others = 10_000
	for i := range others {
		other := callindex.SignatureOf([]callindex.Argument{{Name: "argument0", Digest: digest.OfBytes(fmt.Append(nil, "other", i))}})
		if whole&other == other {
			passed++
		}
	}
	if passed > others/50 {
		t.Errorf("the signature passes %d of %d other values", passed, others)
	}
	if callindex.SignatureOf(nil) != 0 {
		t.Error("no arguments have bits")
	}
}

// TestTheSignatureIsAsSpecified pins the value that docs/format.md gives.
func TestTheSignatureIsAsSpecified(t *testing.T) {
	var zero digest.Digest
	if got := callindex.SignatureOf([]callindex.Argument{{Name: "x", Digest: zero}}).String(); got != "0004400018000000" {
		t.Errorf("the signature of x = 00… is %s", got)
	}
}

func FuzzDecode(f *testing.F) {
	r := record(call("f", 1), 2)
	key, err := r.Key()
	if err != nil {
		f.Fatal(err)
	}
	text, err := callindex.Encode(r, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(sealed(`{"format":1}`))
	f.Add(sealed(`{"format":2}`))
	f.Add(sealed(`{"format":1,"version":1.5}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, body := range [][]byte{body, sealed(string(body))} {
			got, err := callindex.Decode(bucket.Info{}, key, body)
			if err != nil {
				continue
			}
			if own, err := got.Key(); err != nil || own != key {
				t.Errorf("a record of %v was taken for one of %v: %v", own, key, err)
			}
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	mark := layout.BatchMark{Function: 7, Write: strings.Repeat("0f", 16)}
	f.Add(callindex.EncodeBatch([]layout.Mark{{Key: digest.OfBytes(nil), Signature: 1}, {Key: digest.OfBytes([]byte("x"))}}))
	f.Add([]byte("0\n"))
	f.Add([]byte("\n1\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		marks, err := callindex.DecodeBatch(mark, body)
		if err == nil && !bytes.Equal(callindex.EncodeBatch(marks), body) {
			t.Errorf("%q was read as %v", body, marks)
		}
	})
}

func TestACutBatchMarkIsAnError(t *testing.T) {
	mark := layout.BatchMark{Function: 7, Write: strings.Repeat("0f", 16)}
	body := callindex.EncodeBatch([]layout.Mark{{Key: digest.OfBytes(nil), Signature: 1}, {Key: digest.OfBytes([]byte("x"))}})
	if _, err := callindex.DecodeBatch(mark, body); err != nil {
		t.Fatal(err)
	}
	for i := range body {
		if marks, err := callindex.DecodeBatch(mark, body[:i]); err == nil {
			t.Errorf("cut after %d bytes it was read as %v", i, marks)
		}
	}
}

func ExampleStore_Save() {
	s := callindex.New(mem.New(nil), nil)
	x, err := digest.Of(3)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := &callindex.Record{
		Call:   callindex.Call{Name: "square", Version: callindex.IntVersion(1), Arguments: []callindex.Argument{{Name: "x", Digest: x}}},
		Result: digest.OfBytes([]byte("9")),
	}
	if _, err := s.Save(ctx, r, nil); err != nil {
		fmt.Println(err)
		return
	}
	key, err := r.Key()
	if err != nil {
		fmt.Println(err)
		return
	}
	loaded, err := s.Load(ctx, key)
	fmt.Println(loaded.Name, loaded.Version, loaded.Result == r.Result, err)
	// Output: square 1 true <nil>
}
