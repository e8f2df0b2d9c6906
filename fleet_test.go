package quiver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/internal/contracttest"
)

// fleetVariable makes the test binary one process of a fleet: its value is the role and the directory.
const fleetVariable = "QUIVER_TEST_FLEET"

// fleet is two savers, half of whose calls both save.
var fleet = contracttest.Fleet{Savers: []string{"saver-a", "saver-b"}, Each: fleetRecords}

const evicter = "evicter"

// TestFleet has two processes save records into one directory beside a third that loads and evicts. Nothing is lost, nothing is read torn, no call has two winners.
func TestFleet(t *testing.T) {
	dir := t.TempDir()
	reports := make([]*contracttest.Report, 3)
	var group errgroup.Group
	for i, role := range append(slices.Clone(fleet.Savers), evicter) {
		group.Go(func() error {
			command := exec.CommandContext(t.Context(), os.Args[0])
			command.Env = append(os.Environ(), fleetVariable+"="+role+"="+dir)
			command.Stderr = os.Stderr
			out, err := command.Output()
			if err != nil {
				return fmt.Errorf("%s: %w", role, err)
			}
			return json.Unmarshal(out, &reports[i])
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	b, err := openFleet(dir)
	if err != nil {
		t.Fatal(err)
	}
	fleet.Check(t, b, reports[:2], reports[2])
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestManyWriters has clients of one process do the same.
func TestManyWriters(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { contracttest.ManyWriters(t, open, 8, 40) })
	}
}

func openFleet(dir string) (bucket.Bucket, error) {
	b, err := file.New(dir, &file.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	return bucket.Decorate(b, bucket.Decorators{Limit: 64})
}

// fleetProcess is the main function of a process of the fleet.
func fleetProcess(task string) error {
	role, dir, _ := strings.Cut(task, "=")
	b, err := openFleet(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	s, err := quiver.New(ctx, b, nil)
	if err != nil {
		return err
	}
	var r *contracttest.Report
	if role == evicter {
		r, err = fleet.Evict(ctx, s)
	} else {
		r, err = fleet.Save(ctx, s, role)
	}
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(os.Stdout).Encode(r), s.Close())
}
