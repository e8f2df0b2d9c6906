package callindex

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/layout"
)

// Function is what the index has of a function.
type Function struct {
	Name  string        `json:"name"`
	Calls int64         `json:"calls"`
	Saved time.Time     `json:"saved"` // the latest save of a call that is or was among them
	Spent time.Duration `json:"spent"` // what the calls took, as far as their metadata says (runtime.walltime)
}

// Functions returns the functions whose calls are folded, by name, from the manifests alone: a LIST, and a GET for each shard.
func (s *Store) Functions(ctx context.Context) ([]Function, error) {
	functions, err := ofShards(ctx, s, func(ctx context.Context, shard layout.Shard) (of []Function, err error) {
		l, err := s.manifest(ctx, shard)
		if err != nil || l.Manifest == nil {
			return nil, err
		}
		for _, f := range l.Functions {
			of = append(of, Function(f))
		}
		return of, nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(functions, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return functions, nil
}
