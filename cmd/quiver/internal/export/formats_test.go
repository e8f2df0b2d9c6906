package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/cmd/quiver/internal/export"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/internal/parquettest"
)

// call is a call as other tools read it.
type call struct {
	Name           string  `parquet:"name"`
	Module         *string `parquet:"module,optional"`
	Key            string  `parquet:"key"`
	VersionInteger *int64  `parquet:"version_integer,optional"`
	VersionText    *string `parquet:"version_text,optional"`
	Code           *string `parquet:"code,optional"`
	Arguments      []struct {
		Name   string `parquet:"name"`
		Digest string `parquet:"digest"`
	} `parquet:"arguments,list"`
	Result   *string  `parquet:"result,optional"`
	Parts    []string `parquet:"parts,list"`
	Metadata *string  `parquet:"metadata,optional"`
	Saved    int64    `parquet:"saved,timestamp(microsecond:utc)"`
}

// keyed is a record and its key.
type keyed struct {
	key    digest.Digest
	record *callindex.Record
}

// tell is a record as other tools should read it; texts go through a function.
func (k keyed) tell(text func(string) string) call {
	r := k.record
	c := call{Name: text(r.Name), Module: optional(text(r.Module)), Key: k.key.String(), Code: hex(r.Code), Result: hex(r.Result), Saved: r.Saved.UnixMicro()}
	switch v := r.Version.Value().(type) {
	case int64:
		c.VersionInteger = &v
	case string:
		c.VersionText = new(text(v))
	}
	for _, a := range r.Arguments {
		c.Arguments = append(c.Arguments, struct {
			Name   string `parquet:"name"`
			Digest string `parquet:"digest"`
		}{a.Name, a.Digest.String()})
	}
	for _, p := range r.Parts {
		c.Parts = append(c.Parts, p.String())
	}
	if len(r.Metadata) > 0 {
		m, err := json.Marshal(r.Metadata)
		if err != nil {
			panic(err)
		}
		c.Metadata = new(string(m))
	}
	return c
}

func asItIs(text string) string { return text }

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func hex(d digest.Digest) *string {
	if d.IsZero() {
		return nil
	}
	return optional(d.String())
}

// plain is a call in a form in which equal ones are equal: lists that are empty are nil, and so are they in JSON; metadata is as JSON sorts and escapes it.
func plain(t rapid.TB, c call) string {
	if len(c.Arguments) == 0 {
		c.Arguments = nil
	}
	if len(c.Parts) == 0 {
		c.Parts = nil
	}
	if c.Metadata != nil {
		var m any
		decoder := json.NewDecoder(strings.NewReader(*c.Metadata))
		decoder.UseNumber()
		if err := decoder.Decode(&m); err != nil {
			t.Fatalf("metadata %q: %v", *c.Metadata, err)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		c.Metadata = new(string(text))
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// odd draws a call of any shape that a record can have.
func odd(t *rapid.T) keyed {
	texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\"", "a,b", "a\nb", "a\r\nb", "\r", " x ", `\.`, "=1+1", "\x00", "ü\u2028<&>", "null", "[]"}))
	digests := rapid.Custom(func(t *rapid.T) (d digest.Digest) {
		copy(d[:], rapid.SliceOfN(rapid.Byte(), len(d), len(d)).Draw(t, "digest"))
		d[0] |= 1
		return d
	})
	maybe := rapid.OneOf(digests, rapid.Just(digest.Digest{}))
	r := &callindex.Record{
		Call:   callindex.Call{Name: "f" + texts.Draw(t, "name"), Module: texts.Draw(t, "module"), Code: maybe.Draw(t, "code")},
		Result: maybe.Draw(t, "result"), Parts: rapid.SliceOfN(digests, 0, 3).Draw(t, "parts"),
		Saved: time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).UTC(),
	}
	switch rapid.IntRange(0, 2).Draw(t, "kind of version") {
	case 1:
		r.Version = callindex.IntVersion(rapid.OneOf(rapid.Int64(), rapid.Just(int64(0))).Draw(t, "version"))
	case 2:
		r.Version = callindex.TextVersion(texts.Draw(t, "version"))
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "arguments") {
		r.Arguments = append(r.Arguments, callindex.Argument{Name: strconv.Itoa(i) + texts.Draw(t, "argument"), Digest: digests.Draw(t, "digest")})
	}
	if rapid.Bool().Draw(t, "metadata") {
		r.Metadata = callindex.Metadata{texts.Draw(t, "group"): {texts.Draw(t, "member"): texts.Draw(t, "value"), "n": json.Number("1e400"), "nothing": nil, "list": []any{true, map[string]any{}}}, "empty": {}}
	}
	return keyed{digests.Draw(t, "key"), r}
}

// written is what a writer makes of calls.
func written(t rapid.TB, begin func(io.Writer) export.Writer, calls []keyed) []byte {
	var b bytes.Buffer
	w := begin(&b)
	for _, c := range calls {
		if err := w.Write(c.key, c.record); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func same(t rapid.TB, got []call, want []keyed, text func(string) string) {
	if len(got) != len(want) {
		t.Fatalf("%d calls, want %d", len(got), len(want))
	}
	for i := range got {
		if got, want := plain(t, got[i]), plain(t, want[i].tell(text)); got != want {
			t.Fatalf("call %d is\n%.2000s\nwant\n%.2000s", i, got, want)
		}
	}
}

func TestEveryCallSurvivesParquet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		calls := append(large(rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 3}).Draw(t, "of many pages"), 200_000), rapid.SliceOfN(rapid.Custom(odd), 0, 8).Draw(t, "calls")...)
		rows := rapid.SampledFrom([]int{100, 100, 100, 3}).Draw(t, "rows of a group")
		b := written(t, func(w io.Writer) export.Writer { return export.ParquetInGroups(w, rows, 1<<20) }, calls)
		got, err := parquet.Read[call](bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, calls, asItIs)
		f := open(t, b)
		checkEncodings(t, f)
		if err := parquettest.Bounds(f); err != nil {
			t.Fatal(err)
		}
	})
}

func TestEveryCallSurvivesCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		calls := rapid.SliceOfN(rapid.Custom(odd), 0, 8).Draw(t, "calls")
		rows, err := csv.NewReader(bytes.NewReader(written(t, export.CSV, calls))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var got []call
		for i, cells := range rows[1:] {
			row := map[string]string{}
			for i, name := range rows[0] {
				row[name] = cells[i]
			}
			saved, err := time.Parse(time.RFC3339Nano, row["saved"])
			if err != nil || !saved.Equal(calls[i].record.Saved) {
				t.Fatalf("saved %q, %v: want %v", row["saved"], err, calls[i].record.Saved)
			}
			c := call{Name: row["name"], Module: optional(row["module"]), Key: row["key"], Code: optional(row["code"]), Result: optional(row["result"]), Metadata: optional(row["metadata"]), Saved: saved.UnixMicro()}
			if row["version_integer"] != "" {
				n, err := strconv.ParseInt(row["version_integer"], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				c.VersionInteger = &n
			}
			c.VersionText = optional(row["version_text"])
			if c.VersionText == nil && calls[i].record.Version == callindex.TextVersion("") {
				c.VersionText = new("") // a CSV file has one empty cell for both
			}
			if err := errors.Join(json.Unmarshal([]byte(row["arguments"]), &c.Arguments), json.Unmarshal([]byte(row["parts"]), &c.Parts)); err != nil {
				t.Fatal(err)
			}
			got = append(got, c)
		}
		same(t, got, calls, func(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }) // as Go's reader reads it
	})
}

// checkEncodings holds that the schema stays, and that no encoding is one that only some readers know.
func checkEncodings(t *rapid.T, f *parquet.File) {
	if got := f.Schema().String(); got != schema {
		t.Fatalf("the schema is now\n%s", got)
	}
	for _, group := range f.Metadata().RowGroups {
		for _, column := range group.Columns {
			m := column.MetaData
			for _, e := range m.Encoding {
				if e != format.Plain && e != format.RLE && e != format.RLEDictionary || m.Codec != format.Zstd {
					t.Fatalf("%v: %v, %v", m.PathInSchema, e, m.Codec)
				}
			}
		}
	}
}

const schema = `message call {
	required binary name (STRING);
	optional binary module (STRING);
	required binary key (STRING);
	optional int64 version_integer (INT(64,true));
	optional binary version_text (STRING);
	optional binary code (STRING);
	required group arguments (LIST) {
		repeated group list {
			required group element {
				required binary name (STRING);
				required binary digest (STRING);
			}
		}
	}
	optional binary result (STRING);
	required group parts (LIST) {
		repeated group list {
			required binary element (STRING);
		}
	}
	optional binary metadata (STRING);
	required int64 saved (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
}`

func open(t rapid.TB, b []byte) *parquet.File {
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// large are so many calls with so many bytes of metadata each.
func large(n, metadata int) []keyed {
	calls := make([]keyed, n)
	for i := range calls {
		calls[i] = keyed{digest.Digest{1, byte(i >> 16), byte(i >> 8), byte(i)}, &callindex.Record{Call: callindex.Call{Name: "f" + strconv.Itoa(i%7)}}}
		if metadata > 0 {
			calls[i].record.Metadata = callindex.Metadata{"tags": {"n": strings.Repeat(strconv.Itoa(i%10), metadata)}}
		}
	}
	return calls
}

func TestARowGroupEndsAtItsRowsOrAtItsSize(t *testing.T) {
	for name, c := range map[string]struct {
		calls []keyed
		want  []int64
	}{
		"rows": {large(25, 0), []int64{10, 10, 5}},
		"size": {large(7, 200), []int64{3, 3, 1}},
		"none": {nil, nil},
	} {
		f := open(t, written(t, func(w io.Writer) export.Writer { return export.ParquetInGroups(w, 10, 800) }, c.calls))
		var got []int64
		for _, group := range f.RowGroups() {
			got = append(got, group.NumRows())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: row groups of %v, want %v", name, got, c.want)
		}
	}
}

var errFull = errors.New("full")

// full takes so many bytes.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	f.room -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func TestAFailureToWriteIsTold(t *testing.T) {
	calls := large(5, 10)
	for name, begin := range map[string]func(io.Writer) export.Writer{"parquet": export.Parquet, "csv": export.CSV} {
		size := len(written(t, begin, calls))
		for room := size - 1; room >= 0; room -= 61 {
			w := begin(&full{room})
			var err error
			for _, c := range calls {
				err = errors.Join(err, w.Write(c.key, c.record))
			}
			if err = errors.Join(err, w.Close()); !errors.Is(err, errFull) {
				t.Fatalf("%s, room for %d bytes: %v", name, room, err)
			}
		}
	}
}

func TestBothFilesHaveTheSameColumns(t *testing.T) {
	header, _, _ := strings.Cut(string(written(t, export.CSV, nil)), "\n")
	var columns []string
	for _, field := range open(t, written(t, export.Parquet, nil)).Schema().Fields() {
		columns = append(columns, field.Name())
	}
	if !reflect.DeepEqual(strings.Split(header, ","), columns) {
		t.Errorf("CSV has %s, Parquet %q", header, columns)
	}
}
