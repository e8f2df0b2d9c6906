package doctor

import (
	"context"
	"errors"

	"github.com/quivercache/quiver/bucket"
)

const right = "rights/object" // that the checks of the rights work on

// rightChecks ask what the role may do.
func (x *examination) rightChecks() []check {
	return []check{
		{name: reach, needed: true, limit: briefly, run: x.reaches,
			cost: "nothing works: look at the name of the bucket, its region, the endpoint and the credentials"},
		{name: mayList, needed: true, limit: briefly, run: x.mayList,
			cost: "no queries, no short keys, no clean-up; and S3 then hides what is missing behind a 403"},
		{name: missing, needed: true, limit: briefly, run: x.missingKey,
			cost: "every miss looks like a refusal, so nothing is ever computed and saved"},
		{name: mayPut, needed: true, limit: briefly, run: x.mayPut,
			cost: "nothing is saved: this role can read, at the most"},
		{name: mayGet, needed: true, limit: briefly, run: x.mayGet,
			cost: "nothing is loaded: every call is computed again"},
		{name: "may-replace", needed: true, after: []string{mayPut, mayGet}, limit: briefly, run: x.mayReplace,
			cost: "damaged results do not heal, manifests cannot change: on GCS replacing takes the right to delete"},
		{name: mayDelete, needed: true, after: []string{mayPut}, limit: briefly, run: x.mayDelete,
			cost: "nothing can be evicted, and what is out of date is never collected"},
	}
}

// reaches asks for as little as it can. A role that may not list may still put; one that may do neither cannot be examined.
func (x *examination) reaches(ctx context.Context) (string, error) {
	_, err := x.clients[0].List(ctx, bucket.ListOptions{Limit: 1})
	if errors.Is(err, bucket.ErrRefused) {
		err = x.clients[0].Put(ctx, "rights/reach", bucket.Bytes(nil), bucket.IfAbsent())
	}
	if err != nil {
		return "", unreached{err}
	}
	return "the bucket is there, and answers this role", nil
}

func (x *examination) mayList(ctx context.Context) (string, error) {
	_, err := x.clients[1].List(ctx, bucket.ListOptions{Limit: 1})
	return "the role may list objects", err
}

// missingKey remembers how the store says that an object is not there, for the checks that wait for just that.
func (x *examination) missingKey(ctx context.Context) (string, error) {
	_, get := x.clients[0].Get(ctx, "rights/missing")
	_, stat := x.clients[1].Stat(ctx, "rights/missing")
	for _, err := range []error{get, stat} {
		switch {
		case err == nil:
			return "", unmetf("there is an object that nobody has written: rights/missing")
		case errors.Is(err, bucket.ErrRefused):
			x.missing = bucket.ErrRefused
			return "", unmetf("the store refuses to say that an object is missing: %s", err)
		case !errors.Is(err, bucket.ErrNotFound):
			return "", err
		}
	}
	return "a missing object is said to be missing, and not refused", nil
}

func (x *examination) mayPut(ctx context.Context) (string, error) {
	return "the role may create objects", create(ctx, x.clients[0], right, []byte("one"))
}

// mayGet reads what mayPut has made. Where it made nothing, the answer to the missing key tells.
func (x *examination) mayGet(ctx context.Context) (string, error) {
	const may = "the role may read objects"
	switch {
	case x.verdicts[mayPut] == Holds:
		_, err := holds(ctx, x.clients[1], right, []byte("one"))
		return may, err
	case x.verdicts[missing] == Holds:
		return may, nil
	}
	return "", untoldf("there is no object to read")
}

func (x *examination) mayReplace(ctx context.Context) (string, error) {
	info, err := x.clients[0].Stat(ctx, right)
	if err != nil {
		return "", err
	}
	if info.Version == "" {
		return "", unmetf("the store gives objects no version")
	}
	return "the role may replace objects", replace(ctx, x.clients[0], right, info.Version, []byte("two"))
}

func (x *examination) mayDelete(ctx context.Context) (string, error) {
	if err := x.clients[0].Delete(ctx, right); err != nil {
		return "", err
	}
	if x.verdicts[mayGet] == Holds {
		if err := x.gone(ctx, x.clients[1], right); err != nil {
			return "", err
		}
	}
	return "the role may delete objects here; a role may have other rights in other folders", nil
}
