package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/quivercache/quiver/bucket/buckettest"
)

// contractChecks are the whole conformance suite, where it was asked for.
func (x *examination) contractChecks() []check {
	if !x.Full {
		return nil
	}
	return []check{{name: "contract", needed: true, after: []string{mayList, missing, mayPut, mayGet, mayDelete}, limit: 3 * long, run: x.contract,
		cost: "each sentence that does not hold breaks something that rests on it"}}
}

func (x *examination) contract(ctx context.Context) (string, error) {
	extras := buckettest.Extras(x.clients[0])
	held, broken := 0, []string{}
	for _, c := range buckettest.Cases() {
		if c.Extra != "" && !slices.Contains(extras, c.Extra) {
			continue
		}
		x.Begin("contract: " + c.Name)
		switch err := x.holdsTo(ctx, c); {
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case err != nil:
			broken = append(broken, fmt.Sprintf("%s (%s)", c.Name, err))
		default:
			held++
		}
	}
	if len(broken) > 0 {
		return "", unmetf("%d sentences of the contract hold, and these do not: %s", held, strings.Join(broken, "; "))
	}
	return fmt.Sprintf("all %d sentences of the contract hold", held), nil
}

// holdsTo runs a case on a client of its own, since one of them closes it.
func (x *examination) holdsTo(ctx context.Context, c buckettest.Case) error {
	b, err := x.client(ctx, x.open)
	if err != nil {
		return err
	}
	if !c.Closes {
		defer b.Close()
	}
	return c.Run(ctx, b, "contract/"+c.Folder())
}
