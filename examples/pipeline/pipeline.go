package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
)

// definition is a step's function, and its version, which is changed with the function.
type definition[In, Out any] struct {
	version int64
	fn      func(context.Context, In) (Out, error)
}

// definitions are the steps as they are written.
type definitions struct {
	clean   definition[source, table]
	recount definition[zone, history]
	summary definition[region, string]
}

var current = definitions{
	clean:   definition[source, table]{1, clean},
	recount: definition[zone, history]{1, recount},
	summary: definition[region, string]{1, summary},
}

// step is a memoised function that counts its runs.
type step[In, Out any] struct {
	*quiver.Function[In, Out]
	runs atomic.Int64
}

func (d definition[In, Out]) in(store *quiver.Store, name string) (*step[In, Out], error) {
	s := &step[In, Out]{}
	counted := func(ctx context.Context, in In) (Out, error) {
		s.runs.Add(1)
		return d.fn(ctx, in)
	}
	def := quiver.Def{Name: name, Module: "examples/pipeline", Version: quiver.IntVersion(d.version)}
	var err error
	s.Function, err = quiver.Func(store, def, counted, &quiver.FuncOptions[Out]{OmitArguments: true}) // nobody runs a step again from its arguments
	return s, err
}

// runs is how often each step was run.
type runs struct{ clean, recount, summary int64 }

func (r runs) String() string {
	return fmt.Sprintf("clean ran %d times, recount %d, summary %d", r.clean, r.recount, r.summary)
}

// evaluate returns the report on a database, a line for each region. It asks for every step's result; which of them are computed is nothing that it knows.
func (d definitions) evaluate(ctx context.Context, store *quiver.Store, text string) ([]string, runs, error) {
	clean, err := d.clean.in(store, "clean")
	if err != nil {
		return nil, runs{}, err
	}
	recount, err := d.recount.in(store, "recount")
	if err != nil {
		return nil, runs{}, err
	}
	summary, err := d.summary.in(store, "summary")
	if err != nil {
		return nil, runs{}, err
	}
	data, err := clean.Call(ctx, source{text})
	if err != nil {
		return nil, runs{}, err
	}
	histories, err := each(ctx, data.Zones, recount.Call)
	if err != nil {
		return nil, runs{}, err
	}
	lines, err := each(ctx, regions(data.Year, histories), summary.Call)
	return lines, runs{clean.runs.Load(), recount.runs.Load(), summary.runs.Load()}, err
}

// each calls a step with many inputs at once, and returns the results in their order.
func each[In, Out any](ctx context.Context, inputs []In, call func(context.Context, In) (Out, error)) ([]Out, error) {
	results := make([]Out, len(inputs))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(16) // what waits for the store needs no processor
	for i, in := range inputs {
		group.Go(func() (err error) {
			results[i], err = call(inner, in)
			return err
		})
	}
	return results, group.Wait()
}

// regions groups histories, which are sorted by zone, by the first word of the zone's name.
func regions(year int, histories []history) []region {
	var all []region
	for _, h := range histories {
		name, _, _ := strings.Cut(h.Zone, "/")
		if len(all) == 0 || all[len(all)-1].Name != name {
			all = append(all, region{Name: name, Year: year})
		}
		last := &all[len(all)-1]
		last.Histories = append(last.Histories, h)
	}
	return all
}
