package main

import "context"

// number is the argument of the memoised function. A field has a name, by which queries find its calls: quiver query --name factor --arg N=91.
type number struct{ N uint64 }

// factor returns the prime factors of a number in ascending order, by trying divisors: for a product of two primes near 10⁹ that takes seconds.
func factor(ctx context.Context, in number) ([]uint64, error) {
	var factors []uint64
	n := in.N
	divide := func(d uint64) {
		for n > 1 && n%d == 0 {
			factors = append(factors, d)
			n /= d
		}
	}
	divide(2)
	divide(3)
	for d := uint64(5); d <= n/d; d += 6 { // every other prime is one more or one less than a multiple of six
		if d%(6<<15) == 5 && ctx.Err() != nil { // a function that does not look at its context cannot be stopped
			return nil, context.Cause(ctx)
		}
		divide(d)
		divide(d + 2)
	}
	if n > 1 {
		factors = append(factors, n)
	}
	return factors, nil
}
