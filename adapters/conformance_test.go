package adapters_test

import (
	"testing"

	"github.com/quivercache/quiver/adapters"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/buckettest"
)

func TestABridgeMeetsTheContract(t *testing.T) {
	always := []bucket.Verb{bucket.GetRange, bucket.Removal}
	for name, c := range map[string]struct {
		options adapters.Options
		prefix  string
		extras  []bucket.Verb
	}{
		"bare":                 {extras: always},
		"prefixed":             {prefix: "team/", options: adapters.Options{ConditionalDelete: true}, extras: append(always, bucket.DeleteIf)},
		"from start":           {options: adapters.Options{FromStart: true, PageSize: 3}, extras: always},
		"from start, prefixed": {options: adapters.Options{FromStart: true}, prefix: "a.b/c/", extras: always},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			buckettest.Run(t, func(t *testing.T) bucket.Bucket {
				b := newCloud().bridge(t, &c.options)
				if c.prefix == "" {
					return b
				}
				under, err := bucket.Prefix(c.prefix)
				if err != nil {
					t.Fatal(err)
				}
				return bucket.Wrap(b, under)
			}, c.extras...)
		})
	}
}

func TestTheModelAgreesWithABridge(t *testing.T) {
	t.Parallel()
	buckettest.Model(t, func() bucket.Bucket {
		return newCloud().bridge(t, &adapters.Options{ConditionalDelete: true})
	})
}
