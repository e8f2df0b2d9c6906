package quiver_test

import (
	"context"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/callindex"
)

func TestRedigestFilesCallsUnderTheirKeysOfToday(t *testing.T) {
	type in struct {
		Text    string
		Verbose bool
	}
	s := openStore(t, mem.New(nil))
	runs := 0
	shout := func(_ context.Context, in in) (string, error) {
		runs++
		return strings.ToUpper(in.Text), nil
	}
	def := quiver.Def{Name: "shout", Version: quiver.IntVersion(1)}
	before := memoise(t, s, def, shout, nil)
	after := memoise(t, s, def, shout, &quiver.FuncOptions[string]{Ignore: []string{"Verbose"}})
	for _, text := range []string{"a", "b", "c"} {
		if _, err := before.Call(t.Context(), in{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	unsaved := memoise(t, s, def, shout, &quiver.FuncOptions[string]{OmitArguments: true})
	if _, err := unsaved.Call(t.Context(), in{Text: "unsaved"}); err != nil {
		t.Fatal(err)
	}
	dry, err := after.Redigest(t.Context(), &callindex.TransformOptions{DryRun: true})
	if want := (callindex.Transform{Seen: 4, Same: 1, Moved: 3}); err != nil || dry != want {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if done, err := after.Redigest(t.Context(), nil); err != nil || done != dry {
		t.Errorf("%+v, %v", done, err)
	}
	had := runs
	for _, text := range []string{"a", "b", "c"} {
		if got, err := after.Call(t.Context(), in{Text: text, Verbose: true}); err != nil || got != strings.ToUpper(text) {
			t.Errorf("Call(%s) = %q, %v", text, got, err)
		}
	}
	if runs != had {
		t.Errorf("the function ran %d times for calls that were remembered", runs-had)
	}
	if again, err := after.Redigest(t.Context(), nil); err != nil || again != (callindex.Transform{Seen: 4, Same: 4}) {
		t.Errorf("again: %+v, %v", again, err)
	}
}
