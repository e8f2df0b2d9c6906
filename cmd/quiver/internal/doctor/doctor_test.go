package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quivercache/quiver/adapters/file"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/bucket/mem"
	"github.com/quivercache/quiver/cmd/quiver/internal/doctor"
	"github.com/quivercache/quiver/op"
)

// opener opens clients of a store that is broken in one way; nil: in none.
func opener(store *mem.Bucket, breaks bucket.Middleware) doctor.Opener {
	return func(context.Context) (bucket.Bucket, error) {
		if breaks == nil {
			return client{store}, nil
		}
		return bucket.Wrap(client{store}, breaks), nil
	}
}

func examine(t *testing.T, open doctor.Opener, options *doctor.Options) *doctor.Report {
	t.Helper()
	report, err := doctor.Run(t.Context(), open, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Detail == "" || (f.Cost == "") != (f.Holds == doctor.Holds) {
			t.Errorf("a finding does not say what it should: %+v", f)
		}
		t.Logf("%-8s %-18s %s", f.Holds, f.Check, f.Detail)
	}
	return report
}

// broken are the checks that do not hold, needed or not.
func broken(r *doctor.Report) []string {
	return slices.Sorted(slices.Values(append(r.Names(doctor.Broken, true), r.Names(doctor.Broken, false)...)))
}

func detail(t *testing.T, r *doctor.Report, check string) string {
	t.Helper()
	for _, f := range r.Findings {
		if f.Check == check {
			return f.Detail
		}
	}
	t.Fatalf("there is no finding of %s", check)
	return ""
}

func keys(t *testing.T, b bucket.Bucket) []string {
	t.Helper()
	keys := []string{}
	for info, err := range bucket.All(t.Context(), b, bucket.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

// TestEachFaultIsToldByTheRightChecks examines stores that are broken in one way each.
func TestEachFaultIsToldByTheRightChecks(t *testing.T) {
	for _, c := range []struct {
		name   string
		breaks func() bucket.Middleware
		large  bool // with the large uploads
		broken []string
		fit    bool
	}{
		{name: "none", breaks: func() bucket.Middleware { return nil }, large: true, fit: true},
		{name: "IfMatch is ignored", breaks: func() bucket.Middleware { return where(swaps, overwriting) }, large: true,
			broken: []string{"large-condition", "missing-match", "stale-match", "swap-race"}},
		{name: "IfAbsent is ignored", breaks: func() bucket.Middleware { return where(creates, overwriting) }, large: true, broken: []string{"create-race", "large-condition"}},
		{name: "IfMatch is checked before, not while writing", breaks: func() bucket.Middleware { return where(swaps, pausing) }, broken: []string{"swap-race"}},
		{name: "IfAbsent is checked before, not while writing", breaks: func() bucket.Middleware { return where(creates, pausing) },
			broken: []string{"create-race"}},
		{name: "conditions of large uploads are ignored", breaks: func() bucket.Middleware { return where(large, overwriting) }, large: true, broken: []string{"large-condition"}},
		{name: "large uploads are left out", breaks: func() bucket.Middleware { return where(large, overwriting) }, fit: true},
		{name: "listing is late", breaks: listingLate, broken: []string{"list-after-write"}},
		{name: "listing is backwards", breaks: func() bucket.Middleware { return where(lists, disordered) }, broken: []string{"list-order"}},
		{name: "misses are remembered", breaks: rememberingMisses, broken: []string{"read-after-write"}},
		{name: "missing keys are refused", breaks: func() bucket.Middleware { return where(reads, hidingWhatIsMissing) }, broken: []string{"missing-key"}},
		{name: "bytes are damaged", breaks: func() bucket.Middleware { return where(reads, spoiling) }, broken: []string{"intact-bytes"}},
		{name: "large bytes are damaged, too", breaks: func() bucket.Middleware { return where(reads, spoiling) }, large: true, broken: []string{"intact-bytes", "large-condition"}},
		{name: "deletes are refused", breaks: func() bucket.Middleware { return where(deletes, failing(bucket.ErrRefused)) }, broken: []string{"cleanup", "may-delete"}},
		{name: "lists are refused", breaks: func() bucket.Middleware { return where(lists, failing(bucket.ErrRefused)) }, broken: []string{"may-list"}},
		{name: "reads are refused", breaks: func() bucket.Middleware { return where(reads, failing(bucket.ErrRefused)) }, broken: []string{"may-get", "missing-key"}},
		{name: "replacements are refused", breaks: func() bucket.Middleware { return where(swaps, failing(bucket.ErrRefused)) }, broken: []string{"may-replace"}},
		{name: "it is read-only", breaks: bucket.ReadOnly, broken: []string{"may-put"}},
		{name: "conditions of deletes are ignored", breaks: func() bucket.Middleware { return where(verbs(bucket.DeleteIf), ignoringTheVersion) },
			broken: []string{"conditional-delete"}},
		{name: "conditions of deletes are checked before, not while deleting", breaks: looksBeforeItDeletes,
			broken: []string{"conditional-delete"}},
		{name: "it is far", breaks: func() bucket.Middleware { return distant(150 * time.Millisecond) }, broken: []string{"latency"}, fit: true},
		{name: "it has two clocks", breaks: func() bucket.Middleware { return where(verbs(bucket.Stat), ofAnotherTime) }, broken: []string{"clock-skew"}},
		{name: "it tells no time", breaks: func() bucket.Middleware { return where(lists, undated) }, fit: true},
		{name: "it loses answers", breaks: losingAnswers, fit: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := mem.New(nil)
				r := examine(t, opener(store, c.breaks()), &doctor.Options{NoLarge: !c.large, Large: 9 << 20})
				if got := broken(r); !slices.Equal(got, slices.Sorted(slices.Values(c.broken))) {
					t.Errorf("the checks that do not hold are %q, not %q", got, c.broken)
				}
				if err := r.Err(); c.fit != (err == nil) || err != nil && !errors.Is(err, doctor.ErrUnfit) {
					t.Errorf("the report ends with %v", err)
				}
				if left := keys(t, store); len(left) != len(r.Left) {
					t.Errorf("%d objects are left, and %d are told of", len(left), len(r.Left))
				}
				if left := slices.Contains(c.broken, "cleanup"); left != (len(r.Left) > 0) {
					t.Errorf("left behind: %q", r.Left)
				}
			})
		})
	}
}

func TestItTouchesNothingElseAndKeepsToItsNumberOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New(nil)
		others := []string{"quiver-doctor/another", "quiver.json", "rights/object"}
		for _, key := range others {
			if err := store.Put(t.Context(), key, bucket.Bytes([]byte(key)), bucket.IfAbsent()); err != nil {
				t.Fatal(err)
			}
		}
		var folders sync.Map
		strays := around(func(ctx context.Context, r *bucket.Request, next bucket.Handler) (bucket.Answer, error) {
			if name := r.Name(); !strings.HasPrefix(name, "quiver-doctor/") || len(strings.Split(name, "/")[1]) != 32 {
				t.Errorf("%s %s", r.Verb, name)
			}
			folders.Store(strings.Join(strings.SplitAfterN(r.Name(), "/", 3)[:2], ""), true)
			return next(ctx, r)
		})
		r := examine(t, opener(store, strays), &doctor.Options{Large: 9 << 20})
		if got := keys(t, store); !slices.Equal(got, others) {
			t.Errorf("the bucket holds %q, not %q", got, others)
		}
		folders.Range(func(folder, _ any) bool {
			if r.Folder != folder {
				t.Errorf("the report names the folder %s, and it was %s", r.Folder, folder)
			}
			return true
		})
		if n := r.Usage.Requests; n > 1250 || n < 500 {
			t.Errorf("%d requests", n)
		}
		t.Logf("%+v", r.Usage)
	})
}

func TestAClockThatIsOffIsTold(t *testing.T) {
	for off, want := range map[time.Duration]string{
		-20 * time.Minute: "20m0s behind this machine's, more than", 20 * time.Minute: "20m0s ahead of", 6 * time.Minute: "6m0s ahead of",
		4 * time.Minute: "4m0s ahead of", -time.Minute: "1m0s behind", 0: "agree",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := examine(t, opener(mem.New(&mem.Options{Clock: shifted{op.SystemClock(), off}}), nil), &doctor.Options{NoLarge: true})
			if got := broken(r); (off.Abs() > 5*time.Minute) != slices.Equal(got, []string{"clock-skew"}) {
				t.Errorf("%s: %q", off, got)
			}
			if text := detail(t, r, "clock-skew"); !strings.Contains(text, want) {
				t.Errorf("%s: %s", off, text)
			}
		})
	}
}

// shifted is a clock that is off.
type shifted struct {
	op.Clock
	by time.Duration
}

func (c shifted) Now() time.Time { return c.Clock.Now().Add(c.by) }

func TestConditionalDeletesThatAreNotInUseAreProbed(t *testing.T) {
	store := mem.New(nil)
	open := func(context.Context) (bucket.Bucket, error) { return plain{client{store}}, nil }
	for name, c := range map[string]struct {
		conditional doctor.Opener
		holds       bool
		says        string
	}{
		"there is no other way to open it": {nil, false, "no condition"},
		"the other way is not known": {func(context.Context) (bucket.Bucket, error) {
			return nil, fmt.Errorf("%w: no such parameter", bucket.ErrInvalid)
		}, false, "no condition"},
		"the other way makes no difference": {open, false, "no condition"},
		"the store honours it":              {opener(store, nil), true, "conditional_delete=true"},
		"the store ignores it":              {opener(store, where(verbs(bucket.DeleteIf), ignoringTheVersion)), false, "was not refused"},
	} {
		t.Run(name, func(t *testing.T) {
			r := examine(t, open, &doctor.Options{NoLarge: true, Conditional: c.conditional})
			if got := r.Names(doctor.Broken, false); c.holds != (len(got) == 0) || !c.holds && !slices.Equal(got, []string{"conditional-delete"}) {
				t.Errorf("what does not hold is %q", got)
			}
			if text := detail(t, r, "conditional-delete"); r.Err() != nil || !strings.Contains(text, c.says) {
				t.Errorf("%s, %v", text, r.Err())
			}
		})
	}
	if left := keys(t, store); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestAStoreThatCannotBeReachedIsToldByThatCheckAloneAndIsNotUnfit(t *testing.T) {
	for name, kind := range map[string]error{"refused": bucket.ErrRefused, "no bucket": bucket.ErrNoBucket, "throttled": bucket.ErrThrottled, "unavailable": bucket.ErrUnavailable} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := examine(t, opener(mem.New(nil), where(anything, failing(kind))), nil)
				if err := r.Err(); !errors.Is(err, kind) || errors.Is(err, doctor.ErrUnfit) || err.Error() != "the examination failed: reach" || !slices.Equal(broken(r), []string{"reach"}) {
					t.Errorf("%v, %q", err, broken(r))
				}
				if text := detail(t, r, "reach"); !strings.Contains(text, kind.Error()) || strings.Contains(text, "rights/") || strings.Contains(text, "*") {
					t.Errorf("reach: %s", text)
				}
				if r.Usage.Requests > 10 {
					t.Errorf("%d requests", r.Usage.Requests)
				}
			})
		})
	}
}

func TestAStoreThatFallsSilentIsLeftAloneAndWhatIsLeftIsTold(t *testing.T) {
	for name, into := range map[string]handle{"refusing connections": failing(bucket.ErrUnavailable), "hanging": hanging} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := mem.New(nil)
				r := examine(t, opener(store, falling(300, into)), &doctor.Options{NoLarge: true})
				left := keys(t, store)
				if err := r.Err(); !errors.Is(err, bucket.ErrUnavailable) || len(broken(r)) > 0 {
					t.Errorf("%v, %q", err, broken(r))
				}
				if r.Usage.Requests > doctor.MostRequests || len(left) == 0 {
					t.Errorf("%d requests, %d objects", r.Usage.Requests, len(left))
				}
				for _, key := range left {
					if !slices.Contains(r.Left, strings.TrimPrefix(key, r.Folder)) {
						t.Errorf("%s is left and not told of", key)
					}
				}
				if r.Took > 3*time.Minute {
					t.Errorf("it took %s", r.Took)
				}
			})
		})
	}
}

func TestWhatIsLeftIsWhereTheBucketIs(t *testing.T) {
	store := mem.New(nil)
	r := examine(t, opener(store, where(verbs(bucket.Removal), failing(bucket.ErrRefused))), &doctor.Options{NoLarge: true, Location: "s3://bucket/team/"})
	left := keys(t, store)
	if len(left) == 0 || !strings.HasPrefix("s3://bucket/team/"+left[0], r.Folder) || !strings.Contains(detail(t, r, "cleanup"), r.Folder) {
		t.Errorf("in %s: %q; %s", r.Folder, left, detail(t, r, "cleanup"))
	}
}

func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := examine(t, opener(mem.New(nil), where(anything, hanging)), nil)
		if err := r.Err(); !errors.Is(err, bucket.ErrUnavailable) || r.Took > time.Minute {
			t.Errorf("%v after %s", err, r.Took)
		}
	})
}

func TestAnInterruptedExaminationCleansUp(t *testing.T) {
	for _, at := range []string{"reach", "read-after-write", "swap-race", "latency", "cleanup"} {
		t.Run(at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := mem.New(nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r, err := doctor.Run(ctx, opener(store, distant(time.Millisecond)), &doctor.Options{NoLarge: true, Begin: func(check string) {
					if check == at {
						time.AfterFunc(5*time.Millisecond, cancel) // amid the fifth request
					}
				}})
				if err != nil {
					t.Fatal(err)
				}
				if at != "cleanup" && !errors.Is(r.Err(), context.Canceled) {
					t.Errorf("the report ends with %v", r.Err())
				}
				if left := keys(t, store); len(left) > 0 || len(r.Left) > 0 || len(broken(r)) > 0 {
					t.Errorf("left behind: %q, %q; broken: %q", left, r.Left, broken(r))
				}
			})
		})
	}
}

// described is a client that describes its store.
type described struct {
	client
	description bucket.Description
	err         error
}

func (d described) Describe(context.Context) (bucket.Description, error) { return d.description, d.err }

func TestWhatTheStoreSaysOfItselfIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		of                 described
		region, versioning string
		broken             []string
	}{
		"plain": {described{description: bucket.Description{Service: "s3", Endpoint: "localhost", Region: "eu-north-1"}},
			"s3 at localhost, region eu-north-1", "neither versioning nor soft delete", nil},
		"versions": {described{description: bucket.Description{Versioning: "enabled"}}, "untold", "versioning is enabled", []string{"versioning"}},
		"soft delete": {described{description: bucket.Description{Versioning: "suspended", SoftDelete: 168 * time.Hour}}, "untold",
			"versioning is suspended, and deleted objects stay for 168h0m0s", []string{"versioning"}},
		"untold":      {described{description: bucket.Description{Region: "r", Untold: errors.New("no right")}}, "region r", "no right", nil},
		"refused":     {described{err: &bucket.Error{Verb: "describe", Kind: bucket.ErrRefused}}, "refused", "refused", nil},
		"unreachable": {described{err: &bucket.Error{Verb: "describe", Kind: bucket.ErrUnavailable}}, "did not answer", "did not answer", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.of.client = client{mem.New(nil)}
			r := examine(t, func(context.Context) (bucket.Bucket, error) { return c.of, nil }, &doctor.Options{NoLarge: true})
			if region, versioning := detail(t, r, "region"), detail(t, r, "versioning"); !strings.Contains(region, c.region) || !strings.Contains(versioning, c.versioning) {
				t.Errorf("%s; %s", region, versioning)
			}
			if got := broken(r); !slices.Equal(got, c.broken) || r.Err() != nil {
				t.Errorf("%q, %v", got, r.Err())
			}
		})
	}
}

func TestTheSentencesThatDoNotHoldAreNamed(t *testing.T) {
	dir := t.TempDir()
	open := func(context.Context) (bucket.Bucket, error) {
		b, err := file.New(dir, &file.Options{NoSync: true})
		if err != nil {
			return nil, err
		}
		return bucket.Wrap(b, where(func(r *bucket.Request) bool { return lists(r) && r.List.Limit < 0 }, failing(bucket.ErrRefused))), nil
	}
	r := examine(t, open, &doctor.Options{Full: true, NoLarge: true})
	if text := detail(t, r, "contract"); !slices.Equal(broken(r), []string{"contract"}) || strings.Contains(text, ";") ||
		!strings.Contains(text, "sentences of the contract hold, and these do not: a listing that cannot be is refused (") {
		t.Errorf("%q: %s", broken(r), text)
	}
}

func TestWhatCannotBeOpenedIsAnError(t *testing.T) {
	no := errors.New("no such thing")
	for name, run := range map[string]func() (*doctor.Report, error){
		"the first client": func() (*doctor.Report, error) {
			return doctor.Run(t.Context(), func(context.Context) (bucket.Bucket, error) { return nil, no }, nil)
		},
		"entropy": func() (*doctor.Report, error) {
			return doctor.Run(t.Context(), opener(mem.New(nil), nil), &doctor.Options{Entropy: io.MultiReader()})
		},
	} {
		if r, err := run(); r != nil || err == nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestAFindingIsOneObjectWithFiveFields(t *testing.T) {
	for verdict, want := range map[doctor.Verdict]string{doctor.Holds: "true", doctor.Broken: "false", doctor.Unknown: "null"} {
		line, err := json.Marshal(doctor.Finding{Check: "c", Holds: verdict, Needed: true, Detail: "d", Cost: "e"})
		if err != nil || string(line) != `{"check":"c","holds":`+want+`,"needed":true,"detail":"d","cost":"e"}` {
			t.Errorf("%s, %v", line, err)
		}
	}
}
