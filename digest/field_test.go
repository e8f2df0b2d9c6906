package digest_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/quivercache/quiver/digest"
)

// TestFieldsAreThoseOfTheStructsDigest: a struct is the map from the names of its fields, as far as they count, to their digests.
func TestFieldsAreThoseOfTheStructsDigest(t *testing.T) {
	type s struct {
		Z     int
		A     string `digest:"first"`
		Left  func() `digest:"-"`
		Later int    `digest:",omitzero"`
		*Base
		Any any
	}
	for _, v := range []s{{}, {Z: 1, A: "a", Later: 2, Any: Celsius(1)}, {Base: &Base{3, 4}}} {
		fields, byFields, err := (*digest.Scheme)(nil).Fields(reflect.TypeOf(v))
		if err != nil || !byFields {
			t.Fatal(byFields, err)
		}
		names, parts := "", map[string]any{}
		for _, f := range fields {
			part, counts := f.Of(reflect.ValueOf(&v).Elem())
			if !counts {
				continue
			}
			names += f.Name + "=" + f.Path + " "
			parts[f.Name] = of(t, part.Addr().Interface())
		}
		want := "Z=Z first=A Base=Base Any=Any "
		switch {
		case v.Later != 0:
			want = "Z=Z first=A Later=Later Base=Base Any=Any "
		case v.Base != nil:
			want = "Z=Z first=A A=Base.A B=Base.B Any=Any "
		}
		if names != want {
			t.Errorf("%+v has the fields %s, want %s", v, names, want)
		}
		if v.Base == nil {
			parts["Base"] = nil
		}
		if got := of(t, structOf(parts)); got != of(t, v) {
			t.Errorf("%+v: its fields make another digest", v)
		}
	}
}

// structOf is a struct with fields of these names and values.
func structOf(parts map[string]any) any {
	var fields []reflect.StructField
	var values []reflect.Value
	for name, value := range parts {
		d, ok := value.(digest.Digest)
		if !ok {
			d = digest.OfBytes(nil)
		}
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("F", len(fields)), Type: reflect.TypeFor[digest.Digest](),
			Tag: reflect.StructTag(fmt.Sprintf(`digest:"%s"`, name))})
		values = append(values, reflect.ValueOf(d))
	}
	v := reflect.New(reflect.StructOf(fields)).Elem()
	for i, value := range values {
		v.Field(i).Set(value)
	}
	return v.Interface()
}

func TestWhatIsDigestedOtherwiseHasNoFields(t *testing.T) {
	hooked, err := digest.NewScheme(digest.HookFor(func(b Base) (any, error) { return b.A, nil }))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scheme *digest.Scheme
		typ    reflect.Type
		ok     bool
	}{
		{nil, reflect.TypeFor[time.Time](), false}, {nil, reflect.TypeFor[int](), false}, {nil, reflect.TypeFor[*Base](), false},
		{nil, reflect.TypeFor[any](), false}, {nil, reflect.TypeFor[Base](), true}, {hooked, reflect.TypeFor[Base](), false},
		{hooked, reflect.TypeFor[Empty](), true},
	} {
		if _, ok, err := c.scheme.Fields(c.typ); ok != c.ok || err != nil {
			t.Errorf("Fields(%v) = %v, %v", c.typ, ok, err)
		}
	}
	for _, bad := range []reflect.Type{reflect.TypeFor[struct{ hidden int }](), reflect.TypeFor[struct {
		A int `digest:"x,nonsense"`
	}]()} {
		var indigestible *digest.IndigestibleError
		if _, _, err := (*digest.Scheme)(nil).Fields(bad); !errors.As(err, &indigestible) {
			t.Errorf("Fields(%v) = %v", bad, err)
		}
	}
}
