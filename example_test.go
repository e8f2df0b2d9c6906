package quiver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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

// Two processes want the same picture: one renders it, and the other waits for that.
func ExampleFuncOptions_once() {
	ctx, bucket := context.Background(), mem.New(nil)
	rendering := make(chan bool)
	process := func() *quiver.Function[string, string] {
		store, err := quiver.New(ctx, bucket, &quiver.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			panic(err)
		}
		f, err := quiver.Func(store, quiver.Def{Name: "render", Version: quiver.IntVersion(1)}, func(_ context.Context, scene string) (string, error) {
			rendering <- true
			return "picture of " + scene, nil
		}, &quiver.FuncOptions[string]{Once: 30 * time.Second})
		if err != nil {
			panic(err)
		}
		return f
	}
	var processes sync.WaitGroup
	for range 2 {
		processes.Go(func() { fmt.Println(process().Call(ctx, "a harbour")) })
	}
	<-rendering // one of them is at it; nobody would hear of the other
	processes.Wait()
	// Output:
	// picture of a harbour <nil>
	// picture of a harbour <nil>
}

// The result comes from another process, which has the token.
func ExampleFunction_Prepare() {
	ctx := context.Background()
	f, err := quiver.Func(open(mem.New(nil), nil), quiver.Def{Name: "square", Version: quiver.IntVersion(1)},
		func(context.Context, int) (int, error) { return 0, errors.New("it is computed elsewhere") }, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	prepared, err := f.Prepare(ctx, 12, time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	token := prepared.Token() // goes through a queue

	resumed, err := f.Resume(token)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resumed.Commit(ctx, 144))
	fmt.Println(f.Call(ctx, 12))
	_, err = f.Prepare(ctx, 12, time.Hour)
	fmt.Println(errors.Is(err, quiver.ErrRemembered))
	// Output:
	// 144 <nil>
	// 144 <nil>
	// true
}
