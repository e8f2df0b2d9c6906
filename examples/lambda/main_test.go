package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/examples/lambda/runtimetest"
	"github.com/quivercache/quiver/lease"
)

var bootstrap string // the program, built

func TestMain(m *testing.M) { os.Exit(runtimetest.Main(m, &bootstrap)) }

// instance starts an instance on a store.
func instance(t *testing.T, store string) *runtimetest.Instance {
	return runtimetest.Start(t, bootstrap, "QUIVER_STORE="+store)
}

func newStore(t *testing.T) string { return "file://" + filepath.ToSlash(t.TempDir()) }

// ask invokes the function with a text.
func ask(t *testing.T, i *runtimetest.Instance, text string, timeout time.Duration) response {
	t.Helper()
	payload, err := json.Marshal(request{Text: text, Count: 3})
	if err != nil {
		t.Fatal(err)
	}
	var r response
	a := i.Invoke(string(payload), timeout)
	if err := json.Unmarshal([]byte(a.Body), &r); a.Failed || err != nil {
		t.Fatal(a, err)
	}
	return r
}

// manual is a text of some length.
func manual(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnInstanceGivesBackWhatAnotherHasComputed(t *testing.T) {
	store, text := newStore(t), manual(t, "index.md")
	one := instance(t, store)
	first := ask(t, one, text, time.Minute)
	if first.Hit || len(first.Phrases) != 3 || first.Phrases[0].Rank != 1 {
		t.Errorf("the first invocation: %+v", first)
	}
	if again := ask(t, one, text, time.Minute); !again.Hit {
		t.Errorf("the same instance again: %+v", again)
	}
	if said := one.Shutdown(); strings.Contains(said, "quiver:") {
		t.Errorf("said %q", said)
	}
	other := instance(t, store)
	if again := ask(t, other, text, time.Minute); !again.Hit || !slices.Equal(again.Phrases, first.Phrases) {
		t.Errorf("another instance: %+v, the first one %+v", again, first)
	}
	if changed := ask(t, other, text+" changed", time.Minute); changed.Hit {
		t.Errorf("another text: %+v", changed)
	}
	other.Shutdown()
}

func TestOfTwoInstancesAtOnceOneComputes(t *testing.T) {
	store, text := newStore(t), strings.Repeat(manual(t, "format.md"), 20)
	answers := make(chan response, 2)
	one, two := instance(t, store), instance(t, store)
	for _, i := range []*runtimetest.Instance{one, two} {
		go func() { answers <- ask(t, i, text, time.Minute) }()
	}
	if a, b := <-answers, <-answers; a.Hit == b.Hit || !slices.Equal(a.Phrases, b.Phrases) {
		t.Errorf("%+v, and %+v", a, b)
	}
}

// keyOf is the key of a text's call. It is found in another store, since a test's own types are not those of the program.
func keyOf(t *testing.T, text string) digest.Digest {
	t.Helper()
	location := newStore(t)
	ask(t, instance(t, location), text, time.Minute)
	store, err := open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r, err := store.Query(quiver.Query{Name: "key-phrases"}).Only(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestAHolderThatIsFrozenHoldsUpNobodyBeyondHisDeadline: an invocation that waits keeps the time that it needs to compute by itself.
func TestAHolderThatIsFrozenHoldsUpNobodyBeyondHisDeadline(t *testing.T) {
	location, text := newStore(t), manual(t, "once.md")
	store, err := open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Leases.Take(t.Context(), lease.Claim{Key: keyOf(t, text), Term: time.Hour, Function: "frozen"}, nil); err != nil {
		t.Fatal(err)
	}
	i := instance(t, location)
	began := time.Now()
	if r := ask(t, i, text, computing+answering+5*time.Second/2); r.Hit || len(r.Phrases) != 3 {
		t.Errorf("%+v", r)
	}
	if took := time.Since(began); took < time.Second { // the first pause of who waits
		t.Errorf("it answered after %v: it waited for nobody", took)
	}
	if said := i.Shutdown(); !strings.Contains(said, "waited for") {
		t.Errorf("said %q", said)
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	i := instance(t, newStore(t))
	for _, payload := range []string{`{}`, `{"text": 1}`, `[]`} {
		if a := i.Invoke(payload, time.Minute); !a.Failed || !strings.Contains(a.Body, "text") && !strings.Contains(a.Body, "request") {
			t.Errorf("%s: %+v", payload, a)
		}
	}
	for _, location := range []string{"", "nonsense", "gs://bucket", "s3://bucket?nonsense=1", "%zz"} {
		said, err := instance(t, location).End()
		if err == nil || !strings.Contains(said, "lambda: ") || !strings.Contains(said, "s3://bucket") {
			t.Errorf("QUIVER_STORE=%s: %v, %q", location, err, said)
		}
	}
}

func TestTheWordAmongManyOthersMattersMost(t *testing.T) {
	phrases, err := keyPhrases(t.Context(), document{Text: "store apple store melon store grape, a STORE of cherry store", Count: 2})
	if err != nil || len(phrases) != 2 || phrases[0] != (phrase{"store", 1}) || phrases[1].Rank >= 1 {
		t.Error(phrases, err)
	}
	for _, c := range []document{{"", 3}, {"one two", 3}} {
		if phrases, err := keyPhrases(t.Context(), c); err != nil || len(phrases) != 0 {
			t.Error(c, phrases, err)
		}
	}
}
