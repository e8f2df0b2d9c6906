package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
)

func TestAQueryTellsWhatItWentBy(t *testing.T) {
	day := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		settled bool
		account callindex.Account
		want    string
	}{
		{false, callindex.Account{Shards: 1, AsOf: day}, ""},
		{false, callindex.Account{Shards: 1, Pending: 1000}, "not folded yet: 1000$"},
		{false, callindex.Account{Shards: 1, Pending: 1001}, "not folded yet: 1001; .* quiver fold makes this query cheaper$"},
		{true, callindex.Account{}, "nothing was folded"},
		{true, callindex.Account{Shards: 2}, "not all of this was ever folded"},
		{true, callindex.Account{Shards: 2, AsOf: day}, "as of 2026-11-22 10:00:00Z:"},
	} {
		var talk bytes.Buffer
		(&app{streams: streams{err: &talk}}).tellAccount(quiver.Query{Settled: c.settled}, c.account)
		if got := strings.TrimSpace(talk.String()); !regexp.MustCompile("^$|^quiver: ").MatchString(got) || !regexp.MustCompile(c.want).MatchString(got) || (c.want == "") != (got == "") {
			t.Errorf("%+v, settled %v: %q", c.account, c.settled, got)
		}
	}
}

func TestCallsArePrintedBeforeTheLastIsRead(t *testing.T) {
	var out bytes.Buffer
	a := &app{streams: streams{out: &out}}
	lines := 0 // that were printed before the last call was read
	err := a.printCalls(func(yield func(*quiver.Record, error) bool) {
		for i := range page + 5 {
			lines = strings.Count(out.String(), "\n")
			if !yield(&quiver.Record{Call: quiver.Call{Name: fmt.Sprint("f", i)}}, nil) {
				return
			}
		}
	}, 0)
	if err != nil || lines != 1+page || strings.Count(out.String(), "\n") != 1+page+5 || strings.Count(out.String(), "NAME") != 1 {
		t.Errorf("%v: %d lines before the last, of %d", err, lines, strings.Count(out.String(), "\n"))
	}
}
