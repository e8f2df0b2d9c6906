package chaos_test

import (
	"strings"
	"testing"
)

// did is an operation that has ended.
func did(e entry, ended end, got string) []entry {
	done := e
	done.At++
	done.End, done.Got = ended, got
	return []entry{e, done}
}

// began is one that has not.
func began(e entry) []entry { return []entry{e} }

func journalOf(operations ...[]entry) []entry {
	var all []entry
	for i, operation := range operations {
		for _, e := range operation {
			e.At += int64(i) * 10
			all = append(all, e)
		}
	}
	return all
}

func on(do verb, which class, key, want string) entry {
	return entry{At: 1, Hand: "0-0", Do: do, Class: which, Name: "f", Key: key, Want: want}
}

func by(hand string, e entry) entry {
	e.Hand = hand
	return e
}

func asked(which class, rows map[string]string) []entry {
	e := entry{At: 1, Hand: "0-0", Do: query, Class: which, Name: "f"}
	operation := did(e, ok, "")
	operation[1].Rows = rows
	return operation
}

func loosely(operation []entry) []entry {
	operation[1].Loose = true
	return operation
}

// same is a store where loads and queries find the same.
func same(calls map[string]string) remains {
	return remains{loaded: calls, queried: calls, values: map[string]string{}}
}

func TestTheJudgeFinds(t *testing.T) {
	saved := did(on(save, own, "k", "r"), ok, "r")
	evicted := did(on(evict, own, "k", ""), ok, "")
	for name, c := range map[string]struct {
		journals [][]entry
		left     remains
		finding  string // what must be found; empty: nothing may be
	}{
		"nothing wrong with a save":           {[][]entry{saved}, same(map[string]string{"k": "r"}), ""},
		"a lost save":                         {[][]entry{saved}, same(nil), "has nothing, and it must be r"},
		"a save that queries lose":            {[][]entry{saved}, remains{loaded: map[string]string{"k": "r"}}, "finds r, and a query nothing"},
		"a save that loads lose":              {[][]entry{saved}, remains{queried: map[string]string{"k": "r"}}, "has nothing, and it must be r"},
		"a wrong result":                      {[][]entry{saved}, same(map[string]string{"k": "other"}), "has other, and it must be r"},
		"nothing wrong with an eviction":      {[][]entry{append(saved, evicted...)}, same(nil), ""},
		"a resurrected eviction":              {[][]entry{append(saved, evicted...)}, same(map[string]string{"k": "r"}), "has r, and it must be nothing"},
		"an eviction that queries still find": {[][]entry{append(saved, evicted...)}, remains{queried: map[string]string{"k": "r"}}, "finds nothing, and a query r"},
		"a call that nobody saved":            {nil, same(map[string]string{"k": "r"}), "which nobody has saved"},

		"nothing wrong where a save was left open, and happened":        {[][]entry{began(on(save, own, "k", "r"))}, same(map[string]string{"k": "r"}), ""},
		"nothing wrong where a save was left open, and did not":         {[][]entry{began(on(save, own, "k", "r"))}, same(nil), ""},
		"a wrong result where a save was left open":                     {[][]entry{began(on(save, own, "k", "r"))}, same(map[string]string{"k": "other"}), "and it must be nothing or r"},
		"nothing wrong where an eviction failed":                        {[][]entry{append(saved, did(on(evict, own, "k", ""), failed, "")...)}, same(nil), ""},
		"a save that was lost though a replacement was left open":       {[][]entry{append(saved, began(on(replace, own, "k", "s"))...)}, same(nil), "it must be r or s"},
		"an error that may not be":                                      {[][]entry{append(saved, did(on(load, own, "k", ""), wrong, "")...)}, same(map[string]string{"k": "r"}), "to load the own call f k"},
		"a second save that wins":                                       {[][]entry{append(saved, did(on(save, own, "k", "s"), ok, "s")...)}, same(map[string]string{"k": "s"}), "gives s, and it must be r"},
		"a replacement that loses":                                      {[][]entry{append(saved, did(on(replace, own, "k", "s"), ok, "r")...)}, same(map[string]string{"k": "r"}), "gives r, and it must be s"},
		"an eviction of nothing that succeeds":                          {[][]entry{append(saved, append(evicted, evicted...)...)}, same(nil), "there is nothing to evict"},
		"nothing wrong with an eviction of a value that was sent twice": {[][]entry{append(did(on(evict, value, "v", ""), missing, ""), loosely(did(on(evict, value, "v", ""), ok, ""))...)}, same(nil), ""},
		"an eviction of no value that succeeds":                         {[][]entry{did(on(evict, value, "v", ""), ok, "")}, same(nil), "there is nothing to evict"},
		"an eviction that does not find what is there":                  {[][]entry{append(saved, did(on(evict, own, "k", ""), missing, "")...)}, same(map[string]string{"k": "r"}), "gives nothing, and it must be r"},
		"a load that misses":                                            {[][]entry{append(saved, did(on(load, own, "k", ""), missing, "")...)}, same(map[string]string{"k": "r"}), "gives nothing, and it must be r"},
		"a load of what is gone":                                        {[][]entry{append(saved, append(evicted, did(on(load, own, "k", ""), ok, "r")...)...)}, same(nil), "gives r, and it must be nothing"},
		"a query that misses":                                           {[][]entry{append(saved, asked(own, nil)...)}, same(map[string]string{"k": "r"}), "finds for k nothing, and it must be r"},
		"a query that finds what is gone":                               {[][]entry{append(saved, append(evicted, asked(own, map[string]string{"k": "r"})...)...)}, same(nil), "finds for k r, and it must be nothing"},
		"a query that finds what nobody saved":                          {[][]entry{asked(own, map[string]string{"k": "r"})}, same(nil), "which nobody has saved"},
		"a value that is lost":                                          {[][]entry{did(on(save, value, "v", "v"), ok, "v")}, same(nil), "the value call f v has nothing"},
		"a journal that does not fit":                                   {[][]entry{{saved[1]}}, same(nil), "the journal is wrong"},
		"an aged call that a collection leaves":                         {[][]entry{append(did(on(save, aged, "k", "r"), ok, "r"), append(did(on(collect, "", "", ""), ok, ""), asked(own, map[string]string{"k": "r"})...)...)}, same(nil), "finds for k r"},
		"an aged call that the last collection leaves":                  {[][]entry{loosely(did(on(save, aged, "k", "r"), ok, "r"))}, same(map[string]string{"k": "r"}), "must be nothing"},
		"nothing wrong with an aged call whose save was on its way":     {[][]entry{append(loosely(did(on(save, aged, "k", "r"), ok, "r")), append(did(on(collect, "", "", ""), ok, ""), asked(own, map[string]string{"k": "r"})...)...)}, same(nil), ""},
		"nothing wrong with a contended call":                           {[][]entry{did(on(replace, contended, "k", "r"), ok, "r"), did(by("1-0", on(replace, contended, "k", "s")), ok, "s")}, same(map[string]string{"k": "r"}), ""},
		"a contended call with what nobody computed":                    {[][]entry{did(on(replace, contended, "k", "r"), ok, "r")}, same(map[string]string{"k": "other"}), "nobody has computed"},
		"a contended call that gives what nobody computed":              {[][]entry{did(on(save, contended, "k", "r"), ok, "other")}, same(nil), "nobody has computed"},
		"a contended call that loads and queries see differently":       {[][]entry{did(on(replace, contended, "k", "r"), ok, "r")}, remains{loaded: map[string]string{"k": "r"}}, "and a query nothing"},
		"nothing wrong with a shared call that another was first at":    {[][]entry{did(on(save, shared, "k", "r"), ok, "r"), journalOf(nil, did(by("1-0", on(save, shared, "k", "s")), ok, "r"))}, same(map[string]string{"k": "r"}), ""},
		"two results of a shared call":                                  {[][]entry{did(on(save, shared, "k", "r"), ok, "r"), journalOf(nil, did(by("1-0", on(save, shared, "k", "s")), ok, "s"))}, same(map[string]string{"k": "r"}), "of which r was returned first"},
		"a shared call that is lost":                                    {[][]entry{did(on(save, shared, "k", "r"), ok, "r")}, same(nil), "has nothing, and r was returned"},
		"a shared call that a later load misses":                        {[][]entry{journalOf(did(on(save, shared, "k", "r"), ok, "r"), did(on(load, shared, "k", ""), missing, ""))}, same(map[string]string{"k": "r"}), "of which r had been returned"},
		"a shared call that a later query misses":                       {[][]entry{journalOf(did(on(save, shared, "k", "r"), ok, "r"), asked(shared, nil))}, same(map[string]string{"k": "r"}), "of which r had been returned"},
		"nothing wrong with a load that was earlier":                    {[][]entry{journalOf(nil, did(on(save, shared, "k", "r"), ok, "r")), did(by("1-0", on(load, shared, "k", "")), missing, "")}, same(map[string]string{"k": "r"}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLedger(c.journals)
			l.judge(c.left, true)
			findings := strings.Join(l.findings, "\n")
			if c.finding == "" && findings != "" || !strings.Contains(findings, c.finding) {
				t.Errorf("findings %q, not %q", findings, c.finding)
			}
		})
	}
}

func TestAJournalWhoseLastLineIsCutIsReadUpToIt(t *testing.T) {
	content := []byte(`{"at":1,"hand":"0-0","do":"save","class":"own","key":"k","want":"r"}` + "\n" + `{"at":2,"hand":"0-`)
	entries, err := parseJournal(content)
	if err != nil || len(entries) != 1 || entries[0].Want != "r" {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := parseJournal(append(content, '\n')); err == nil {
		t.Error("a cut line in the middle of a journal is passed over")
	}
}
