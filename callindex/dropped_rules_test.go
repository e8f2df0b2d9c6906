//go:build soak

package callindex_test

import (
	"testing"

	"github.com/quivercache/quiver/internal/droptest"
)

// droppedRules are the rules of the protocol, each with the edits that drop it.
var droppedRules = map[string][]droptest.Edit{
	"a query lists the marks before it reads the manifest": {
		{"plan.go", "	var err error\n	if !t.query.Settled {", "	l, err := s.manifest(ctx, shard)\n	if err != nil {\n		return nil, err\n	}\n	if !t.query.Settled {"},
		{"plan.go", "	l, err := s.manifest(ctx, shard)\n	if err != nil {\n		return nil, err\n	}\n	group", "	group"},
	},
	"a query reads the bodies of batch marks before it reads the manifest": {
		{"plan.go", "	group, ctx := errgroup.WithContext(ctx)\n	p.pending", "	if p.dirty, err = s.dirtyUnder(ctx, t.marks(shard), maxPending); err != nil {\n		return nil, err\n	}\n	group, ctx := errgroup.WithContext(ctx)\n	p.pending"},
	},
	"a query leaves out the rows of marked calls": {
		{"reading.go", "			if _, marked := d[row.Key]; marked {\n				continue\n			}\n", "			_ = d\n"},
	},
	"a folder reads the manifest before the marks and the records": {
		{"manifest.go", "		landed, err := s.putManifest(ctx, next, bucket.IfMatch(l.version))", `		if l, err = s.manifestToWrite(ctx, shard); err != nil {
			return listed{}, err
		}
		if next, err = l.Apply(write, c); err != nil {
			return listed{}, err
		}
		landed, err := s.putManifest(ctx, next, bucket.IfMatch(l.version))`},
	},
	"who loses the swap starts over": {
		{"manifest.go", "	for n := 1; ; n++ {\n		l, err", "	var c manifest.Change\n	for n := 1; ; n++ {\n		l, err"},
		{"manifest.go", "		c, err := change(ctx, l)\n", "		if n == 1 {\n			c, err = change(ctx, l)\n		}\n"},
	},
	"only marks older than the grace are folded, or those whose records show them": {
		{"fold.go", "old := !now.IsZero() && now.Sub(f.since) > Grace", "old := true"},
	},
	"a young mark is folded only if its record carries its write id": {
		{"fold.go", "found.row == nil || writeID(found.row) != f.write", "found.row == nil"},
	},
	"a folder deletes just the marks that it took": {
		{"fold.go", "	names := make([]string, len(r.taken))\n	for i, f := range r.taken {\n		names[i] = f.name\n	}\n", `	var names []string
	for info, err := range bucket.All(ctx, r.store.bucket, bucket.ListOptions{Prefix: r.prefix}) {
		if err != nil {
			return err
		}
		if len(r.taken) > 0 {
			names = append(names, info.Key)
		}
	}
`},
	},
	"a folder deletes the rows that marked calls had": {
		{"fold.go", "			gone = append(gone, row.number)\n", "			_ = gone\n"},
	},
	"no record is written under a mark that is not young": {
		{"write.go", "for w.spent || w.placed.tooOld(w.store.clock.Now()) {", `for w.placed.write == "" || w.spent {`},
		{"write.go", "	if w.placed.tooOld(w.store.clock.Now()) || !w.isKept() {\n		return errFrozen", "	if false {\n		return errFrozen"},
	},
	"a request that leaves late asks again whether its mark is young": {
		{"write.go", "	if w.placed.tooOld(w.store.clock.Now()) || !w.isKept() {\n		return errFrozen", "	if false {\n		return errFrozen"},
	},
	"each attempt has a mark of its own": {
		{"write.go", "		w.spent = true\n", ""},
	},
	"a sweeper swaps the manifest before it deletes": {
		{"sweep.go", "		return c, nil\n	})", "		l.Manifest = next\n		return c, errNothing\n	})"},
	},
	"a query that loses a segment reads what was marked at first": {
		{"select.go", "				from.owed = p.dirty\n", "				from.owed = nil\n"},
	},
	"a query that loses a segment goes on after its last row": {
		{"select.go", "					from.last = r.position()", "					from.last = nil"},
	},
}

// TestEachRuleIsNeeded drops each rule of the protocol from the code, and wants that the tests notice.
func TestEachRuleIsNeeded(t *testing.T) { droptest.Each(t, droppedRules, "-histories=10000") }
