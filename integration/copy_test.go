package integration_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quivercache/quiver"
	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/callindex"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/integration/servers"
	"github.com/quivercache/quiver/op"
)

// metered is a store whose requests are counted.
type metered struct {
	*quiver.Store
	url   string
	meter *bucket.Meter
}

// openMetered opens the store of a URL.
func openMetered(t *testing.T, url string) metered {
	t.Helper()
	meter := bucket.NewMeter(op.SystemClock())
	s, err := quiver.New(t.Context(), bucket.Wrap(open(t, url), bucket.Observe(meter)), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return metered{s, url, meter}
}

// since is what was counted since an earlier count: the requests of a verb, and the bytes of all.
func (m metered) since(before map[bucket.Verb]bucket.Usage) (requests map[bucket.Verb]int64, traffic int64) {
	requests = map[bucket.Verb]int64{}
	for verb, u := range m.meter.Usage() {
		if n := u.Requests - before[verb].Requests; n > 0 {
			requests[verb] = n
		}
		traffic += u.Sent + u.Received - before[verb].Sent - before[verb].Received
	}
	return requests, traffic
}

const (
	smallValue = 300
	largeValue = 3 << 20
)

// values are what the calls of these tests have for arguments and results; they cannot be compressed.
var values = func() [][]byte {
	random := rand.NewChaCha8([32]byte{5})
	var made [][]byte
	for _, size := range []int{smallValue, smallValue, largeValue} {
		value := make([]byte, size)
		_, _ = random.Read(value) // which never fails
		made = append(made, value)
	}
	return made
}()

// fill saves a call that has a small result, and one that has a large one, of a small argument.
func fill(t *testing.T, s metered) {
	t.Helper()
	var keys []digest.Digest
	for _, value := range values {
		key, err := s.Values.SaveBytes(t.Context(), value)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	for name, result := range map[string]digest.Digest{"small": keys[1], "large": keys[2]} {
		r := &quiver.Record{Call: quiver.Call{Name: name, Arguments: []callindex.Argument{{Name: "x", Digest: keys[0]}}}, Result: result}
		if _, err := s.Calls.Save(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// transfer copies all calls, and says what that took of both stores.
func transfer(t *testing.T, from, to metered, want quiver.Transfer) (requests map[bucket.Verb]int64, traffic int64) {
	t.Helper()
	source, target := from.meter.Usage(), to.meter.Usage()
	got, err := from.Query(quiver.Query{}).Transfer(t.Context(), to.Store, &quiver.TransferOptions{ByServer: true})
	if err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	_, read := from.since(source)
	requests, written := to.since(target)
	return requests, read + written
}

// has says whether a store has all that fill saves.
func has(t *testing.T, s metered) {
	t.Helper()
	n := 0
	for r, err := range s.Query(quiver.Query{}).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		key, err := r.Key()
		if err != nil {
			t.Fatal(err)
		}
		if loaded, err := s.Calls.Load(t.Context(), key); err != nil || loaded.Result != r.Result || !loaded.Saved.Equal(r.Saved) {
			t.Errorf("the call %s is %+v, %v", r.Name, loaded, err)
		}
	}
	if n != 2 {
		t.Errorf("there are %d calls", n)
	}
	for _, value := range values {
		key, err := digest.Of(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Values.LoadBytes(t.Context(), key, 1<<30); err != nil || !bytes.Equal(got, value) {
			t.Errorf("the value of %d bytes has %d: %v", len(value), len(got), err)
		}
	}
}

// copies says which servers copy by themselves.
var copies = map[servers.Product]bool{servers.MinIO: true, servers.Versitygw: true, servers.FakeGCS: true, servers.Azurite: false}

// TestATransferLetsTheServerCopyWhatIsLarge goes from one prefix to another of a bucket, and on to another bucket.
func TestATransferLetsTheServerCopyWhatIsLarge(t *testing.T) {
	for _, which := range servers.Products() {
		t.Run(which.String(), func(t *testing.T) {
			s := shared(t, which)
			made, err := s.NewBucket(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			stores := map[string]metered{}
			for name, url := range map[string]string{"first": s.URL(made.Name + "/one/project"), "another prefix": s.URL(made.Name + "/two"), "another bucket": fresh(t, s, "three")} {
				stores[name] = openMetered(t, url+extras[which].parameter)
			}
			from := stores["first"]
			fill(t, from)
			for _, name := range []string{"another prefix", "another bucket"} {
				to := stores[name]
				requests, traffic := transfer(t, from, to, quiver.Transfer{Seen: 2, Copied: 2})
				if byServer := traffic < largeValue/8; byServer != copies[which] || requests[bucket.Copy] != 1 {
					t.Errorf("to %s: %d bytes were sent and received, by the requests %v", name, traffic, requests)
				}
				has(t, to)
				requests, _ = transfer(t, from, to, quiver.Transfer{Seen: 2, Present: 2})
				if requests[bucket.Copy]+requests[bucket.Put] > 0 {
					t.Errorf("to %s, once more: the requests are %v", name, requests)
				}
			}
			located(t, from, which)
		})
	}
}

// located holds that a snapshot of a store says where its files are as other tools want it.
func located(t *testing.T, s metered, which servers.Product) {
	t.Helper()
	if _, err := s.Calls.Fold(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	files, err := s.Calls.Snapshot(t.Context())
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	root, _, _ := strings.Cut(s.url, "?")
	for _, f := range files {
		if want := root + "/" + f.Name; f.Location.String() != want || f.Location.Service == "" {
			t.Errorf("%s has the file %s, and not %s", which, f.Location, want)
		}
	}
}

// TestATransferBetweenTwoServersGoesThroughThisMachine asks neither of them to copy.
func TestATransferBetweenTwoServersGoesThroughThisMachine(t *testing.T) {
	from := openMetered(t, fresh(t, shared(t, servers.MinIO), "one"))
	to := openMetered(t, fresh(t, shared(t, servers.Azurite), "two")+extras[servers.Azurite].parameter)
	fill(t, from)
	requests, traffic := transfer(t, from, to, quiver.Transfer{Seen: 2, Copied: 2})
	if requests[bucket.Copy] > 0 || traffic < 2*largeValue {
		t.Errorf("%d bytes were sent and received, by the requests %v", traffic, requests)
	}
	has(t, to)
	if requests, _ := transfer(t, from, to, quiver.Transfer{Seen: 2, Present: 2}); requests[bucket.Put] > 0 {
		t.Errorf("once more: the requests are %v", requests)
	}
}
