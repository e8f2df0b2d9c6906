package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// stop is where something is delivered, in metres.
type stop struct{ X, Y int }

// delivery is the argument of the memoised function: whatever its result depends on, and not the file's name.
type delivery struct {
	Stops    []stop
	Attempts int
}

// round is an order of stops that comes back to the first one.
type round struct {
	Length float64 // metres
	Order  []int
}

// plan returns the shortest round that it finds: it begins with random ones, and turns parts of each around for as long as that makes it shorter.
func plan(ctx context.Context, in delivery) (round, error) {
	best := round{Length: math.Inf(1)}
	for attempt := range in.Attempts {
		if ctx.Err() != nil { // a function that does not look at its ctx cannot be stopped in time
			return round{}, context.Cause(ctx)
		}
		chance := rand.New(rand.NewPCG(uint64(attempt), uint64(len(in.Stops)))) // the same each time: a result that is remembered must be one that would come out again
		order := chance.Perm(len(in.Stops))
		for shorten(in.Stops, order) {
		}
		if l := length(in.Stops, order); l < best.Length {
			best = round{l, slices.Clone(order)}
		}
	}
	return best, nil
}

// shorten turns around each part of a round whose turning makes it shorter, and says whether there was one.
func shorten(stops []stop, order []int) bool {
	found := false
	for i := range len(order) - 1 {
		for j := i + 2; j < len(order); j++ {
			a, b, c, d := stops[order[i]], stops[order[i+1]], stops[order[j]], stops[order[(j+1)%len(order)]]
			if distance(a, c)+distance(b, d) < distance(a, b)+distance(c, d)-1e-9 {
				slices.Reverse(order[i+1 : j+1])
				found = true
			}
		}
	}
	return found
}

func length(stops []stop, order []int) float64 {
	var sum float64
	for i := range order {
		sum += distance(stops[order[i]], stops[order[(i+1)%len(order)]])
	}
	return sum
}

func distance(a, b stop) float64 { return math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)) }
