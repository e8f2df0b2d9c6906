package chaos_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// result is what functions return and calls name. Its token tells it from all others, and decides what else is in it.
type result struct {
	Token string
	Body  []byte
}

// resultOf is the result of a token: a few are too large to stand in their records, and some so large that they are looked for before they are sent.
func resultOf(token string) result {
	seed := sha256.Sum256([]byte(token))
	size := 100
	switch {
	case seed[0] < 2:
		size = 1<<20 + int(seed[1])
	case seed[0] < 24:
		size = 20_000
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(rand.NewChaCha8(seed), body); err != nil {
		panic(err) // it reads for ever
	}
	return result{token, body}
}

// brief is a digest as journals have it.
func brief(d digest.Digest) string { return d.String()[:20] }

// digestOf is the digest of a result.
func digestOf(r result) string {
	d, err := digest.Of(r)
	if err != nil {
		panic(err) // it has one
	}
	return brief(d)
}

// input is the argument of memoised functions, and names the arguments of other calls.
type input struct {
	Process string // for calls of a hand's own; empty: of all
	N       int
}

type function = quiver.Function[input, result]

// hand does one thing after the other.
type hand struct {
	name    string // "3-1"
	process string // "3.2"
	dir     string
	store   *quiver.Store
	witness *witness
	journal *journal
	chance  *rand.Rand
	tokens  int
	failed  bool // the last operation

	plain, aged           string // names of functions whose calls are saved as records
	memo, public, onceful *function
	changing              *function // whose calls are contended

	n      int              // calls so far
	plains []callindex.Call // of its own, that it may write
	memos  []int
	values []digest.Digest
}

// The functions of all.
const (
	publicName   = "public"
	changingName = "changing"

	publicCalls   = 150 // that are shared
	changingCalls = 12
	onceTerm      = 2 * time.Second
)

// token is the context key of the token that a memoised function makes its result of.
type token struct{}

func compute(ctx context.Context, _ input) (result, error) {
	return resultOf(ctx.Value(token{}).(string)), ctx.Err()
}

func newHand(o orders, i int, s *quiver.Store, w *witness, j *journal, chance *rand.Rand) (*hand, error) {
	h := &hand{name: fmt.Sprintf("%d-%d", o.Worker, i), process: fmt.Sprintf("%d.%d", o.Worker, o.Nth), dir: o.Dir, store: s, witness: w, journal: j, chance: chance}
	h.plain, h.aged = "plain-"+h.name, "aged-"+h.name
	var failures []error
	memoise := func(name string, once time.Duration) *function {
		f, err := quiver.Func(s, quiver.Def{Name: name, Version: quiver.IntVersion(1)}, compute, &quiver.FuncOptions[result]{
			Once: once, OmitArguments: chance.IntN(2) == 0, LookUpTime: opTime / 2, TransferTime: opTime / 2,
		})
		failures = append(failures, err)
		return f
	}
	h.memo, h.public, h.onceful, h.changing = memoise("memo-"+h.name, 0), memoise(publicName, 0), memoise(publicName, onceTerm), memoise(changingName, 0)
	return h, errors.Join(failures...)
}

// draw makes a token that nobody else has.
func (h *hand) draw() string {
	h.tokens++
	return fmt.Sprintf("%s/%s/%d", h.process, h.name, h.tokens)
}

// answer is what an operation came to.
type answer struct {
	end  end
	got  string
	rows map[string]string
}

// do does an operation, and writes to the journal before and after. object is what it writes, if anything. What it returns as an error is the journal's.
func (h *hand) do(e entry, object string, operation func(ctx context.Context) (answer, error)) (settled bool, err error) {
	e.Hand = h.name
	if err := h.journal.write(e); err != nil {
		return false, err
	}
	var a answer
	failure := bounded(func(ctx context.Context) (err error) {
		a, err = operation(ctx)
		return err
	})
	switch {
	case failure == nil:
		a.end = cmp.Or(a.end, ok)
	case (e.Do == load || e.Do == evict) && isMiss(failure), e.Do == collect && errors.Is(failure, quiver.ErrForeign): // nobody has saved yet; a check of the end finds a quiver.json that was lost
		a = answer{end: missing}
	case isClear(failure):
		a = answer{end: failed}
	default:
		a = answer{end: wrong}
	}
	h.failed = a.end == failed
	e.Want = ""
	e.End, e.Got, e.Rows, e.Loose = a.end, a.got, a.rows, object != "" && h.witness.isLoose(object)
	if failure != nil {
		e.Err = failure.Error()
		e.Err = e.Err[:min(len(e.Err), 1000)]
	}
	return (e.End == ok || e.End == missing || e.End == nothing) && !e.Loose, h.journal.write(e)
}

// isMiss says whether an operation found that its call, or its value, is not there. That the result of a call is not there is another matter.
func isMiss(err error) bool {
	return errors.Is(err, quiver.ErrNotFound) && !errors.Is(err, errDangling) && !isDamage(err) && !strings.Contains(err.Error(), resultIsLost)
}

const resultIsLost = "the result of call"

var errDangling = errors.New("the call is there, and its result is not")

func isDamage(err error) bool {
	_, damaged := errors.AsType[*quiver.DamagedError](err)
	return damaged
}

// object is the name of a call's record.
func object(key digest.Digest) string { return layout.RecordSpace.Name(key) }

// act does something by chance. After a failure it waits a little, as programs do.
func (h *hand) act() error {
	if h.failed {
		if err := op.SystemClock().Sleep(context.Background(), time.Duration(100+h.chance.IntN(500))*time.Millisecond); err != nil {
			return err
		}
	}
	h.plains, h.memos, h.values = latest(h.plains), latest(h.memos), latest(h.values)
	total := 0
	for _, d := range deeds {
		total += d.weight
	}
	at := h.chance.IntN(total)
	for _, d := range deeds {
		if at -= d.weight; at < 0 {
			return d.do(h)
		}
	}
	return nil
}

// latest returns the last of what a hand has, so that each is used often.
func latest[T any](all []T) []T { return all[max(0, len(all)-30):] }

// deeds are what a hand may do.
var deeds = []struct {
	weight int
	do     func(h *hand) error
}{
	{24, (*hand).savePlain}, {8, (*hand).saveAgain}, {10, (*hand).replacePlain}, {12, (*hand).evictPlain}, {10, (*hand).loadPlain},
	{20, (*hand).callMemo}, {5, (*hand).refreshMemo}, {6, (*hand).evictMemo}, {6, (*hand).loadMemo}, {10, (*hand).prepareMemo},
	{8, (*hand).saveValue}, {3, (*hand).evictValue}, {3, (*hand).loadValue},
	{6, (*hand).saveAged},
	{20, (*hand).callPublic}, {8, (*hand).callOnce}, {5, (*hand).loadPublic}, {4, (*hand).preparePublic}, {2, (*hand).queryPublic},
	{12, (*hand).callChanging}, {6, (*hand).refreshChanging}, {8, (*hand).evictChanging}, {4, (*hand).loadChanging},
	{8, (*hand).queryOwn}, {1, (*hand).queryAll},
	{4, (*hand).fold}, {2, (*hand).foldAll}, {1, (*hand).sweep}, {2, (*hand).collect},
}

// pick returns the place of one of n things, and whether there are any.
func (h *hand) pick(n int) (int, bool) {
	if n == 0 {
		return 0, false
	}
	return h.chance.IntN(n), true
}

// rowsOf reads a query.
func rowsOf(ctx context.Context, c quiver.Selection, wanted func(*quiver.Record) bool) (map[string]string, error) {
	rows := map[string]string{}
	for r, err := range c.All(ctx) {
		if err != nil {
			return nil, err
		}
		key, err := r.Key()
		if err != nil {
			return nil, err
		}
		if !wanted(r) {
			continue
		}
		if _, twice := rows[brief(key)]; twice {
			return nil, fmt.Errorf("a query finds %s twice", key)
		}
		rows[brief(key)] = brief(r.Result)
	}
	return rows, nil
}

func isOwnOf(hand string) func(*quiver.Record) bool {
	return func(r *quiver.Record) bool { return strings.HasSuffix(r.Name, "-"+hand) }
}

func every(*quiver.Record) bool { return true }
