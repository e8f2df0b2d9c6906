package callindex

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// Function is what the index has of a function.
type Function struct {
	Name  string        `json:"name"`
	Calls int64         `json:"calls"`
	Saved time.Time     `json:"saved"` // the latest save of a call that is or was among them
	Spent time.Duration `json:"spent"` // what the calls took, as far as their metadata says (runtime.walltime)
}

// functionsParallel is how many manifests are read at once.
const functionsParallel = 16

// Functions returns the functions whose calls are folded, by name, from the manifests alone: a LIST, and a GET for each shard.
func (s *Store) Functions(ctx context.Context) ([]Function, error) {
	shards, err := s.shards(ctx)
	if err != nil {
		return nil, err
	}
	of := make([][]Function, len(shards))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(functionsParallel)
	for i, shard := range shards {
		group.Go(func() error {
			l, err := s.manifest(ctx, shard)
			if err != nil || l.Manifest == nil {
				return err
			}
			for _, f := range l.Functions {
				of[i] = append(of[i], Function(f))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	functions := slices.Concat(of...)
	slices.SortFunc(functions, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return functions, nil
}
