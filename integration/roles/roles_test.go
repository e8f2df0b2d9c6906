package roles_test

import (
	"cmp"
	"slices"
	"testing"
)

// errands are all that a user has to do with a store at a place.
func errands(at place) []errand {
	return slices.Concat(reads, writes, deletes, []errand{listUploads(at.uploads)})
}

func TestEachRoleDoesWhatItShouldAndNothingElse(t *testing.T) {
	for _, at := range []place{bare, prefixed} {
		t.Run(cmp.Or(at.prefix, "bare"), func(t *testing.T) {
			t.Parallel()
			d := found(t).of(t, at.domain...)
			for _, who := range roles {
				t.Run(string(who), func(t *testing.T) {
					v := d.visit(t, who, at)
					for _, e := range errands(at) {
						t.Run(e.name, func(t *testing.T) {
							if err := v.try(t, e); err != nil {
								t.Error(err)
							}
						})
					}
				})
			}
		})
	}
}
