package digest

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A field is a part of a struct, its own or an embedded one's.
type field struct {
	name     string // in the message
	label    []byte // name after its length, as the message has it
	goPath   string // as one would select it in Go
	index    []int  // the way to it through embedded structs
	tagged   bool   // the tag names it
	omitZero bool
	onlyNil  bool // an embedded pointer: counts when it is nil, else its fields do
	plan     *plan
}

// find returns the field's value; not found, if it belongs to an embedded pointer that is nil.
func (f *field) find(v reflect.Value) (part reflect.Value, found bool) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// fields returns the fields of a struct, sorted by their names in the message; reason says why it has no digest.
func (w *planner) fields(t reflect.Type) (_ []field, reason string) {
	c := collector{planner: w}
	if reason := c.collect(t, nil, ""); reason != "" {
		return nil, reason
	}
	if reason := c.settleNames(); reason != "" {
		return nil, reason
	}
	slices.SortFunc(c.found, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for i := range c.found {
		f := &c.found[i]
		f.label = appendCounted(nil, f.name)
	}
	return c.found, ""
}

type collector struct {
	*planner
	found   []field
	through []reflect.Type // the structs that the collector is inside of
}

func (c *collector) collect(t reflect.Type, index []int, goPath string) (reason string) {
	c.through = append(c.through, t)
	defer func() { c.through = c.through[:len(c.through)-1] }()
	for sf := range t.Fields() {
		tag, err := parseTag(sf.Tag)
		if err != "" {
			return "field " + sf.Name + ": " + err
		}
		if tag.ignore || sf.Name == "_" { // a blank field holds nothing that Go lets anyone read or compare
			continue
		}
		f := field{
			name:     cmp.Or(tag.name, sf.Name),
			goPath:   goPath + sf.Name,
			index:    append(slices.Clip(index), sf.Index...),
			tagged:   tag.name != "",
			omitZero: tag.omitZero,
		}
		switch {
		case sf.Anonymous && !f.tagged && c.flattens(sf.Type):
			if sf.Type.Kind() == reflect.Struct && tag.omitZero {
				return "field " + sf.Name + ": omitzero needs a name here, since an embedded struct is not one field"
			}
			inner := sf.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
				f.onlyNil, f.plan = true, c.plan(sf.Type)
				c.found = append(c.found, f)
			}
			if reason := c.collect(inner, f.index, f.goPath+"."); reason != "" {
				return reason
			}
			continue
		case !sf.IsExported():
			f.omitZero = false
			f.plan = &plan{digest: refuseAll(sf.Type, "the field is not exported, so it cannot be read; "+
				"leave it out with the tag digest:\"-\", or give the struct a hook or a DigestValue method")}
		default:
			f.plan = c.plan(sf.Type)
		}
		c.found = append(c.found, f)
	}
	return ""
}

// flattens reports whether an embedded field gives its fields to the struct around it. A type with a rule of its own, and
// one that embeds itself, remain one field.
func (c *collector) flattens(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	class, _ := c.scheme.classify(t)
	return t.Kind() == reflect.Struct && class == byKind && !slices.Contains(c.through, t)
}

// settleNames decides who keeps a name that several fields have, as encoding/json does: the least nested one, and among
// those the tagged one. Unlike there, nothing is dropped, since values that differ would then share a digest: the
// others go by their Go path, and where nobody keeps the name, the struct is refused.
func (c *collector) settleNames() (reason string) {
	byName := make(map[string][]*field)
	for i := range c.found {
		f := &c.found[i]
		byName[f.name] = append(byName[f.name], f)
	}
	for name, rivals := range byName {
		slices.SortFunc(rivals, func(a, b *field) int {
			return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(a.goPath, b.goPath))
		})
		if len(rivals) > 1 && rivals[0].rank() == rivals[1].rank() {
			return fmt.Sprintf("its fields %s and %s both have the name %q; name one of them with a digest tag", rivals[0].goPath, rivals[1].goPath, name)
		}
		for _, f := range rivals[1:] {
			f.name = f.goPath
		}
	}
	owner := make(map[string]string)
	for _, f := range c.found {
		if other, taken := owner[f.name]; taken {
			return fmt.Sprintf("its fields %s and %s both have the name %q; name one of them with a digest tag", other, f.goPath, f.name)
		}
		owner[f.name] = f.goPath
	}
	return ""
}

// rank orders fields with one name: the smaller one keeps it.
func (f *field) rank() int {
	if f.tagged {
		return 2 * len(f.index)
	}
	return 2*len(f.index) + 1
}

type fieldTag struct {
	name             string
	omitZero, ignore bool
}

var (
	quoted    = regexp.MustCompile(`"(\\.|[^"\\])*"`)
	strayTags = regexp.MustCompile(`(^|\s)digest\s*:`)
)

// parseTag reads digest:"name,omitzero"; name and option may each be missing. The second result says what is wrong.
func parseTag(tag reflect.StructTag) (_ fieldTag, wrong string) {
	text, ok := tag.Lookup("digest")
	if !ok {
		if strayTags.MatchString(quoted.ReplaceAllString(string(tag), "")) {
			return fieldTag{}, fmt.Sprintf("its tag %q is not in the form digest:\"…\"", tag)
		}
		return fieldTag{}, ""
	}
	if text == "-" {
		return fieldTag{ignore: true}, ""
	}
	name, option, hasOption := strings.Cut(text, ",")
	if hasOption && option != "omitzero" {
		return fieldTag{}, fmt.Sprintf("the tag digest:%q has the unknown option %q; there is omitzero only", text, option)
	}
	if !isFieldName(name) {
		return fieldTag{}, fmt.Sprintf("the tag digest:%q has a name that is not made of letters, digits, _ and inner -", text)
	}
	return fieldTag{name: name, omitZero: hasOption}, ""
}

// isFieldName keeps dots for the paths of fields that lost their name, and a single "-" for leaving out.
func isFieldName(s string) bool {
	return !strings.HasPrefix(s, "-") && !strings.ContainsFunc(s, func(r rune) bool {
		return r == unicode.ReplacementChar || r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// isZero reports whether v is its type's zero value to the bit: for [reflect.Value.IsZero], −0 is zero.
func isZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(v.Float()) == 0
	case reflect.Complex64, reflect.Complex128:
		c := v.Complex()
		return math.Float64bits(real(c)) == 0 && math.Float64bits(imag(c)) == 0
	case reflect.Array:
		for i := range v.Len() {
			if !isZero(v.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range v.NumField() {
			if !isZero(v.Field(i)) {
				return false
			}
		}
		return true
	default:
		return v.IsZero()
	}
}
