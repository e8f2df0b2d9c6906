package servers

import (
	"encoding/base64"
	"sync"

	"github.com/quivercache/quiver/op"
)

// credentials are those of every server of this process. They are drawn, so that a server that has taken another's port lets nobody in.
type credentials struct{ account, secret string }

// drawn also suits Azure: an account is 3 to 24 lower-case letters and digits.
var drawn = sync.OnceValue(func() credentials {
	return credentials{account: "quiver" + draw()[:16], secret: draw()}
})

// key is the secret as Azure wants it.
func (c credentials) key() string { return base64.StdEncoding.EncodeToString([]byte(c.secret)) }

func draw() string {
	id, err := op.NewID(op.SystemEntropy())
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return id
}
