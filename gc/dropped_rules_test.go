//go:build soak

package gc_test

import (
	"testing"

	"github.com/quivercache/quiver/internal/droptest"
)

// droppedRules are the rules of the protocol, each with the edits that drop it.
var droppedRules = map[string][]droptest.Edit{
	"a value older than 6 hours is written again before it is named": {
		{"../blobstore/keep.go", "told && age <= KeepFor {", "told && age >= 0 {"},
	},
	"hours later the values are looked after again before the record is sent": {
		{"../callindex/write.go", "!w.kept.IsZero() && !w.tooLate(w.kept) }", "!w.kept.IsZero() }"},
	},
	"what a record names is stored again where hours have passed": {
		{"../callindex/write.go", "	if w.stores != nil {\n", "	if w.stores != nil && len(w.used) < 2 {\n"},
		{"../blobstore/keep.go", "&& s.ages.forget(key) {", "&& false {"},
	},
	"a record is moved only if it is there after its values were looked after": {
		{"../callindex/write.go", "	if w.moved == nil {\n", "	if w.moved == nil || true {\n"},
	},
	"a value is deleted only in the version that was looked at": {
		{"../blobstore/discard.go", "	if !ok {\n		return Removed", "	if !ok || true {\n		return Removed"},
	},
	"a value is deleted only as old as it was when it was listed": {
		{"../blobstore/discard.go", "!object.ModTime.Before(before)", "object.Date.Sub(object.ModTime) < 24*time.Hour"},
	},
	"only what is a day old is garbage": {
		{"find.go", "g.now.Add(-g.options.MinAge)", "g.now.Add(-g.options.MinAge / 6)"},
	},
	"a prepared call names its values": {
		{"find.go", "		g.prepared = append(g.prepared, l.Values...)\n", ""},
	},
	"marked calls are read, and so are those that the index lacks": {
		{"../callindex/trace.go", "	for key := range marked {\n", "	for key := range (dirty)(nil) {\n"},
		{"find.go", "ctx.Err() == nil && !g.calls.isFound(i)", "false"},
	},
	"marks are listed before the manifest is read, or calls that the index lacks are read": {
		{"../callindex/trace.go", "	marked, err := s.dirtyUnder(ctx, layout.MarksFolder(shard), math.MaxInt)\n	if err != nil {\n		return err\n	}\n", ""},
		{"../callindex/trace.go", "	if l.Manifest != nil {\n		for", "	marked, err := s.dirtyUnder(ctx, layout.MarksFolder(shard), math.MaxInt)\n	if err != nil {\n		return err\n	}\n	if l.Manifest != nil {\n		for"},
		{"find.go", "ctx.Err() == nil && !g.calls.isFound(i)", "false"},
	},
	"what a call names stays that cannot be evicted": {
		{"remove.go", "		r.keep(t.Values, always)\n		return nil\n", "		return nil\n"},
	},
}

// TestEachRuleIsNeeded drops each rule of the protocol from the code, and wants that the tests notice.
func TestEachRuleIsNeeded(t *testing.T) { droptest.Each(t, droppedRules, "-histories=20000") }
