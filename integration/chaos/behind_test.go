package chaos_test

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/internal/historytest"
	"github.com/quivercache/quiver/layout"
)

// TestTheJudgeFindsWhatIsDoneBehindTheHandsBacks lets two hands work in memory, in peace, and then changes the store so that it is not what their journals tell.
func TestTheJudgeFindsWhatIsDoneBehindTheHandsBacks(t *testing.T) {
	seed := historytest.Seed()
	t.Logf("seed %d", seed)
	b := mem.New(nil)
	w := &witness{loose: map[string]bool{}}
	s, err := quiver.New(t.Context(), bucket.Wrap(b, w.watch), &quiver.Options{Strict: true, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	n := &near{b, s}
	dir := t.TempDir()
	file, err := os.Create(journalName(dir, 0, 0))
	must(t, err)
	defer file.Close()
	j := &journal{file: file}
	var hands []*hand
	for i := range 2 {
		h, err := newHand(orders{Dir: dir}, i, s, w, j, rand.New(rand.NewPCG(seed, uint64(i))))
		must(t, err)
		hands = append(hands, h)
	}
	for range 200 {
		for _, h := range hands {
			must(t, h.act())
		}
	}
	must(t, hands[0].savePlain())
	journals, err := readJournals(dir)
	must(t, err)
	findings := func() string {
		l := openLedger(journals)
		l.judge(n.remains(t.Context(), t), false)
		return strings.Join(l.findings, "\n")
	}
	if found := findings(); found != "" {
		t.Fatalf("in peace there are findings:\n%s", found)
	}

	plains := hands[0].plains
	key, err := plains[len(plains)-1].Key()
	must(t, err)
	name := layout.RecordSpace.Name(key)
	record, _, err := bucket.ReadAll(t.Context(), b, name, 1<<20)
	must(t, err)
	must(t, b.Delete(t.Context(), name))
	if found := findings(); !strings.Contains(found, brief(key)) || !strings.Contains(found, "has nothing, and it must be") {
		t.Errorf("of a record that was removed: %q", found)
	}
	must(t, b.Put(t.Context(), name, bucket.Bytes(record), bucket.IfAbsent()))
	_, err = hands[0].evict(own, hands[0].plain, key)
	must(t, err)
	if journals, err = readJournals(dir); err != nil {
		t.Fatal(err)
	}
	must(t, b.Put(t.Context(), name, bucket.Bytes(record), bucket.IfAbsent()))
	if found := findings(); !strings.Contains(found, brief(key)) || !strings.Contains(found, "and it must be nothing") {
		t.Errorf("of a record that was put back after its eviction: %q", found)
	}
	must(t, b.Delete(t.Context(), name))

	public, err := hands[0].public.Key(input{N: 0})
	must(t, err)
	_, err = hands[0].call(save, shared, publicName, hands[0].public, input{N: 0})
	must(t, err)
	must(t, s.Calls.Evict(t.Context(), public))
	_, err = hands[1].call(save, shared, publicName, hands[1].public, input{N: 0})
	must(t, err)
	if journals, err = readJournals(dir); err != nil {
		t.Fatal(err)
	}
	if found := findings(); !strings.Contains(found, brief(public)) || !strings.Contains(found, "was returned") {
		t.Errorf("of a shared call that has another result: %q", found)
	}
}
