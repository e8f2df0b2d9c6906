package failures_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/integration/lossy"
)

// cuts are after how many bytes the answers to a read are cut, one after another: each takes up where the one before was cut.
var cuts = [][]int64{
	{},
	{0},
	{1},
	{100_000},
	{299_999},
	{1, 1, 1, 1, 1},
	{0, 0, 0, 0}, // four times in a row nothing may come
	{70_000, 0, 0, 1, 0, 0, 0, 100_000},
}

func TestABodyThatIsCutIsReadWholeByOneRequestMoreForEachCut(t *testing.T) {
	const key, size = "cut/object", 300_000
	everywhere(t, func(t *testing.T, at place) {
		must(t, at.open(t, bucket.RetryOptions{}).Put(t.Context(), key, bucket.Bytes(content(key, size)), bucket.IfAbsent()))
		for _, after := range cuts {
			t.Run(fmt.Sprint(after), func(t *testing.T) {
				t.Parallel()
				var script []lossy.Fault
				for i, bytes := range after {
					script = append(script, lossy.Fault{Method: http.MethodGet, Nth: i + 1, Do: lossy.Cut(bytes)})
				}
				proxy := lossy.Start(at.server.Address, script...)
				t.Cleanup(proxy.Close)
				got, err := readAll(at.through(proxy.Address).open(t, bucket.RetryOptions{}).Get(t.Context(), key))
				must(t, unless(err, func() error { return same(got, content(key, size)) }))
				if requests := proxy.Requests(); len(requests) != 1+len(after) {
					t.Errorf("%d requests for %d cuts:\n%s", len(requests), len(after), strings.Join(requests, "\n"))
				}
				proxy.Done(t)
			})
		}
	})
}

func TestABodyThatIsCutOverAndOverAgainWithoutAByteIsAClearError(t *testing.T) {
	const key = "cut/object"
	everywhere(t, func(t *testing.T, at place) {
		must(t, at.open(t, bucket.RetryOptions{}).Put(t.Context(), key, bucket.Bytes(content(key, 1000)), bucket.IfAbsent()))
		var script []lossy.Fault
		for i := range 5 {
			script = append(script, lossy.Fault{Method: http.MethodGet, Nth: i + 1, Do: lossy.Cut(0)})
		}
		proxy := lossy.Start(at.server.Address, script...)
		t.Cleanup(proxy.Close)
		_, err := readAll(at.through(proxy.Address).open(t, bucket.RetryOptions{}).Get(t.Context(), key))
		isUnavailable(t, "get", err, key)
		if requests := proxy.Requests(); len(requests) != len(script) {
			t.Errorf("%d requests:\n%s", len(requests), strings.Join(requests, "\n"))
		}
		proxy.Done(t)
	})
}
