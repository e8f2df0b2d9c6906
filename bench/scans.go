package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/quivercache/quiver/callindex"
)

// scans compares the CPU of queries of local files with that of DuckDB, which runs in this process too. Both are asked for the same, with the same cores. Each of our queries is that of a new
// store, while DuckDB is open all the time and knows the files.
//
// Where rows are wanted, both have to hand them to Go with all their columns: as records, and by the driver's Scan. To say what the driver's part in it is, the case is reported once more where DuckDB hashes the columns itself and hands out a single number.
// The full scan counts: that is all that DuckDB is asked for, while Query has nothing but records to count.
func (x *index) scans(ctx context.Context) (err error) {
	const point, name, full = "point query, local", "all calls of a function, local", "full scan for an argument value, local"
	if !x.wants(point, name, full) {
		return nil
	}
	b, err := x.seeded(ctx)
	if err != nil {
		return err
	}
	db, err := openDuck(ctx, x.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	query := func(ctx context.Context, q callindex.Query, want int) error {
		return expect(ctx, callindex.New(b, nil), q, want)
	}
	same := func(want int, n int, err error) error {
		if err == nil && n != want {
			err = fmt.Errorf("DuckDB says %d, not %d", n, want)
		}
		return err
	}
	const all = "SELECT * FROM calls WHERE "
	if x.wants(point) {
		const operations = 3
		item, stop := iter.Pull(x.calls.of(0))
		defer stop()
		each := func(ask func(ctx context.Context, i int) error) batch {
			return func(ctx context.Context) error {
				for range operations {
					i, _ := item()
					if err := ask(ctx, i); err != nil {
						return err
					}
				}
				return nil
			}
		}
		err := x.run(ctx, contest{name: point, operations: operations, measures: []measure{cpu(", CPU", new(0.1)), seconds(nil)},
			ours: each(func(ctx context.Context, i int) error {
				return query(ctx, callindex.Query{Name: x.calls.names[0], Args: callindex.Args{unique: i}}, 1)
			}),
			theirs: each(func(ctx context.Context, i int) error {
				d := mustDigest(i)
				n, err := db.rows(ctx, all+"name = ? AND "+has, x.calls.names[0], unique, d[:])
				return same(1, n, err)
			})})
		if err != nil {
			return err
		}
	}
	if x.wants(name) {
		function := x.calls.share(float64(x.calls.n) / 100)
		q := callindex.Query{Name: x.calls.names[function]}
		want, err := rows(callindex.New(b, nil).Query(ctx, q))
		if err != nil {
			return err
		}
		ours := func(ctx context.Context) error { return query(ctx, q, want) }
		err = x.run(ctx, contest{name: name, operations: 1, measures: []measure{cpu(", CPU", new(1.2)), seconds(nil)}, ours: ours,
			theirs: func(ctx context.Context) error {
				n, err := db.rows(ctx, all+"name = ?", q.Name)
				return same(want, n, err)
			}})
		if err != nil {
			return err
		}
		err = x.run(ctx, contest{name: name + ", hashed by DuckDB", operations: 1, measures: []measure{cpu(", CPU", nil)}, ours: ours,
			theirs: func(ctx context.Context) error {
				n, err := db.number(ctx, "SELECT count(*) FROM calls WHERE name = ? HAVING bit_xor(hash("+columns+")) IS NOT NULL", q.Name)
				return same(want, n, err)
			}})
		if err != nil {
			return err
		}
	}
	if !x.wants(full) {
		return nil
	}
	const value = 7
	q := callindex.Query{Args: callindex.Args{ofFifty: value}}
	want, err := rows(callindex.New(b, nil).Query(ctx, q))
	if err != nil {
		return err
	}
	d := mustDigest(value)
	ours := func(ctx context.Context) error { return query(ctx, q, want) }
	err = x.run(ctx, contest{name: full, operations: 1, measures: []measure{cpu(", CPU", new(1.3)), seconds(nil)}, ours: ours,
		theirs: func(ctx context.Context) error {
			n, err := db.number(ctx, "SELECT count(*) FROM calls WHERE "+has, ofFifty, d[:])
			return same(want, n, err)
		}})
	if err != nil {
		return err
	}
	return x.run(ctx, contest{name: full + ", all rows", operations: 1, measures: []measure{cpu(", CPU", nil), seconds(nil)}, ours: ours,
		theirs: func(ctx context.Context) error {
			n, err := db.rows(ctx, all+has, ofFifty, d[:])
			return same(want, n, err)
		}})
}
