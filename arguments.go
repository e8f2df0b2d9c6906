package quiver

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
)

// wholeArgument is the name of the argument where In is not taken apart.
const wholeArgument = "in"

// arguments says how an In becomes the arguments of a call: the fields of a struct by the names and rules of its digest, anything else as one argument.
type arguments struct {
	scheme   *digest.Scheme
	fields   []digest.Field
	whole    bool     // In is one argument
	required []member // must not be zero
}

// member is a field of In by its name in Go.
type member struct {
	name  string
	index []int
}

// takeApart says how a type becomes arguments. Names are those of fields in Go ("Base.A" of an embedded struct), or "in".
func takeApart(t reflect.Type, scheme *digest.Scheme, ignore, require []string) (*arguments, error) {
	fields, byFields, err := scheme.Fields(t)
	if err != nil {
		return nil, err
	}
	a := &arguments{scheme: scheme, fields: fields, whole: !byFields}
	for _, name := range require {
		m, err := a.member(t, name)
		if err != nil {
			return nil, fmt.Errorf("required: %w", err)
		}
		a.required = append(a.required, m)
	}
	for _, name := range ignore {
		m, err := a.member(t, name)
		if err != nil {
			return nil, fmt.Errorf("ignored: %w", err)
		}
		a.whole = a.whole && len(m.index) > 0
		a.fields = slices.DeleteFunc(a.fields, func(f digest.Field) bool {
			return len(f.Index) >= len(m.index) && slices.Equal(f.Index[:len(m.index)], m.index)
		})
	}
	return a, nil
}

// member finds a field by its name. In as a whole is no field, and has no index.
func (a *arguments) member(t reflect.Type, name string) (member, error) {
	if a.whole {
		if name == wholeArgument {
			return member{name: name}, nil
		}
		return member{}, fmt.Errorf("%v is one argument, %q, and has no %q", t, wholeArgument, name)
	}
	m := member{name: name}
	inner := t
	for part := range strings.SplitSeq(name, ".") {
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct {
			return member{}, unknownField(t, name)
		}
		f, ok := inner.FieldByName(part)
		if !ok {
			return member{}, unknownField(t, name)
		}
		m.index = append(m.index, f.Index...)
		inner = f.Type
	}
	return m, nil
}

func unknownField(t reflect.Type, name string) error {
	return fmt.Errorf("%v has no field %q", t, name)
}

// missing is the first required field that is zero; empty: none.
func (a *arguments) missing(in reflect.Value) string {
	for _, m := range a.required {
		part := in
		if len(m.index) > 0 {
			var err error
			if part, err = in.FieldByIndexErr(m.index); err != nil { // an embedded pointer is nil
				return m.name
			}
		}
		if part.IsZero() {
			return m.name
		}
	}
	return ""
}

// parts yields the arguments of an In that can be addressed: names and places.
func (a *arguments) parts(in reflect.Value) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		if a.whole {
			yield(wholeArgument, in)
			return
		}
		for i := range a.fields {
			f := &a.fields[i]
			if part, counts := f.Of(in); counts && !yield(f.Name, part) {
				return
			}
		}
	}
}

// content is what a place holds, as its digest and its codec take it. What an interface holds counts with its type, and so does not what a place of that
// type holds.
func content(place reflect.Value) any {
	if place.Kind() == reflect.Interface {
		return place.Addr().Interface()
	}
	return place.Interface()
}

// digests returns the arguments of a call.
func (a *arguments) digests(in reflect.Value) ([]callindex.Argument, error) {
	digests := make([]callindex.Argument, 0, max(len(a.fields), 1))
	for name, place := range a.parts(in) {
		d, err := a.scheme.Of(content(place))
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", name, err)
		}
		digests = append(digests, callindex.Argument{Name: name, Digest: d})
	}
	return digests, nil
}

// encode returns the values of the arguments, to be saved, and tells of those that cannot be.
func (a *arguments) encode(values *blobstore.Store, in reflect.Value, refused func(name string, err error)) []*blobstore.Encoded {
	var encoded []*blobstore.Encoded
	for name, place := range a.parts(in) {
		value := content(place)
		switch value.(type) {
		case digest.Digest, *digest.Digest:
			continue // it stands for a value that is kept elsewhere
		}
		e, err := values.Encode(value, nil)
		if err != nil {
			refused(name, err)
			continue
		}
		encoded = append(encoded, e)
	}
	return encoded
}

// load fills an In that can be addressed with the values of a call's arguments. Ignored fields stay zero.
func (a *arguments) load(ctx context.Context, values *blobstore.Store, c *callindex.Call, in reflect.Value) error {
	unknown, err := a.fill(ctx, values, c, in)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		return fmt.Errorf("the function has no argument %s any more", unknown[0])
	}
	again, err := a.digests(in)
	if err != nil {
		return err
	}
	if !slices.Equal(again, c.Arguments) {
		return errors.New("the stored arguments make another call: their types have changed, or they hold what was loaded as another type")
	}
	return nil
}

// fill fills an In with the values of those of a call's arguments that it has, and returns the names of the others.
func (a *arguments) fill(ctx context.Context, values *blobstore.Store, c *callindex.Call, in reflect.Value) (unknown []string, err error) {
	for _, argument := range c.Arguments {
		place := in
		if !a.whole {
			at := slices.IndexFunc(a.fields, func(f digest.Field) bool { return f.Name == argument.Name })
			if at < 0 {
				unknown = append(unknown, argument.Name)
				continue
			}
			if place, err = reach(in, a.fields[at].Index); err != nil {
				return nil, fmt.Errorf("argument %s: %w", argument.Name, err)
			}
		}
		if err := loadInto(ctx, values, argument.Digest, place); err != nil {
			return nil, fmt.Errorf("argument %s: %w", argument.Name, err)
		}
	}
	return unknown, nil
}

// loadInto loads the value of an argument.
func loadInto(ctx context.Context, values *blobstore.Store, d digest.Digest, place reflect.Value) error {
	switch p := place.Addr().Interface().(type) {
	case *digest.Digest:
		*p = d
		return nil
	case **digest.Digest:
		*p = &d
		return nil
	}
	return values.Load(ctx, d, place.Addr().Interface())
}

// reach returns a field of a struct, and makes the embedded structs on the way to it.
func reach(v reflect.Value, index []int) (reflect.Value, error) {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, fmt.Errorf("the embedded %v is not exported, so it cannot be made", v.Type())
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, nil
}
