// Package scripttest runs scripts of the command line, in the format of testscript, on any store. Beside testscript's own commands a script has
//
//	status N COMMAND…             run a command, which must end with exit status N
//	capture NAME stdout N         set a variable to the Nth field of the last output
//	capture-field NAME FIELD      set a variable to a text in the last output, which is a JSON object
//	capture-key NAME              the same, of its field "key"
//	fresh-store NAME              set a variable to the URL of another empty store
//	objects URL N                 hold that a store has N objects
//	plant URL NAME FILE           write a file into a store, as an object that is not there yet
//	spoil HOW FOLDER KEY          damage a value or a call of $STORE: cut, flip, empty, foreign
//	newer FOLDER KEY              make a value or a call of $STORE one of a later format
//	transplant FOLDER KEY URL     copy a value or a call of $STORE as it is to another store
//
// and the condition [conditional-delete]: the stores delete an object in just the version that was read. $STORE is the URL of the script's own store, which
// the command uses without being told; its cache folder is $WORK/cache.
package scripttest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quivercache/quiver/bucket"
)

// Options say which scripts run, and on what.
type Options struct {
	Dir string // of the scripts

	// Store returns the URL of a new, empty store. The name, of [a-z0-9-], is asked for once in a run.
	Store func(name string) string

	// Open opens the bucket that such a URL names, for what a script does behind the command's back.
	Open func(ctx context.Context, url string) (bucket.Bucket, error)

	// Env is added to the environment of the scripts, as "NAME=value": credentials, where a server is, a PATH that leads to the command.
	Env []string

	ConditionalDelete bool // the stores have bucket.ConditionalDeleter
}

// Params are what testscript.Run takes. The command quiver must be in the PATH, where testscript.Main puts it too.
func Params(o Options) testscript.Params {
	h := harness{o}
	return testscript.Params{
		Dir:                 o.Dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               h.setup,
		Condition:           h.condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":        positive(status),
			"capture":       positive(capture),
			"capture-field": positive(captureField),
			"capture-key":   positive(captureKey),
			"fresh-store":   positive(h.freshStore),
			"objects":       positive(h.objects),
			"plant":         positive(h.plant),
			"spoil":         positive(h.spoil),
			"newer":         positive(h.newer),
			"transplant":    positive(h.transplant),
		},
	}
}

// harness is a run of scripts.
type harness struct{ Options }

// setup gives a script a store and a cache folder of its own.
func (h harness) setup(env *testscript.Env) error {
	script := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	url := h.Store(storeName(script, "store"))
	env.Setenv("STORE", url)
	env.Setenv("QUIVER_STORE", url)
	env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
	env.Setenv("GORACE", "atexit_sleep_ms=0") // or each process of the race detector's waits for a second
	env.Vars = append(env.Vars, h.Env...)
	return nil
}

// storeName is the name of a script's store.
func storeName(script, store string) string {
	return strings.ReplaceAll(strings.ToLower(script+"-"+store), "_", "-")
}

func (h harness) condition(name string) (bool, error) {
	if name != "conditional-delete" {
		return false, fmt.Errorf("there is no condition %q", name)
	}
	return h.ConditionalDelete, nil
}

// positive is a command that cannot be negated.
func positive(command func(ts *testscript.TestScript, args []string)) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("the command cannot be negated")
		}
		command(ts, args)
	}
}

// want ends the script where a command has another number of arguments than its usage says.
func want(ts *testscript.TestScript, args []string, n int, usage string) {
	if len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
}
