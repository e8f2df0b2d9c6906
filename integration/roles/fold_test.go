package roles_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// A store that folds when it is closed, as a writer: it says once that the marks stay, and closes well; nothing is lost by it, and the janitor's next fold puts all in order.
func TestAWriterWhoFoldsOnCloseLosesNothing(t *testing.T) {
	t.Parallel()
	d := found(t).of(t, bare.domain...)
	v := d.visit(t, writer, bare)
	v.name = drawName(t, "fold on close")
	const programs, calls = 3, 5
	for i := range programs {
		var talk bytes.Buffer
		meter := bucket.NewMeter(op.SystemClock())
		b, err := bucket.Decorate(d.users[writer].open(t, d.bucket, ""), bucket.Decorators{Meter: meter})
		must(t, err)
		s := storeIn(t, b, &quiver.Options{FoldOnClose: true, Logger: slog.New(slog.NewTextHandler(&talk, nil))})
		for j := range calls {
			must(t, v.save(t.Context(), s, calls*i+j))
		}
		before := meter.Usage()
		must(t, s.Close())
		if said := strings.Count(talk.String(), "the index was not folded"); said != 1 || !strings.Contains(talk.String(), "s3:DeleteObject") {
			t.Errorf("it says %d times that it could not fold: %s", said, talk.String())
		}
		t.Logf("of %d calls that are not folded, to close the store took %v", calls*(i+1), requests(before, meter.Usage()))
		must(t, v.found(t.Context(), calls*(i+1), nil))
		must(t, v.marks(t.Context(), calls*(i+1), nil))
	}
	done, err := storeIn(t, d.users[janitor].open(t, d.bucket, ""), nil).Fold(t.Context(), nil)
	if err != nil || done.Taken != programs*calls {
		t.Errorf("the janitor's fold: %+v, %v", done, err)
	}
	must(t, v.marks(t.Context(), 0, nil))
	must(t, v.found(t.Context(), programs*calls, nil))
	page, err := v.near.List(t.Context(), bucket.ListOptions{Prefix: layout.Index})
	must(t, err)
	t.Logf("%d objects of the index stay", len(page.Objects))
}

// requests are those between two counts, by verb.
func requests(before, after map[bucket.Verb]bucket.Usage) map[bucket.Verb]int64 {
	sent := map[bucket.Verb]int64{}
	for verb, u := range after {
		if n := u.Requests - before[verb].Requests; n > 0 {
			sent[verb] = n
		}
	}
	return sent
}
