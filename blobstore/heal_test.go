package blobstore_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/quivercache/quiver/blobstore"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
	"github.com/quivercache/quiver/layout"
)

// broken saves a value and damages its object: in its middle, or in its header.
func broken(b *bench, value []byte, at int) digest.Digest {
	key := must(b.SaveBytes(b.t.Context(), value))
	bad := slices.Clone(b.object(key))
	bad[at] ^= 0x55
	b.plant(key, bad)
	b.requests.Take()
	return key
}

func TestASaveHealsWhatThisStoreSawDamaged(t *testing.T) {
	for name, size := range map[string]int{"small": 300, "large": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			value := noise(1, size)
			b := newBench(t, nil)
			key := broken(b, value, 200)
			_, err := b.bothWays(key)
			b.wantDamage(key, err)
			b.requests.Take()
			if got, err := b.SaveBytes(t.Context(), value); err != nil || got != key {
				t.Fatal(err)
			}
			if name == "small" {
				b.requests.Expect(t, "put values/**")
			} else {
				b.requests.Expect(t, "stat values/**", "put values/**")
			}
			if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
				t.Fatalf("it did not heal: %v", err)
			}
			healed := b.version(key)
			must(b.SaveBytes(t.Context(), value))
			if b.version(key) != healed {
				t.Error("a healed object was replaced once more")
			}
		})
	}
}

func TestAStreamHealsToo(t *testing.T) {
	value := noise(1, 1<<20)
	b := newBench(t, nil)
	key := broken(b, value, 200)
	_, err := readAll(b.Store, key)
	b.wantDamage(key, err)
	must(b.SaveReader(t.Context(), bytes.NewReader(value), nil))
	if _, err := b.bothWays(key); err != nil {
		t.Error(err)
	}
}

func TestAStoreThatSawNoDamageTrustsWhatIsThere(t *testing.T) {
	b := newBench(t, nil)
	value := noise(1, 300)
	key := broken(b, value, 200)
	version := b.version(key)
	must(b.SaveBytes(t.Context(), value))
	if b.version(key) != version {
		t.Error("it was replaced")
	}
}

func TestASaveThatVerifiesHealsWhatNobodySawDamaged(t *testing.T) {
	for name, size := range map[string]int{"small": 300, "large": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			value := noise(1, size)
			verify := &blobstore.SaveOptions{Verify: true}
			for _, at := range []int{20, 200} { // in its header, and behind it
				key := broken(b, value, at)
				if got, err := b.SaveReader(t.Context(), bytes.NewReader(value), verify); err != nil || got != key {
					t.Fatal(got, err)
				}
				if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
					t.Fatalf("it did not heal: %v", err)
				}
				version := b.version(key)
				must(b.SaveReader(t.Context(), bytes.NewReader(value), verify))
				if b.version(key) != version {
					t.Error("an intact object was replaced")
				}
				if err := b.Evict(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	b := newBench(t, nil) // by another codec it is the same value all the same
	key := must(b.Save(t.Context(), []byte("bytes"), &blobstore.SaveOptions{Codec: blobstore.CBOR}))
	if got, err := b.Save(t.Context(), []byte("bytes"), &blobstore.SaveOptions{Verify: true}); err != nil || got != key {
		t.Error(got, err)
	}
}

func TestAnotherProcessHealsByTheVersionOfTheDamage(t *testing.T) {
	for _, size := range []int{300, 1 << 20} {
		b := newBench(t, nil)
		value := noise(1, size)
		key := broken(b, value, 200)
		_, err := b.LoadBytes(t.Context(), key, 1<<30)
		damage, ok := errors.AsType[*keyspace.DamagedError](err)
		if !ok {
			t.Fatal(err)
		}
		other := blobstore.New(b.mem, nil)
		must(other.Save(t.Context(), value, &blobstore.SaveOptions{Replace: damage.Version}))
		healed := b.version(key)
		if got, err := other.LoadBytes(t.Context(), key, 1<<30); err != nil || !bytes.Equal(got, value) {
			t.Fatal(err)
		}
		// This store still remembers the damage, of a version that is no more.
		must(b.SaveBytes(t.Context(), value))
		if b.version(key) != healed {
			t.Error("a healed object was replaced")
		}
	}
}

func TestADamagedObjectThatWentAwayIsSavedAnew(t *testing.T) {
	for _, size := range []int{300, 1 << 20} {
		b := newBench(t, nil)
		value := noise(1, size)
		key := broken(b, value, 200)
		_, err := b.LoadBytes(t.Context(), key, 1<<30)
		b.wantDamage(key, err)
		if err := b.mem.Delete(t.Context(), layout.ValueSpace.Name(key)); err != nil {
			t.Fatal(err)
		}
		must(b.SaveBytes(t.Context(), value))
		if _, err := b.bothWays(key); err != nil {
			t.Errorf("an acknowledged save is not found: %v", err)
		}
	}
}

func TestAnObjectThatGoesWhileItIsHealedIsSavedAnew(t *testing.T) {
	value := noise(1, 1<<20)
	key := digest.OfBytes(value)
	var b *bench
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Put, Nth: 2, Do: buckettest.Before(func(ctx context.Context) error {
		return b.mem.Delete(ctx, layout.ValueSpace.Name(key))
	})})
	b = newBench(t, nil, faults.Inject)
	broken(b, value, 200)
	_, err := b.LoadBytes(t.Context(), key, 1<<30)
	b.wantDamage(key, err)
	must(b.SaveBytes(t.Context(), value))
	if _, err := b.bothWays(key); err != nil {
		t.Errorf("an acknowledged save is not found: %v", err)
	}
	faults.Done(t)
}

func TestUnderAKeyOfTheCallersChoiceDamageIsSeenAndHealed(t *testing.T) {
	for _, size := range []int{300, 1 << 20} {
		b := newBench(t, nil)
		value := noise(1, size)
		options := &blobstore.SaveOptions{Key: digest.OfBytes([]byte("own"))}
		key := must(b.Save(t.Context(), value, options))
		b.plant(key, []byte("damage"))
		b.requests.Take()
		must(b.Save(t.Context(), value, options))
		if got, err := b.bothWays(key); err != nil || !bytes.Equal(got, value) {
			t.Error(err)
		}
	}
}

func TestUnderAKeyOfTheCallersChoiceWhatGoesIsSavedAnew(t *testing.T) {
	options := &blobstore.SaveOptions{Key: digest.OfBytes([]byte("own"))}
	var b *bench
	faults := buckettest.NewFaults(buckettest.Fault{Verb: bucket.Get, Do: buckettest.Before(func(ctx context.Context) error {
		return b.mem.Delete(ctx, layout.ValueSpace.Name(options.Key))
	})})
	b = newBench(t, nil, faults.Inject)
	must(b.Save(t.Context(), "value", options))
	must(b.Save(t.Context(), "value", options))
	if got, err := blobstore.LoadAs[string](t.Context(), b.Store, options.Key); err != nil || got != "value" {
		t.Errorf("an acknowledged save is not found: %v", err)
	}
	faults.Done(t)
}

func TestManyHealersLeaveOneGoodObject(t *testing.T) {
	value := noise(1, 1000)
	b := newBench(t, nil)
	key := broken(b, value, 500)
	stores := make([]*blobstore.Store, 8)
	for i := range stores {
		stores[i] = blobstore.New(b.mem, nil)
		_, err := stores[i].LoadBytes(t.Context(), key, 1<<30)
		b.wantDamage(key, err)
	}
	done := make(chan error)
	for _, s := range stores {
		go func() { done <- second(s.SaveBytes(t.Context(), value)) }()
	}
	for range stores {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if _, err := b.bothWays(key); err != nil {
		t.Error(err)
	}
}

func TestTheMemoryOfDamageIsBounded(t *testing.T) {
	b := newBench(t, nil)
	const many = 1500
	values := make([][]byte, many)
	for i := range values {
		values[i] = noise(uint64(i), 40)
		key := digest.OfBytes(values[i])
		b.plant(key, []byte("damage"))
		_, err := b.LoadBytes(t.Context(), key, 100)
		b.wantDamage(key, err)
	}
	for _, value := range values {
		must(b.SaveBytes(t.Context(), value))
	}
	healed := 0
	for _, value := range values {
		if _, err := b.LoadBytes(t.Context(), digest.OfBytes(value), 100); err == nil {
			healed++
		}
	}
	if healed != 1024 {
		t.Errorf("%d healed, not the 1,024 remembered", healed)
	}
}

func TestWhatDoesNotDecodeIsDamagedAndHeals(t *testing.T) {
	for codec, encoded := range map[string]string{"cbor": "\x18\x01", "json": "{"} {
		b := newBench(t, nil)
		key := must(digest.Of(map[string]int{}))
		b.plant(key, craft(key, codec, []byte(encoded)).bytes())
		_, err := blobstore.LoadAs[map[string]int](t.Context(), b.Store, key)
		b.wantDamage(key, err)
		if !errors.Is(err, digest.ErrNotFound) {
			t.Fatal(err)
		}
		must(b.Save(t.Context(), map[string]int{}, nil))
		if _, err := blobstore.LoadAs[map[string]int](t.Context(), b.Store, key); err != nil {
			t.Error(err)
		}
	}
}
