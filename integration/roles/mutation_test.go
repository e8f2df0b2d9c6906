package roles_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mutation is a change of a role's policy, and the errands by which the trial notices it.
type mutation struct {
	name    string
	role    role
	change  func(d *document)
	noticed []string
}

// mutations take rights away, and give others.
var mutations = []mutation{
	{"a writer without quiver.json", writer, withoutFolder("quiver.json"), []string{"save first"}}, // while there is no store yet
	{"a reader without s3:ListBucket", reader, without("List"), []string{"miss a call", "miss a value", "contains nothing", "query", "ls", "check"}},
	{"a writer without s3:ListBucket", writer, without("List"), []string{"call a function"}},
	{"a reader without s3:GetObject", reader, without("Read"), []string{"load a call", "load a value", "contains"}},
	{"a reader who lists what is right under the prefix alone", reader, func(d *document) {
		d.of("List").Condition["StringLike"]["s3:prefix"] = []string{"team-b/deep/"}
	}, []string{"miss a call", "expand"}},
	{"a writer without leases/", writer, withoutFolder("leases/"), []string{"call a function once", "prepare and commit", "break a lease"}},
	{"a writer without index/", writer, withoutFolder("index/"), []string{"save a call", "save calls together", "call a function"}},
	{"a writer without calls/", writer, withoutFolder("calls/"), []string{"save a call", "replace a call"}},
	{"a writer without values/", writer, withoutFolder("values/"), []string{"save a value", "upload 20 MiB", "keep an old value"}},
	{"a writer who cannot abort uploads", writer, func(d *document) { d.of("Write").Action = []string{"s3:PutObject"} }, []string{"upload in vain", "abort an upload"}},
	{"a writer without the doctor's folder", writer, without("Doctor"), []string{"delete what the doctor wrote"}},
	{"a janitor without s3:DeleteObject", janitor, without("Delete"), []string{"evict a call", "evict a value", "fold", "sweep", "remove garbage", "remove a lease"}},

	{"a reader who may write", reader, grant("s3:PutObject", "team-b/deep/*"), []string{"save a value", "break a lease", "fold"}},
	{"a writer who may delete", writer, grant("s3:DeleteObject", "team-b/deep/*"), []string{"evict a call", "evict a value", "fold", "remove a lease", "delete many objects"}},
	{"a writer who may delete values", writer, grant("s3:DeleteObject", "team-b/deep/values/*"), []string{"evict a value"}},
}

// trespasses are mutations of what keeps a domain to its prefix, team-a.
var trespasses = []mutation{
	{"a reader who lists all", reader, func(d *document) { d.of("List").Condition = nil }, []string{"list theirs", "list all", "list their folders"}},
	{"a reader of what begins with the prefix", reader, grant("s3:GetObject", "team-a*"), []string{"get what begins like one's own"}},
	{"a reader of all", reader, grant("s3:GetObject", "*"), []string{"get theirs", "get a range of theirs", "look at theirs"}},
	{"a writer of the whole prefix", writer, grant("s3:PutObject", "team-a/*"), []string{"write beside the store's folders", "write in a folder that the store has not"}},
	{"a writer of all", writer, grant("s3:PutObject", "*"), []string{"create theirs", "replace theirs", "write at the root of the bucket"}},
	{"a janitor of all", janitor, grant("s3:DeleteObject", "*"), []string{"remove theirs", "remove many of theirs", "remove what the doctor wrote for them"}},
}

// without leaves a statement out.
func without(sid string) func(d *document) {
	return func(d *document) {
		d.Statement = slices.DeleteFunc(d.Statement, func(s *statement) bool { return s.Sid == sid })
	}
}

// withoutFolder leaves out what may be written under a name of the stores.
func withoutFolder(name string) func(d *document) {
	return func(d *document) {
		s := d.of("Write")
		s.Resource = slices.DeleteFunc(s.Resource, func(resource string) bool { return strings.HasSuffix(strings.TrimSuffix(resource, "*"), "/"+name) })
	}
}

// grant adds an action on some keys of the bucket.
func grant(action, keys string) func(d *document) {
	return func(d *document) {
		bucket, _, _ := strings.Cut(d.of("Read").Resource[0], "/")
		d.Statement = append(d.Statement, &statement{Sid: "Mutation", Effect: "Allow", Action: []string{action}, Resource: []string{bucket + "/" + keys}})
	}
}

func TestTheTrialNoticesRightsThatAreMissingOrTooMany(t *testing.T) {
	t.Parallel()
	t.Run("in a store", func(t *testing.T) {
		t.Parallel()
		noticing(t, found(t), prefixed, mutations, append(errands(prefixed), firstSave))
	})
	t.Run("beside it", func(t *testing.T) {
		t.Parallel()
		noticing(t, neighbours(t), place{domain: []string{"team-a"}}, trespasses, abroad())
	})
}

// noticing changes policies, one at a time, and tries what should then go wrong.
func noticing(t *testing.T, d *domain, at place, changes []mutation, errands []errand) {
	t.Helper()
	rendered := render(t, d.bucket, at.domain...)
	policies := map[string]string{}
	for _, m := range changes {
		policies[m.name] = mutated(t, rendered[m.role], m.change)
	}
	users := admit(t, d.server, policies)
	for _, m := range changes {
		t.Run(m.name, func(t *testing.T) {
			changed := &domain{d.server, d.bucket, map[role]user{root: d.users[root], m.role: users[m.name]}}
			v := changed.visit(t, m.role, at)
			for _, name := range m.noticed {
				i := slices.IndexFunc(errands, func(e errand) bool { return e.name == name })
				if i < 0 {
					t.Fatalf("there is no errand %q", name)
				}
				err := v.try(t, errands[i])
				if err == nil {
					t.Errorf("%q goes as if nothing had changed", name)
				}
				t.Log(fmt.Sprint(name, ": ", err))
			}
		})
	}
}
