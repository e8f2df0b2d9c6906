package execution_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/cmd/quiver/internal/execution"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/keyspace"
)

func TestABriefErrorSaysWhyAndWhatToDo(t *testing.T) {
	d := digest.OfBytes([]byte("x"))
	short := d.String()[:12] + "…"
	name := "values/ab/" + d.String()
	written := &fs.PathError{Op: "write", Path: "/srv/.quiver/tmp/afc234d660c08a1682c99175a5672445", Err: syscall.ENOSPC}
	refused := func(err error) error {
		return &bucket.Error{Verb: bucket.Put, Key: name, Kind: bucket.ErrRefused, Hint: "make room", Err: err}
	}
	dialed := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for want, err := range map[string]error{
		"the store refused the request: no space left on device; make room":                              &keyspace.SaveError{Key: d, Err: &keyspace.SaveError{Key: d, Err: refused(errors.Join(written, nil))}},
		"the store refused the request: open /srv/values/ab/" + short + ": permission denied; make room": refused(&fs.PathError{Op: "open", Path: "/srv/" + name, Err: syscall.EACCES}),
		"the store refused the request; make room":                                                       errors.Join(refused(nil), errors.New("later")),
		"put values/ab/" + short + ": the store refused the request (AccessDenied, request 7): Access Denied; the role needs s3:PutObject": &bucket.Error{
			Verb: bucket.Put, Key: name, Kind: bucket.ErrRefused, Code: "AccessDenied, request 7", Err: errors.New("Access Denied"), Hint: "the role needs s3:PutObject"},
		"the store asks for fewer requests (SlowDown, request 7)": fmt.Errorf("opening: %w", &bucket.Error{Verb: bucket.Get, Key: name, Kind: bucket.ErrThrottled, Code: "SlowDown, request 7"}),
		"the store did not answer well: 4 attempts, the last one: dial tcp 127.0.0.1:9: connect: connection refused": &bucket.Error{Verb: bucket.Get, Key: name, Kind: bucket.ErrUnavailable,
			Err: fmt.Errorf("4 attempts, the last one: %w", dialed)},
		"the store did not answer well: late (context deadline exceeded)": &bucket.Error{Kind: bucket.ErrUnavailable, Err: fmt.Errorf("late (%w)", context.DeadlineExceeded)},
		"values/ab/" + short + " is damaged: it is cut: unexpected end; it is replaced when it is computed and saved again": fmt.Errorf("loading %s: %w", d,
			keyspace.Damaged(bucket.Info{Key: name}, errors.New("unexpected end"), "it is cut")),
		"value " + short + ": " + digest.ErrNotFound.Error(): fmt.Errorf("value %s: %w", d, digest.ErrNotFound),
		"a" + strings.Repeat("0", 64) + " stays":             errors.New("a" + strings.Repeat("0", 64) + " stays"),
	} {
		if got := execution.Brief(err); got != want {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
	}
}
