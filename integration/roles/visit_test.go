package roles_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/lease"
)

// The calls and values of a visit.

func (v *visit) content(i int) []byte { return fmt.Appendf(nil, "result %d of %s", i, v.name) }

func (v *visit) result(i int) digest.Digest { return digest.OfBytes(v.content(i)) }

func (v *visit) record(i int) *callindex.Record {
	return &callindex.Record{Call: callindex.Call{Name: v.name, Version: callindex.IntVersion(int64(i))}, Result: v.result(i)}
}

func (v *visit) key(i int) digest.Digest {
	key, err := v.record(i).Key()
	if err != nil {
		panic(err) // it has a name
	}
	return key
}

// large is a size that is uploaded in parts.
const large = 20 << 20

// value is bytes of the visit's own that do not become smaller, large at the most.
func (v *visit) value(size int) []byte {
	own, value := sha256.Sum256([]byte(v.name)), slices.Clone(noise()[:size])
	copy(value, own[:])
	return value
}

// object is the name of an object of the visit's own, as values have.
func (v *visit) object() string {
	key := digest.OfBytes([]byte(v.name)).String()
	return "values/" + key[:2] + "/" + key
}

func short(key digest.Digest) digest.Prefix { return digest.Prefix(key.String()[:16]) }

var noise = sync.OnceValue(func() []byte {
	bytes := make([]byte, large)
	if _, err := io.ReadFull(rand.NewChaCha8([32]byte{}), bytes); err != nil {
		panic(err) // it reads for ever
	}
	return bytes
})

// What root prepares.

func savedValue(size int) func(ctx context.Context, v *visit) error {
	return func(ctx context.Context, v *visit) error { return only(v.host.Values.SaveBytes(ctx, v.value(size))) }
}

func savedResults(n int) func(ctx context.Context, v *visit) error {
	return func(ctx context.Context, v *visit) error {
		var failures []error
		for i := range n {
			failures = append(failures, only(v.host.Values.SaveBytes(ctx, v.content(i))))
		}
		return errors.Join(failures...)
	}
}

// saved has calls with their results.
func saved(n int) func(ctx context.Context, v *visit) error {
	return func(ctx context.Context, v *visit) error {
		var failures []error
		for i := range n {
			failures = append(failures, v.save(ctx, v.host, i))
		}
		return errors.Join(failures...)
	}
}

func folded(n int) func(ctx context.Context, v *visit) error {
	return func(ctx context.Context, v *visit) error {
		if err := saved(n)(ctx, v); err != nil {
			return err
		}
		return only(v.host.Fold(ctx, &quiver.FoldOptions{Function: v.name}))
	}
}

// maxAge is how old a call may be that is not garbage.
const maxAge = time.Hour

// old has a call that was saved two hours ago.
func old(ctx context.Context, v *visit) error {
	if err := savedResults(1)(ctx, v); err != nil {
		return err
	}
	return only(v.host.Calls.Save(ctx, v.record(0), &callindex.SaveOptions{Saved: time.Now().Add(-2 * maxAge)}))
}

func leased(ctx context.Context, v *visit) error {
	return only(v.host.Leases.Take(ctx, lease.Claim{Key: v.key(0), Term: time.Minute, Function: v.name}, nil))
}

// called has a call of the function remembered.
func called(ctx context.Context, v *visit) error {
	return v.calls(ctx, v.host, nil, quiver.Stats{Computed: 1, Saved: 1})
}

// damaged has a call, of which an object is damaged.
func damaged(name func(v *visit) string) func(ctx context.Context, v *visit) error {
	return func(ctx context.Context, v *visit) error {
		if err := saved(1)(ctx, v); err != nil {
			return err
		}
		info, err := v.near.Stat(ctx, name(v))
		if err != nil {
			return err
		}
		return v.near.Put(ctx, name(v), bucket.Bytes([]byte("nonsense")), bucket.IfMatch(info.Version))
	}
}

// upload begins an upload in parts, as root, and returns its id.
func (v *visit) upload(ctx context.Context) (string, error) {
	name := v.object()
	if v.prefix != "" {
		name = v.prefix + "/" + name
	}
	begun, err := v.domain.users[root].client(connections).CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: &v.domain.bucket, Key: &name})
	if err != nil {
		return "", err
	}
	return *begun.UploadId, nil
}

// nothingUnfinished says whether there is no upload in parts of the visit's object. MinIO lists those of a whole key.
func (v *visit) nothingUnfinished(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	uploads, _ := bucket.As[bucket.Uploads](v.near)
	page, err := uploads.ListUploads(ctx, bucket.ListOptions{Prefix: v.object()})
	return is(0)(len(page.Uploads), err)
}

// What users do, and root to look.

// save saves a call with its result.
func (v *visit) save(ctx context.Context, s *quiver.Store, i int) error {
	winner, err := s.Calls.Save(ctx, v.record(i), &callindex.SaveOptions{Beside: func(ctx context.Context) error {
		return only(s.Values.SaveBytes(ctx, v.content(i)))
	}})
	if err != nil {
		return err
	}
	return is(v.result(i))(winner.Result, nil)
}

// loaded loads a call and its result.
func (v *visit) loaded(ctx context.Context, s *quiver.Store, i int) error {
	r, err := s.Calls.Load(ctx, v.key(i))
	if err != nil {
		return err
	}
	got, err := s.Values.LoadBytes(ctx, r.Result, 1<<20)
	return is(string(v.content(i)))(string(got), err)
}

func (v *visit) loadedValue(ctx context.Context, size int) error {
	got, err := v.store.Values.LoadBytes(ctx, digest.OfBytes(v.value(size)), 1<<30)
	return is(true)(slices.Equal(got, v.value(size)), err)
}

func (v *visit) finds(ctx context.Context, s *quiver.Store, calls int) error {
	return is(calls)(s.Query(quiver.Query{Name: v.name}).Count(ctx))
}

// checked checks the store, in which just such things are wrong with the first call.
func (v *visit) checked(ctx context.Context, options *quiver.CheckOptions, want ...callindex.FindingKind) error {
	var kinds []callindex.FindingKind
	for f, err := range v.store.Check(ctx, options) {
		if err != nil {
			return err
		}
		if f.Key == v.key(0) {
			kinds = append(kinds, f.Kind)
		}
	}
	return is(fmt.Sprint(want))(fmt.Sprint(kinds), nil)
}

// answer is what the function returns.
const answer = 42

func (v *visit) function(s *quiver.Store, options *quiver.FuncOptions[int]) (*quiver.Function[int, int], error) {
	return quiver.Func(s, quiver.Def{Name: v.name, Version: quiver.IntVersion(1)}, func(context.Context, int) (int, error) { return answer, nil }, options)
}

// calls calls the function, and says whether the store has done for it what it should.
func (v *visit) calls(ctx context.Context, s *quiver.Store, options *quiver.FuncOptions[int], want quiver.Stats) error {
	f, err := v.function(s, options)
	if err != nil {
		return err
	}
	before := s.Stats()
	if err := is(answer)(f.Call(ctx, 0)); err != nil {
		return err
	}
	after := s.Stats()
	did := quiver.Stats{Hits: after.Hits - before.Hits, Computed: after.Computed - before.Computed, Saved: after.Saved - before.Saved, Failures: after.Failures - before.Failures}
	return is(fmt.Sprintf("%+v", want))(fmt.Sprintf("%+v", did), nil)
}
