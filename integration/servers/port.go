package servers

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/quivercache/quiver/op"
)

// Ports are taken below the range that systems take the ports of outgoing connections from: so a server's stays free while the server is down.
const firstPort, lastPort = 20000, 32000

// freePort finds a port that nobody listens at.
func freePort() (string, error) {
	for range 100 {
		var number [2]byte
		if _, err := io.ReadFull(op.SystemEntropy(), number[:]); err != nil {
			return "", err
		}
		port := strconv.Itoa(firstPort + int(binary.BigEndian.Uint16(number[:]))%(lastPort-firstPort))
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, listener.Close()
		}
	}
	return "", fmt.Errorf("no port from %d to %d is free", firstPort, lastPort)
}
