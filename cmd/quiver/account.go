package main

import (
	"fmt"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
)

// manyPending is how many calls that are not folded are worth a word about folding.
const manyPending = 1000

// tellAccount says on stderr what a query that succeeded went by.
func (a *app) tellAccount(q quiver.Query, account callindex.Account) {
	switch {
	case q.Settled && account.Shards == 0:
		fmt.Fprintln(a.err, "quiver: nothing was folded yet; quiver fold does it")
	case q.Settled && account.AsOf.IsZero():
		fmt.Fprintln(a.err, "quiver: not all of this was ever folded, and what was not is missing; quiver fold does it")
	case q.Settled:
		fmt.Fprintf(a.err, "quiver: as of %s: what was saved or evicted later may not show\n", timeText(account.AsOf))
	case account.Pending > manyPending:
		fmt.Fprintf(a.err, "quiver: calls that are not folded yet: %d; each that may match was read by a request of its own, and quiver fold makes this query cheaper\n", account.Pending)
	case account.Pending > 0:
		fmt.Fprintf(a.err, "quiver: calls that are not folded yet: %d\n", account.Pending)
	}
}
