package lease_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/lease"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	key  = digest.OfBytes([]byte("a call"))
	name = layout.LeaseSpace.Name(key)
)

// client returns the leases of a bucket for somebody with a name, under faults.
func client(b bucket.Bucket, who string, faults ...buckettest.Fault) *lease.Leases {
	return lease.New(bucket.Wrap(b, buckettest.NewFaults(faults...).Inject), &lease.Options{Owner: who, Host: "a machine"})
}

func claim(term time.Duration) lease.Claim { return lease.Claim{Key: key, Term: term} }

// take takes the lease, or ends the test.
func take(t *testing.T, l *lease.Leases, term time.Duration) *lease.Lease {
	t.Helper()
	taken, err := l.Take(t.Context(), claim(term), nil)
	if err != nil || taken == nil {
		t.Fatalf("the lease is not taken: %v, %v", taken, err)
	}
	return taken
}

// takeAfter takes the lease and returns how long that took.
func takeAfter(t *testing.T, l *lease.Leases, term time.Duration) (*lease.Lease, time.Duration) {
	t.Helper()
	begun := time.Now()
	taken := take(t, l, term)
	return taken, time.Since(begun)
}

func succeeds(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, err error, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("it fails with %v, not with %v", err, want)
	}
}

// write writes any bytes in place of the lease.
func write(t *testing.T, b bucket.Bucket, text string) {
	t.Helper()
	condition := bucket.IfAbsent()
	if info, err := b.Stat(t.Context(), name); err == nil {
		condition = bucket.IfMatch(info.Version)
	}
	succeeds(t, b.Put(t.Context(), name, bucket.Bytes([]byte(text)), condition))
}

// plain is a bucket without extras: it tells no version of what it writes, and cannot delete conditionally.
type plain struct{ bucket.Bucket }

// telling is a bucket that tells the version of what it writes, which nobody else writes to meanwhile.
type telling struct {
	bucket.Bucket
	inner bucket.Bucket
}

func (b telling) PutVersion(ctx context.Context, key string, body bucket.Source, condition bucket.Condition) (bucket.Version, error) {
	if err := b.Put(ctx, key, body, condition); err != nil {
		return "", err
	}
	info, err := b.inner.Stat(ctx, key)
	return info.Version, err
}

// text is the object of a lease.
func text(state string, term time.Duration) string {
	return fmt.Sprintf(`{"format":1,"key":%q,"state":%q,"id":%q,"write":%q,"owner":"somebody","host":"somewhere","since":"2026-01-02T03:04:05Z","until":"2026-01-02T03:05:05Z","term":%d}`,
		key, state, "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100", term.Milliseconds())
}
