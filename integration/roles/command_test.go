package roles_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/layout"
)

// command is a command line as an errand: it ends as it should, and says why where it cannot.
type command struct {
	name   string
	begin  func(ctx context.Context, v *visit) error
	words  string // NAME is the function, KEY its first call, RESULT the result of that
	denied denial
	leaves []string
	exit   int    // of who is refused; default exitStore
	out    string // what standard output has of who is not
}

const (
	exitStore = 5
	exitExec  = 125
)

var commands = []command{
	{name: "query", begin: saved(1), words: "query --name NAME --count", out: "1\n"},
	{name: "get", begin: saved(1), words: "get RESULT", out: "result 0 of NAME"},
	{name: "export", begin: folded(2), words: "export --name NAME --format jsonl", out: "NAME"},
	{name: "ls functions", begin: folded(1), words: "ls functions", out: "NAME"},
	{name: "gc dry run", begin: old, words: "gc --max-age 1h --dry-run", out: "would be removed: calls"},
	{name: "put", words: "put /dev/null", denied: writers},
	{name: "exec", words: "exec --strict --name NAME -- echo done", denied: writers, exit: exitExec, out: "done\n"},
	{name: "exec once", words: "exec --once --strict --name NAME -- echo done", denied: writers, exit: exitExec, out: "done\n"},
	{name: "fold", begin: saved(1), words: "fold", denied: janitors, leaves: []string{layout.Index}},
	{name: "evict", begin: saved(1), words: "evict KEY", denied: janitors, leaves: []string{layout.Index}},
	{name: "gc", begin: old, words: "gc --max-age 1h --yes", denied: janitors, leaves: []string{layout.Index}, out: "removed: calls"},
	{name: "repair", begin: unlisted, words: "check --repair", denied: janitors, leaves: []string{layout.Index}, exit: exitStore},
}

// errand is what a user does who runs the command. Standard error is the text of the refusal.
func (c command) errand(t *testing.T) errand {
	return errand{name: c.name, begin: c.begin, denied: c.denied, leaves: c.leaves, do: func(_ context.Context, v *visit) error {
		filled := strings.NewReplacer("NAME", v.name, "KEY", v.key(0).String(), "RESULT", v.result(0).String())
		r := v.quiver(t, strings.Fields(filled.Replace(c.words))...)
		switch _, denied := c.denied[v.role]; {
		case denied && r.exit == cmp.Or(c.exit, exitStore) && strings.Contains(r.err, bucket.ErrRefused.Error()):
			return &bucket.Error{Kind: bucket.ErrRefused, Hint: r.err}
		case denied, r.exit > 1, r.exit == 1 && c.name != "repair", !strings.Contains(r.out, filled.Replace(c.out)): // a repair ends with 1 where it has healed something
			return fmt.Errorf("it ends with %d, and prints %q and %q", r.exit, r.out, r.err)
		}
		return nil
	}}
}

func TestTheCommandDoesForEachRoleWhatItMay(t *testing.T) {
	t.Parallel()
	d := found(t).of(t, prefixed.domain...)
	for _, who := range roles {
		t.Run(string(who), func(t *testing.T) {
			v := d.visit(t, who, prefixed)
			for _, c := range commands {
				t.Run(c.name, func(t *testing.T) {
					if err := v.try(t, c.errand(t)); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// A command runs all the same where its outcome cannot be saved, and says why it is not remembered.
func TestACommandOfAReaderRunsAndIsNotRemembered(t *testing.T) {
	t.Parallel()
	d := found(t).of(t, prefixed.domain...)
	v := d.visit(t, reader, prefixed)
	for _, words := range [][]string{{"exec", "--", "echo", "done"}, {"exec", "--once", "--", "echo", "done"}} {
		r := v.quiver(t, words...)
		if r.exit != 0 || r.out != "done\n" || !strings.Contains(r.err, "the role needs s3:PutObject") {
			t.Errorf("%q: %+v", words, r)
		}
		t.Logf("%q: %s", words, r.err)
	}
	if left, err := v.look(t.Context(), errand{}); err != nil || len(left.objects) > 0 {
		t.Errorf("it has left %v, %v", left, err)
	}
	near := d.visit(t, writer, prefixed)
	for _, want := range []string{"miss", "hit"} {
		if r := near.quiver(t, "exec", "--explain", "--", "echo", "done"); r.exit != 0 || !strings.Contains(r.err, want) {
			t.Errorf("a writer's: %+v, which is no %s", r, want)
		}
	}
	if r := v.quiver(t, "exec", "--explain", "--", "echo", "done"); r.exit != 0 || !strings.Contains(r.err, "hit") || r.out != "done\n" {
		t.Errorf("what a writer has saved is no hit for a reader: %+v", r)
	}
}
