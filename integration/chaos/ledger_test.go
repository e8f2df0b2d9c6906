package chaos_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// results are the results that a key may have, by their digests; "" means that there is none.
type results map[string]bool

const none = ""

func (r results) String() string {
	var all []string
	for _, result := range slices.Sorted(maps.Keys(r)) {
		if result == none {
			result = "nothing"
		}
		all = append(all, result)
	}
	return strings.Join(all, " or ")
}

// fate is what is known of a key of a hand's own.
type fate struct {
	class class
	name  string // of its function
	may   results
	loose bool // a write is on its way
}

// ledger is what the journals tell. Its findings say what may not be.
type ledger struct {
	findings []string
	counts   map[string]int // operations, by what was done and how it ended

	own       map[string]*fate           // by key
	byHand    map[string]map[string]bool // keys of own calls, by hand
	open      map[string]*entry          // the operation that a hand is at
	shared    map[string]*sharing        // by key
	contended map[string]results         // by key: what somebody wanted
}

// sharing is what is known of a shared key.
type sharing struct {
	wanted results
	result string // that was returned first
	since  int64  // when
	seen   []sight
}

// sight is what a load or query that began at a time showed of a shared key.
type sight struct {
	begun int64
	got   string
	by    string
}

// openLedger reads journals, in the order in which the processes of each worker lived.
func openLedger(journals [][]entry) *ledger {
	l := &ledger{
		counts: map[string]int{}, own: map[string]*fate{}, byHand: map[string]map[string]bool{}, open: map[string]*entry{},
		shared: map[string]*sharing{}, contended: map[string]results{},
	}
	for _, j := range journals { // what others want must be known first
		for _, e := range j {
			l.announce(&e)
		}
	}
	for _, j := range journals {
		for i := range j {
			l.read(&j[i])
		}
		for _, begun := range l.open { // its process has died
			l.close(begun, &entry{End: failed})
		}
		clear(l.open)
	}
	l.compareShared()
	return l
}

func (l *ledger) find(format string, args ...any) {
	l.findings = append(l.findings, fmt.Sprintf(format, args...))
}

// announce notes what an operation is about to save, and the first result of a shared key.
func (l *ledger) announce(e *entry) {
	switch e.Class {
	case contended:
		if l.contended[e.Key] == nil {
			l.contended[e.Key] = results{}
		}
		l.contended[e.Key][e.Want] = true
	case shared:
		if e.Key == "" { // a query
			return
		}
		s := l.shared[e.Key]
		if s == nil {
			s = &sharing{wanted: results{}}
			l.shared[e.Key] = s
		}
		s.wanted[e.Want] = true
		if e.End == ok && (s.since == 0 || e.At < s.since) {
			s.result, s.since = e.Got, e.At
		}
	}
}

func (l *ledger) read(e *entry) {
	if e.End == "" {
		if l.open[e.Hand] != nil {
			l.find("hand %s begins to %s before it has ended to %s: the journal is wrong", e.Hand, e.Do, l.open[e.Hand].Do)
		}
		l.open[e.Hand] = e
		return
	}
	begun := l.open[e.Hand]
	delete(l.open, e.Hand)
	if begun == nil || begun.Do != e.Do || begun.Key != e.Key {
		l.find("hand %s ends to %s %s, which it has not begun: the journal is wrong", e.Hand, e.Do, e.Key)
		return
	}
	l.counts[fmt.Sprintf("%s %s %s", e.Do, e.Class, e.End)]++
	if e.End == wrong {
		l.find("%s: %s", describe(e), e.Err)
	}
	l.close(begun, e)
}

func describe(e *entry) string {
	return fmt.Sprintf("hand %s, to %s the %s call %s %s at %d", e.Hand, e.Do, e.Class, e.Name, e.Key, e.At)
}

// close notes how an operation ended.
func (l *ledger) close(begun, done *entry) {
	switch {
	case begun.Do == collect && done.End == ok:
		l.collected(begun.Hand)
	case begun.Do == query && done.End == ok:
		l.queried(begun, done.Rows)
	case begun.Do == query, begun.Do == collect, begun.Do == tend:
	case begun.Class == shared:
		l.sharedEnd(begun, done)
	case begun.Class == contended:
		if done.Got != none && !l.contended[begun.Key][done.Got] {
			l.find("%s gives %s, which nobody has computed for it", describe(begun), done.Got)
		}
	default:
		l.ownEnd(begun, done)
	}
}

// ownEnd holds the end of an operation on a key of the hand's own to what is known of the key, and notes what is known now.
func (l *ledger) ownEnd(begun, done *entry) {
	f := l.own[begun.Key]
	if f == nil {
		f = &fate{class: begun.Class, name: begun.Name, may: results{none: true}}
		l.own[begun.Key] = f
		if l.byHand[begun.Hand] == nil {
			l.byHand[begun.Hand] = map[string]bool{}
		}
		l.byHand[begun.Hand][begun.Key] = true
	}
	if begun.Do != load {
		f.loose = f.loose || done.Loose || done.End == failed || done.End == wrong
	}
	before := maps.Clone(f.may)
	expect := func(expected results, got string) {
		if !expected[got] {
			l.find("%s gives %v, and it must be %v", describe(begun), results{got: true}, expected)
		}
	}
	switch begun.Do {
	case save, replace:
		switch done.End {
		case ok:
			expected := results{begun.Want: true}
			if begun.Do == save { // what was there wins
				expected = maps.Clone(before)
				delete(expected, none)
				if before[none] {
					expected[begun.Want] = true
				}
			}
			expect(expected, done.Got)
			f.may = results{done.Got: true}
		case failed, wrong:
			f.may[begun.Want] = true
		}
		if f.class == aged { // others may collect it at any time
			f.may[none] = true
		}
	case evict:
		switch done.End {
		case ok:
			// A DELETE of a value that was repeated counts as a success: the first may have landed.
			if len(before) == 1 && before[none] && (f.class != value || !done.Loose) {
				l.find("%s succeeds, and there is nothing to evict", describe(begun))
			}
			f.may = results{none: true}
		case missing:
			expect(before, none)
		case failed, wrong:
			f.may[none] = true
		}
	case load:
		switch done.End {
		case ok:
			expect(before, done.Got)
		case missing:
			expect(before, none)
		}
	}
}

// collected notes that a hand's collection of garbage succeeded: what it had saved as aged is gone.
func (l *ledger) collected(hand string) {
	for key := range l.byHand[hand] {
		if f := l.own[key]; f.class == aged && !f.loose && len(f.may) == 2 {
			f.may = results{none: true}
		}
	}
}

// queried holds what a query showed to what is known: of all calls of a function, or of all of the hand's own.
func (l *ledger) queried(begun *entry, rows map[string]string) {
	if begun.Class == shared {
		for key, s := range l.shared {
			s.seen = append(s.seen, sight{begun.At, rows[key], describe(begun)})
		}
		for key, result := range rows {
			if l.shared[key] == nil {
				l.find("%s finds %s with %s, which nobody has asked for", describe(begun), key, result)
			}
		}
		return
	}
	for key := range l.byHand[begun.Hand] {
		f := l.own[key]
		if f.class == value || begun.Name != "" && begun.Name != f.name {
			continue
		}
		if !f.may[rows[key]] {
			l.find("%s: the query finds for %s %v, and it must be %v", describe(begun), key, results{rows[key]: true}, f.may)
		}
	}
	if begun.Name != "" { // the function of the hand alone
		for key, result := range rows {
			if !l.byHand[begun.Hand][key] {
				l.find("%s: the query finds %s with %s, which nobody has saved", describe(begun), key, result)
			}
		}
	}
}

// sharedEnd notes what was seen of a shared key.
func (l *ledger) sharedEnd(begun, done *entry) {
	s := l.shared[begun.Key]
	switch done.End {
	case ok:
		s.seen = append(s.seen, sight{begun.At, done.Got, describe(begun)})
	case missing:
		s.seen = append(s.seen, sight{begun.At, none, describe(begun)})
	}
}

// compareShared holds all that was seen of each shared key to the first result that was returned.
func (l *ledger) compareShared() {
	for key, s := range l.shared {
		for _, seen := range s.seen {
			switch {
			case seen.got == none && (s.since == 0 || seen.begun <= s.since):
			case seen.got == none:
				l.find("%s finds nothing for %s, of which %s had been returned", seen.by, key, s.result)
			case s.since != 0 && seen.got != s.result:
				l.find("%s gives %s for %s, of which %s was returned first", seen.by, seen.got, key, s.result)
			case !s.wanted[seen.got]:
				l.find("%s gives %s for %s, which nobody has computed for it", seen.by, seen.got, key)
			}
		}
	}
}

// remains is what is in the store at the end: the results of all calls by loads and by a query, and which values there are, under their own digests.
type remains struct {
	loaded, queried, values map[string]string
}

// judge holds what remains to what the journals tell. After the last collection no aged call may be left.
func (l *ledger) judge(r remains, afterCollection bool) {
	for key, f := range l.own {
		may, found := f.may, r.loaded
		switch {
		case f.class == value:
			found = r.values
		case f.class == aged && afterCollection:
			may = results{none: true}
		}
		if !may[found[key]] {
			l.find("at the end the %s call %s %s has %v, and it must be %v", f.class, f.name, key, results{found[key]: true}, may)
		}
	}
	for key, s := range l.shared {
		switch got := r.loaded[key]; {
		case s.since != 0 && got != s.result:
			l.find("at the end the shared call %s has %v, and %s was returned", key, results{got: true}, s.result)
		case got != none && !s.wanted[got]:
			l.find("at the end the shared call %s has %s, which nobody has computed for it", key, got)
		}
	}
	for key, wanted := range l.contended {
		if got := r.loaded[key]; got != none && !wanted[got] {
			l.find("at the end the contended call %s has %s, which nobody has computed for it", key, got)
		}
	}
	for key := range r.loaded {
		if l.own[key] == nil && l.shared[key] == nil && l.contended[key] == nil {
			l.find("at the end there is the call %s, which nobody has saved", key)
		}
	}
	for key := range unite(r.loaded, r.queried) {
		if r.loaded[key] != r.queried[key] {
			l.find("at the end a load of %s finds %v, and a query %v", key, results{r.loaded[key]: true}, results{r.queried[key]: true})
		}
	}
}

// unite returns the keys of both.
func unite(a, b map[string]string) map[string]bool {
	keys := map[string]bool{}
	for _, m := range []map[string]string{a, b} {
		for key := range m {
			keys[key] = true
		}
	}
	return keys
}
