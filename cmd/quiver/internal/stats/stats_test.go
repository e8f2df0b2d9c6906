package stats_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func TestEventsOfManyWritersAreAllCounted(t *testing.T) {
	folder := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			file := stats.In(folder, noon) // as another process would
			for range 10 {
				for _, e := range []stats.Event{{Hit: true, Saved: time.Second}, {Miss: "new"}, {Miss: "expired", Unsaved: true}, {Without: true}} {
					if err := file.Add(context.Background(), "file:///s", e); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	counts, err := stats.In(folder, noon).Read()
	if err != nil {
		t.Fatal(err)
	}
	c := counts["file:///s"]
	if c.Hits != 80 || c.Misses["new"] != 80 || c.Misses["expired"] != 80 || c.Unsaved != 80 || c.Without != 80 || c.Saved != 80 {
		t.Errorf("counted %+v, want 80 of each", c)
	}
	if !c.Since.Equal(noon()) || !c.Updated.Equal(noon()) {
		t.Errorf("counted since %v until %v, want noon", c.Since, c.Updated)
	}
}

func TestNoFileIsNoCounts(t *testing.T) {
	counts, err := stats.In(filepath.Join(t.TempDir(), "none"), noon).Read()
	if err != nil || len(counts) != 0 {
		t.Errorf("Read() = %v, %v, want nothing", counts, err)
	}
}

func TestADamagedFileIsAnErrorThatSaysWhatToDo(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "stats.json"), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	file := stats.In(folder, noon)
	if _, err := file.Read(); err == nil {
		t.Error("a damaged file was read")
	}
	if err := file.Add(context.Background(), "s", stats.Event{Hit: true}); err == nil {
		t.Error("a damaged file was written over")
	}
}
