package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/op"
)

func TestATransformationOnAStoreWithoutConditionalDeletesSaysWhatStays(t *testing.T) {
	for _, conditional := range []bool{true, false} {
		for _, c := range []struct {
			dryRun, json bool
			says         string
		}{
			{true, false, "1 call: 0 would be changed, 1 would be given another key, 0 as they were\n1 old record would stay beside"}, {true, true, `"kept":1,"dry_run":true`},
			{false, true, `"kept":1,"dry_run":false`},
		} {
			var b bucket.Bucket = mem.New(nil)
			if !conditional {
				b = struct{ bucket.Bucket }{b}
			}
			store, err := quiver.New(t.Context(), b, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if _, err := store.Calls.Save(t.Context(), &quiver.Record{Call: quiver.Call{Name: "two"}}, nil); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			a := &app{streams: streams{out: &out, err: new(bytes.Buffer)}, clock: op.SystemClock(), json: c.json}
			if err := a.transform(t.Context(), store, &queryFlags{}, &edit{name: "three"}, c.dryRun); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), c.says) == conditional || conditional && !c.json && strings.Contains(out.String(), "old record") {
				t.Errorf("conditional %t, %+v: %s", conditional, c, &out)
			}
		}
	}
}
