package chaos_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/internal/historytest"
)

var (
	lasts  = flag.Duration("torment", length, "how long the torment lasts")
	seeded = flag.Uint64("seed", 0, "what is done, and by whom; 0: by chance")
	kept   = flag.String("journals", "", "a new folder, in which the journals are kept; default none")
)

func TestWhateverBefallsEightProcessesNothingAcknowledgedIsLost(t *testing.T) {
	seed := *seeded
	if seed == 0 {
		seed = historytest.Seed()
	}
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	if *kept != "" {
		dir = *kept
		must(t, os.MkdirAll(dir, 0o777))
	}
	server, err := servers.Start(t.Context(), servers.MinIO)
	must(t, err)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	bucket, err := server.NewBucket(t.Context())
	must(t, err)
	for _, variable := range server.Env() {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	near := openNear(t, bucket.URL)
	near.plantForeign(t)

	front := newFront(t, server.Address, seed)
	network := newNetwork(t, front.address)
	url := server.URLAt(network.address, bucket.Name)
	fleet := newFleet(t, orders{Seed: seed, URL: url, Dir: dir}, server.EnvAt(network.address))
	c := &tormentor{
		t: t, chance: rand.New(rand.NewPCG(seed, 1<<40)), fleet: fleet, network: network, front: front, server: server, counts: map[string]int{},
	}
	ctx, cancel := context.WithTimeout(t.Context(), *lasts)
	defer cancel()
	c.torment(ctx)
	c.end()
	begun := time.Now()
	fleet.finish()
	t.Logf("the processes have ended in %v", time.Since(begun))
	for name := range torments {
		if c.counts[name] == 0 {
			t.Errorf("nothing was put to the torment %q: it was too short", name)
		}
	}

	journals, err := readJournals(dir)
	must(t, err)
	l := openLedger(journals)
	t.Logf("%d processes; operations: %v", len(journals), l.counts)
	near.judge(t, l)
	for _, finding := range l.findings {
		t.Error(finding)
	}
	for _, count := range []string{
		"save own ok", "replace own ok", "evict own ok", "load own ok", "query own ok", "save value ok", "save aged ok", "save shared ok", "save contended ok", "tend  ok",
	} {
		if l.counts[count] == 0 {
			t.Errorf("there was no %q", count)
		}
	}
	leftovers, err := filepath.Glob(filepath.Join(dir, "quiver-*"))
	must(t, err)
	t.Logf("temporary files that killed processes have left: %d", len(leftovers))
}
