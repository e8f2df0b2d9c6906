package roles_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// diagnosis is the last line of quiver doctor --json.
type diagnosis struct {
	Fit    bool
	Broken []string
	Left   int

	exit int
	out  string
}

// diagnosed runs the doctor as the visit's user.
func (v *visit) diagnosed(t *testing.T, flags ...string) diagnosis {
	t.Helper()
	r := v.quiver(t, append([]string{"doctor", "--json"}, flags...)...)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	var last struct{ Summary *diagnosis }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Summary == nil {
		t.Fatalf("there is no summary: %+v", r)
	}
	d := *last.Summary
	d.exit, d.out = r.exit, r.out
	return d
}

// The doctor finds a store fit for who may write, though he may delete nowhere but in the doctor's folder, and tells a reader which rights he has not.
func TestTheDoctorTellsEachRoleWhatItMay(t *testing.T) {
	t.Parallel()
	d := found(t).of(t, prefixed.domain...)
	for _, who := range []role{writer, janitor} {
		flags := []string{"--no-large"}
		if who == writer {
			flags = nil
		}
		if got := d.visit(t, who, prefixed).diagnosed(t, flags...); got.exit != 0 || !got.Fit || len(got.Broken) > 0 || got.Left > 0 {
			t.Errorf("%s: %+v", who, got)
		}
	}
	v := d.visit(t, reader, prefixed)
	got := v.diagnosed(t, "--no-large")
	if got.exit != 1 || got.Fit || !slices.Contains(got.Broken, "may-put") || slices.Contains(got.Broken, "may-list") || slices.Contains(got.Broken, "missing-key") ||
		!strings.Contains(got.out, "the role needs s3:PutObject") {
		t.Errorf("reader: %+v", got)
	}
	if left, err := v.look(t.Context(), errand{}); err != nil || len(left.objects) > 0 {
		t.Errorf("the doctor has left %v, %v", left, err)
	}
}
