package execution

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/cmd/quiver/internal/stats"
	"github.com/quivercache/quiver/digest"
)

// save remembers what the command did, and returns the status to exit with.
func (s *session) save(ctx context.Context, k *kept, r *run, found finding) (int, error) {
	ours, winner, err := s.send(ctx, k, r, found)
	if err != nil {
		return s.notSaved(r.status, found, err)
	}
	switch {
	case isSameRun(winner, ours):
		s.explain("remembered, computed in %s", r.took.Round(time.Millisecond))
	case winner.Result == ours.Result:
		s.explain("not remembered: another run with the same outcome was remembered first, %s", originOf(winner))
	default:
		s.explain("not remembered: another run was remembered first, %s, with another outcome, which is the one to be given back", originOf(winner))
	}
	return r.status, nil
}

// isSameRun says whether two records of one call are of the same run.
func isSameRun(a, b *callindex.Record) bool {
	for _, name := range []string{"timestart", "timestop", "hostname"} {
		if a.Metadata["runtime"][name] != b.Metadata["runtime"][name] {
			return false
		}
	}
	return a.Result == b.Result
}

// notSaved is what becomes of a run that the store did not take. A failure that the look-up met is neither counted nor said again.
func (s *session) notSaved(status int, found finding, err error) (int, error) {
	isKnown := found.why == storeFailed && isSameFailure(found.err, err)
	if !isKnown {
		s.count(stats.Event{Unsaved: true})
	}
	if s.Strict {
		return 0, fmt.Errorf("the command ended with status %d, and that could not be remembered: %s", status, Brief(err))
	}
	if isKnown {
		s.explain("not remembered: %s", Brief(err))
		return status, nil
	}
	return s.notRemembered(status, err)
}

// isSameFailure says whether two failures of the store are one to its user: both times it could not be reached, or said no in the same way. Of which object,
// and which number the request had, does not count.
func isSameFailure(a, b error) bool {
	isUnreachable := func(err error) bool { return errors.Is(err, errSlow) || errors.Is(err, bucket.ErrUnavailable) }
	one, isOne := errors.AsType[*bucket.Error](a)
	other, isOther := errors.AsType[*bucket.Error](b)
	if isOne && isOther && errors.Is(one.Kind, other.Kind) && code(one) == code(other) {
		return true
	}
	return Brief(a) == Brief(b) || isUnreachable(a) && isUnreachable(b)
}

// code is the store's own code for a failure.
func code(failure *bucket.Error) string {
	name, _, _ := strings.Cut(failure.Code, ", ")
	return name
}

// send sends first the parts of what the command did, then the outcome beside the mark of its record, then the record. It returns that, and the record that the
// call then has: where another run was first, not this one.
func (s *session) send(ctx context.Context, k *kept, r *run, found finding) (ours, winner *callindex.Record, err error) {
	limit := saveTime
	if found.why == storeFailed {
		limit = saveTimeAfterFailure
	}
	limit += time.Duration(k.size/slowest) * time.Second
	store, err := within(ctx, limit, s.openStore)
	if err != nil {
		return nil, nil, err
	}
	s.store = store
	records, err := within(ctx, limit, func(ctx context.Context) (pair [2]*callindex.Record, err error) {
		if err := k.save(ctx, store.Values); err != nil {
			return pair, err
		}
		outcome, err := store.Values.Encode(k.Outcome, nil)
		if err != nil {
			return pair, err
		}
		record := s.record(outcome, k.parts(), r)
		winner, err := store.Calls.Save(ctx, record, &callindex.SaveOptions{
			Replace: found.why == missRefresh,
			Over:    found.record,
			Beside: func(ctx context.Context) error {
				if slices.ContainsFunc(k.parts(), func(d digest.Digest) bool { return !store.Values.Known(d) }) { // after hours
					if err := k.save(ctx, store.Values); err != nil {
						return err
					}
				}
				return store.Values.SaveEncoded(ctx, outcome)
			},
		})
		return [2]*callindex.Record{record, winner}, err
	})
	return records[0], records[1], err
}

// record is what the index keeps of the run; with the outcome itself where that is small, so that a hit is one request.
func (s *session) record(outcome *blobstore.Encoded, parts []digest.Digest, r *run) *callindex.Record {
	record := &callindex.Record{Call: *s.call, Result: outcome.Key, Parts: parts, Metadata: s.metadata(r)}
	if len(outcome.Data) <= callindex.InlineLimit {
		record.Inline = &callindex.Inline{Codec: outcome.Codec, Data: outcome.Data}
	}
	return record
}

// openStore returns the store that the look-up opened, or opens it.
func (s *session) openStore(ctx context.Context) (*quiver.Store, error) {
	if s.store != nil {
		return s.store, nil
	}
	return s.Store(ctx)
}
