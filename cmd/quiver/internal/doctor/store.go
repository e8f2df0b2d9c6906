package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quivercache/quiver/bucket"
)

// storeChecks ask for what a store is like, apart from the contract.
func (x *examination) storeChecks() []check {
	return []check{
		{name: "clock-skew", needed: true, after: []string{mayList}, limit: briefly, run: x.clockSkew,
			cost: "services refuse signatures that are minutes off, and a record can land after its mark was taken: no query would find it"},
		{name: "latency", after: []string{mayPut, mayGet}, limit: usually, run: x.latency,
			cost: "every hit waits for a request, a save for two in turn: run the jobs in the bucket's region"},
		{name: "region", limit: briefly, run: x.region,
			cost: "traffic between regions is slow and is paid for"},
		{name: "versioning", limit: briefly, run: x.versioning,
			cost: "every save writes a mark and removes it later: each stays as a version that is paid for, and slows listings down"},
	}
}

// mostSkew is how far the clocks may differ: see the page of this package.
const mostSkew = 5 * time.Minute

// clockSkew compares the date of an answer with the middle of the time in which it came, by the quickest of a few.
func (x *examination) clockSkew(ctx context.Context) (string, error) {
	var skew, quickest time.Duration
	for n := range steps {
		asked := x.Clock.Now()
		page, err := x.clients[0].List(ctx, bucket.ListOptions{Limit: 1})
		took := x.Clock.Now().Sub(asked)
		if err != nil {
			return "", err
		}
		if page.Date.IsZero() {
			return "", untoldf("the store does not tell the time with a listing: to fold, Quiver reads it off an object that it writes")
		}
		if n == 0 || took < quickest {
			skew, quickest = page.Date.Sub(asked.Add(took/2)), took
		}
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	said := fmt.Sprintf("the store's clock is %s %s this machine's", skew.Abs().Round(time.Second), direction)
	const rounding = time.Second // the date of an answer has whole ones
	switch off := skew.Abs() - quickest/2 - rounding; {
	case off > mostSkew:
		return "", unmetf("%s, more than %s", said, mostSkew)
	case off <= 0:
		said = "the store's clock and this machine's agree"
	}
	return said, x.oneClock(ctx)
}

// oneClock demands that an object that was just written is so by the store's own reckoning: the age of marks is told from that.
func (x *examination) oneClock(ctx context.Context) error {
	if x.verdicts[mayPut] != Holds || x.verdicts[mayGet] != Holds {
		return nil
	}
	begun := x.Clock.Now()
	if err := create(ctx, x.clients[0], "clock/object", nil); err != nil {
		return err
	}
	info, err := x.clients[0].Stat(ctx, "clock/object")
	if err != nil {
		return err
	}
	page, err := x.clients[0].List(ctx, bucket.ListOptions{Prefix: "clock/", Limit: 1})
	if err != nil {
		return err
	}
	const rounding = 2 * time.Second
	if age := page.Date.Sub(info.ModTime); age < -rounding || age > x.Clock.Now().Sub(begun)+rounding {
		return unmetf("the store says of an object that was just written that it is %s old", age.Round(time.Second))
	}
	return nil
}

const (
	samples = 100 // of each kind of request
	far     = 100 * time.Millisecond
)

// latency takes small requests one after another.
func (x *examination) latency(ctx context.Context) (string, error) {
	content, err := x.content(1 << 10)
	if err != nil {
		return "", err
	}
	var puts, gets []time.Duration
	for n := range samples {
		key := fmt.Sprintf("latency/%d", n)
		begun := x.Clock.Now()
		if err := create(ctx, x.clients[0], key, content); err != nil {
			return "", err
		}
		put := x.Clock.Now()
		if _, err := holds(ctx, x.clients[0], key, content); err != nil {
			return "", err
		}
		puts, gets = append(puts, put.Sub(begun)), append(gets, x.Clock.Now().Sub(put))
	}
	median := quantile(gets, 50)
	detail := fmt.Sprintf("1 KiB is read in %s (median; p99 %s) and written in %s (p99 %s), of %d each", rounded(median), rounded(quantile(gets, 99)),
		rounded(quantile(puts, 50)), rounded(quantile(puts, 99)), samples)
	if median > far {
		return "", unmetf("%s: the bucket is far from here", detail)
	}
	return detail, nil
}

// quantile is the smallest of some durations that so many per cent do not exceed.
func quantile(of []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)*percent+99)/100-1]
}

// rounded is a duration to about two digits.
func rounded(d time.Duration) time.Duration {
	for unit := time.Nanosecond; ; unit *= 10 {
		if d < 100*unit {
			return d.Round(unit)
		}
	}
}

// describe asks a bare client of its own, since a description is about no object.
func (x *examination) describe(ctx context.Context) (bucket.Description, error) {
	b, err := x.open(ctx)
	if err != nil {
		return bucket.Description{}, err
	}
	defer b.Close()
	describer, ok := bucket.As[bucket.Describer](b)
	if !ok {
		return bucket.Description{}, untoldf("a store of this kind does not tell")
	}
	d, err := describer.Describe(ctx)
	if err != nil && !outage(err) {
		return bucket.Description{}, untoldf("the store does not tell: %w", err)
	}
	return d, err
}

func (x *examination) region(ctx context.Context) (string, error) {
	d, err := x.describe(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s at %s, region %s", cmp.Or(d.Service, "the store"), cmp.Or(d.Endpoint, "its usual endpoint"), cmp.Or(d.Region, "untold")), nil
}

func (x *examination) versioning(ctx context.Context) (string, error) {
	d, err := x.describe(ctx)
	switch {
	case err != nil:
		return "", err
	case d.Untold != nil:
		return "", untoldf("the store does not tell: %s", d.Untold)
	}
	var kept []string
	if d.Versioning != "" {
		kept = append(kept, "versioning is "+d.Versioning)
	}
	if d.SoftDelete > 0 {
		kept = append(kept, fmt.Sprintf("deleted objects stay for %s", d.SoftDelete))
	}
	if len(kept) > 0 {
		return "", unmetf("%s", strings.Join(kept, ", and "))
	}
	return "what is deleted is gone: neither versioning nor soft delete", nil
}
