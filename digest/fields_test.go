package digest_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/digest"
)

type (
	base   struct{ A, B int }
	Base   struct{ A, B int }
	middle struct {
		*Base
		C int
	}
	Chain struct {
		*Chain
		X int
	}
	Empty struct{}
)

func TestEmbeddedStructsAreFlattened(t *testing.T) {
	flat := of(t, struct{ A, B, X int }{1, 2, 3})
	for name, v := range map[string]any{
		"value": struct {
			Base
			X int
		}{Base{1, 2}, 3},
		"pointer": struct {
			*Base
			X int
		}{&Base{1, 2}, 3},
		"unexported": struct {
			base
			X int
		}{base{1, 2}, 3},
		"unexported pointer": struct {
			*base
			X int
		}{&base{1, 2}, 3},
		"renamed": struct {
			P int `digest:"A"`
			Q int `digest:"B"`
			R int `digest:"X"`
		}{1, 2, 3},
		"left out": struct {
			Base
			X  int
			F  func()   `digest:"-"`
			mu chan int `digest:"-"`
			_  int
		}{Base: Base{1, 2}, X: 3},
	} {
		if of(t, v) != flat {
			t.Error(name)
		}
	}
	if of(t, middle{&Base{1, 2}, 3}) != of(t, struct{ A, B, C int }{1, 2, 3}) {
		t.Error("pointer in a named type")
	}
	if of(t, struct {
		Base `digest:"Inner"`
	}{Base{1, 2}}) != of(t, struct{ Inner Base }{Base{1, 2}}) {
		t.Error("a name makes an embedded struct one field")
	}
}

func TestEmbeddedTypesWithARuleOfTheirOwnAreOneField(t *testing.T) {
	moment := time.Unix(5, 0).UTC()
	if of(t, struct {
		time.Time
		X int
	}{moment, 1}) != of(t, struct {
		Time any
		X    int
	}{of(t, moment), 1}) {
		t.Error("time")
	}
	if of(t, struct {
		digest.Digest
		X int
	}{of(t, 7), 1}) != of(t, struct{ Digest, X int }{7, 1}) {
		t.Error("digest")
	}
	if of(t, struct{ Celsius }{3}) != of(t, struct{ Celsius float64 }{3}) {
		t.Error("number")
	}
	if of(t, struct{ Error }{nil}) == of(t, Empty{}) {
		t.Error("interface")
	}
	chain := Chain{&Chain{nil, 1}, 2}
	if of(t, chain) != of(t, struct {
		Chain any
		X     int
	}{struct {
		Chain any
		X     int
	}{nil, 1}, 2}) {
		t.Error("a type that embeds itself")
	}
}

// Error is an interface that can be embedded.
type Error interface{ error }

// Celsius is exported, as an embedded number must be.
type Celsius float64

func TestNilAndEmptyEmbeddedPointersDiffer(t *testing.T) {
	type holder struct {
		*Empty
		X int
	}
	if of(t, holder{nil, 1}) == of(t, holder{&Empty{}, 1}) {
		t.Error("nil is not empty")
	}
	if of(t, holder{nil, 1}) != of(t, struct {
		Empty any
		X     int
	}{nil, 1}) || of(t, holder{&Empty{}, 1}) != of(t, struct{ X int }{1}) {
		t.Error("a nil embedded pointer is a field")
	}
	if of(t, struct {
		*Base `digest:",omitzero"`
		X     int
	}{nil, 1}) != of(t, struct{ X int }{1}) {
		t.Error("which omitzero leaves out")
	}
}

func TestTheOuterFieldKeepsANameAndNothingIsDropped(t *testing.T) {
	type outer struct {
		Base
		A int
	}
	a, b := outer{Base{1, 2}, 3}, outer{Base{9, 2}, 3}
	if of(t, a) == of(t, b) {
		t.Error("a hidden field counts")
	}
	fields := map[string]int{"A": 3, "B": 2, "Base.A": 1}
	if message, d := specified("v", specifiedStruct(fields)); of(t, a) != d {
		t.Errorf("the hidden field goes by its path: %x", message)
	}
	type tagged struct {
		Base
		Other struct{} `digest:"-"`
		Y     int      `digest:"A"`
	}
	if of(t, tagged{Base: Base{1, 2}, Y: 3}) != of(t, a) {
		t.Error("a tag names as a field's name does")
	}
}

func TestATaggedNameWinsAmongEquallyDeepFields(t *testing.T) {
	type Left struct{ A int }
	type Right struct {
		B int `digest:"A"`
	}
	v := struct {
		Left
		Right
	}{Left{1}, Right{2}}
	if _, want := specified("v", specifiedStruct(map[string]int{"A": 2, "Left.A": 1})); of(t, v) != want {
		t.Error("the tag does not win")
	}
}

func TestDeeplyEmbeddedFieldsAreAllFound(t *testing.T) {
	type L5 struct{ A, B int }
	type L4 struct {
		L5
		C, D int
	}
	type L3 struct {
		L4
		E, F int
	}
	type L2 struct {
		*L3
		G, H int
	}
	v := L2{&L3{L4{L5{1, 2}, 3, 4}, 5, 6}, 7, 8}
	if of(t, v) != of(t, struct{ A, B, C, D, E, F, G, H int }{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Error("a field was taken for another")
	}
}

// specifiedStruct is the notation of a struct of integers.
func specifiedStruct(fields map[string]int) json.RawMessage {
	parts := make([]string, 0, len(fields))
	for name, n := range fields {
		parts = append(parts, fmt.Sprintf(`%q:{"int":"%d"}`, name, n))
	}
	return json.RawMessage(`{"struct":{` + strings.Join(parts, ",") + `}}`)
}

func TestOmitzeroLeavesOutZeroToTheBit(t *testing.T) {
	type part struct{ F float64 }
	type version2 struct {
		A int
		F float64    `digest:",omitzero"`
		C complex128 `digest:",omitzero"`
		L [2]float64 `digest:",omitzero"`
		P part       `digest:"part,omitzero"`
		S []int      `digest:",omitzero"`
		M *int       `digest:",omitzero"`
	}
	old := of(t, struct{ A int }{1})
	if of(t, version2{A: 1}) != old {
		t.Error("a field may be added without changing digests")
	}
	negative := math.Copysign(0, -1)
	for _, v := range []version2{
		{A: 1, F: negative}, {A: 1, C: complex(0, negative)}, {A: 1, L: [2]float64{0, negative}}, {A: 1, P: part{negative}},
		{A: 1, S: []int{}}, {A: 1, M: new(int)}, {A: 1, F: 1},
	} {
		if of(t, v) == old {
			t.Errorf("%+v is not zero", v)
		}
	}
}

func TestStructsThatWouldLoseAFieldAreRefused(t *testing.T) {
	type Left struct{ A int }
	type Right struct{ A int }
	for want, v := range map[string]any{
		"Left.A and Right.A both": struct {
			Left
			Right
		}{},
		"X and Y both": struct {
			X int `digest:"n"`
			Y int `digest:"n"`
		}{},
		"A and B both": struct {
			A int
			B int `digest:"A"`
		}{},
		"unknown option \"omitempty\"": struct {
			A int `digest:"a,omitempty"`
		}{},
		"unknown option \"\"": struct {
			A int `digest:"a,"`
		}{},
		"not made of letters": struct {
			A int `digest:"a.b"`
		}{},
		"digest:\"--\"": struct {
			A int `digest:"--"`
		}{},
		"not in the form":        reflect.New(reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"a" digest:name`}})).Interface(),
		"not in the form digest": reflect.New(reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int](), Tag: `digest: "a"`}})).Interface(),
		"omitzero needs a name": struct {
			Base `digest:",omitzero"`
		}{},
	} {
		if _, err := digest.Of(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s: %v", want, err)
		}
	}
	of(t, struct {
		A int `json:"digest:x"`
	}{})
	of(t, struct {
		A int `digest:""`
	}{})
	of(t, struct {
		A int `digest:"a-b_c9Ω"`
	}{})
}
