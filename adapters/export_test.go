package adapters

import (
	"net"

	"github.com/quivercache/quiver/op"
)

// What tests must know of the inside.
const (
	AtOnce   = atOnce
	Patience = patience
)

// Impatient is a connection as the clients of this package have it.
func Impatient(conn net.Conn, clock op.Clock) net.Conn { return impatient{conn, clock} }
