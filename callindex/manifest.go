package callindex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex/internal/manifest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// IndexError says that a part of the index cannot be believed. It is never a miss: what the index leaves out, no query finds.
type IndexError struct {
	Object string // its name
	Err    error
}

func (e *IndexError) Error() string {
	return e.Object + " of the index cannot be believed: " + e.Err.Error() + "; run quiver check --repair, which makes the index anew from the records"
}

func (e *IndexError) Unwrap() error { return e.Err }

// listed is a shard's manifest as it was read. Without one in the bucket, it is nil.
type listed struct {
	*manifest.Manifest
	version bucket.Version
	now     time.Time // the store's clock as it answered, or ours where it does not tell
}

// manifest reads a shard's manifest: one GET.
func (s *Store) manifest(ctx context.Context, shard layout.Shard) (listed, error) {
	name := layout.Manifest(shard)
	object, err := s.bucket.Get(ctx, name)
	if errors.Is(err, bucket.ErrNotFound) {
		return listed{now: s.clock.Now()}, nil
	}
	if err != nil {
		return listed{}, err
	}
	defer object.Body.Close()
	l := listed{version: object.Version, now: object.Date}
	if l.now.IsZero() {
		l.now = s.clock.Now()
	}
	if object.Size > manifest.Limit {
		return listed{}, &IndexError{name, fmt.Errorf("it has %d bytes, more than a manifest may have", object.Size)}
	}
	body := make([]byte, object.Size)
	if _, err := io.ReadFull(object.Body, body); err != nil {
		return listed{}, fmt.Errorf("reading %s: %w", name, err)
	}
	l.Manifest, err = manifest.Decode(shard, body)
	if newer, ok := errors.AsType[*manifest.NewerError](err); ok {
		return listed{}, &keyspace.NewerFormatError{Object: name, Found: newer.Found, Known: manifest.Format}
	}
	if err != nil {
		return listed{}, &IndexError{name, err}
	}
	return l, nil
}

// swapAttempts is how often a change is tried anew when other writers of the manifest are quicker.
const swapAttempts = 8

// errNothing says that a change need not be made.
var errNothing = errors.New("there is nothing to change")

// swap replaces a shard's manifest: change says by what, having read whatever it needs after the manifest that it is given. Where another writer is quicker it is asked again, since what it has
// read is stale. It is the only place where manifests are written. Where change returns errNothing the manifest is left as it is, and that is no failure.
func (s *Store) swap(ctx context.Context, shard layout.Shard, change func(ctx context.Context, l listed) (manifest.Change, error)) (listed, error) {
	name := layout.Manifest(shard)
	for n := 1; ; n++ {
		l, err := s.manifestToWrite(ctx, shard)
		if err != nil {
			return listed{}, err
		}
		c, err := change(ctx, l)
		switch {
		case errors.Is(err, errNothing):
			return l, nil
		case errors.Is(err, errVanished) && n < swapAttempts && s.isOutdated(ctx, shard, l): // as it may be after a day without a step
			continue
		case err != nil:
			return listed{}, err
		}
		write, err := op.NewID(s.entropy)
		if err != nil {
			return listed{}, err
		}
		next, err := l.Apply(write, c)
		if err != nil {
			return listed{}, fmt.Errorf("changing %s: %w", name, err)
		}
		landed, err := s.putManifest(ctx, next, bucket.IfMatch(l.version))
		if err != nil {
			return listed{}, err
		}
		if landed {
			return listed{Manifest: next, now: l.now}, nil
		}
		if n == swapAttempts {
			return listed{}, fmt.Errorf("other writers changed %s %d times meanwhile: %w", name, n, bucket.ErrChanged)
		}
		if err := s.retry.Wait(ctx, n); err != nil {
			return listed{}, err
		}
	}
}

// isOutdated says whether a manifest that was read has been replaced since.
func (s *Store) isOutdated(ctx context.Context, shard layout.Shard, l listed) bool {
	again, err := s.manifest(ctx, shard)
	return err == nil && again.Manifest != nil && again.Write != l.Write
}

// manifestToWrite reads a shard's manifest, after it has made the first one where there is none.
func (s *Store) manifestToWrite(ctx context.Context, shard layout.Shard) (listed, error) {
	l, err := s.manifest(ctx, shard)
	if err != nil || l.Manifest != nil {
		return l, err
	}
	write, err := op.NewID(s.entropy)
	if err != nil {
		return listed{}, err
	}
	if _, err := s.putManifest(ctx, manifest.First(shard, write), bucket.IfAbsent()); err != nil {
		return listed{}, err
	}
	return s.manifest(ctx, shard) // a write tells no version; and another may have been quicker
}

// putManifest writes a manifest, and says whether it is there: a lost answer is told from a lost race by the write id.
func (s *Store) putManifest(ctx context.Context, m *manifest.Manifest, condition bucket.Condition) (bool, error) {
	body, err := m.Encode()
	if err != nil {
		return false, err
	}
	err = s.bucket.Put(ctx, layout.Manifest(m.Shard), bucket.Bytes(body), condition)
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, bucket.ErrChanged) && !errors.Is(err, bucket.ErrExists) && !errors.Is(err, bucket.ErrNotFound):
		return false, err
	}
	l, err := s.manifest(ctx, m.Shard)
	return err == nil && l.Manifest != nil && l.Write == m.Write, err
}
