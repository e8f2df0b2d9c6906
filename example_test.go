package quiver_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket/mem"
)

// Trip is what a fare depends on.
type Trip struct {
	From, To string
	Class    int `digest:",omitzero"` // added later: trips without it keep their records
	Workers  int // how many may look for it at once
}

func ExampleFunc() {
	ctx := context.Background()
	store, err := quiver.New(ctx, mem.New(nil), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	fare, err := quiver.Func(store, quiver.Def{Name: "fare", Module: "example.org/travel", Version: quiver.IntVersion(3)},
		func(_ context.Context, t Trip) (float64, error) {
			fmt.Println("looking for", t.From, t.To)
			return 19.5, nil
		}, &quiver.FuncOptions[float64]{
			Ignore:  []string{"Workers"},
			Require: []string{"From", "To"},
			TTL:     24 * time.Hour,
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		fmt.Println(fare.Call(ctx, Trip{From: "Ulm", To: "Bonn", Workers: 8}))
	}
	stats := store.Stats()
	fmt.Println(stats.Computed, "computed,", stats.Hits, "remembered")
	// Output:
	// looking for Ulm Bonn
	// 19.5 <nil>
	// 19.5 <nil>
	// 19.5 <nil>
	// 1 computed, 2 remembered
}

func ExampleFunction_Load() {
	ctx := context.Background()
	f, err := quiver.Func(open(mem.New(nil), nil), quiver.Def{Name: "square", Version: quiver.IntVersion(1)},
		func(_ context.Context, n int) (int, error) { return n * n, nil }, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = f.Load(ctx, 12)
	fmt.Println(errors.Is(err, quiver.ErrNotFound))
	if _, err := f.Call(ctx, 12); err != nil {
		fmt.Println(err)
	}
	fmt.Println(f.Load(ctx, 12))
	// Output:
	// true
	// 144 <nil>
}

func ExampleFunction_Query() {
	ctx := context.Background()
	fare, err := quiver.Func(open(mem.New(nil), nil), quiver.Def{Name: "fare", Version: quiver.IntVersion(1)},
		func(_ context.Context, t Trip) (float64, error) { return float64(len(t.From) + len(t.To)), nil },
		&quiver.FuncOptions[float64]{Recorders: []quiver.Recorder{quiver.TagsRecorder(map[string]any{"season": "autumn"})}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, to := range []string{"Bonn", "Jena"} {
		if _, err := fare.Call(ctx, Trip{From: "Ulm", To: to}); err != nil {
			fmt.Println(err)
		}
	}
	for r, err := range fare.Query(quiver.Query{Args: quiver.Args{"To": "Jena"}}).All(ctx) {
		fmt.Println(r.Name, r.Metadata["tags"]["season"], err)
	}
	// Output: fare autumn <nil>
}

func ExampleFunction_Rerun() {
	ctx := context.Background()
	f, err := quiver.Func(open(mem.New(nil), nil), quiver.Def{Name: "square", Version: quiver.IntVersion(1)},
		func(_ context.Context, n int) (int, error) {
			fmt.Println("squaring", n)
			return n * n, nil
		}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := f.Call(ctx, 12); err != nil {
		fmt.Println(err)
	}
	key, err := f.Key(12)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Rerun(ctx, key.Abbreviate(8)))
	// Output:
	// squaring 12
	// squaring 12
	// 144 <nil>
}
