package layout

import (
	"strings"

	"github.com/quivercache/quiver/digest"
)

// Format is the name of the object that says what the bucket is.
const Format = "quiver.json"

// The folders, each with its closing slash.
const (
	Values = "values/"
	Calls  = "calls/"
	Index  = "index/"
	Leases = "leases/"
)

// Keyspace is a folder of objects that are named by a digest: values, records, leases.
type Keyspace struct {
	folder string
	fanned bool   // a folder for each first two characters, inside
	suffix string // of a name
}

// The keyspaces of a bucket.
var (
	ValueSpace  = Keyspace{folder: Values, fanned: true}
	RecordSpace = Keyspace{folder: Calls, fanned: true, suffix: ".json"}
	LeaseSpace  = Keyspace{folder: Leases, suffix: ".json"}
)

// Name is the name of the object of a digest.
func (k Keyspace) Name(d digest.Digest) string { return k.stem(d.String()) + k.suffix }

// Prefix is what the names of all digests begin with that begin with so many hex characters, at least two where the keyspace is fanned.
func (k Keyspace) Prefix(hex string) string { return k.stem(hex) }

// Folder is what all names begin with.
func (k Keyspace) Folder() string { return k.folder }

func (k Keyspace) stem(hex string) string {
	if k.fanned {
		return k.folder + hex[:2] + "/" + hex
	}
	return k.folder + hex
}

// Parse returns the digest of a name that Name built.
func (k Keyspace) Parse(name string) (digest.Digest, bool) {
	hex, ok := strings.CutPrefix(name, k.folder)
	if !ok {
		return digest.Digest{}, false
	}
	if hex, ok = strings.CutSuffix(hex, k.suffix); !ok {
		return digest.Digest{}, false
	}
	if k.fanned {
		if len(hex) < 3 {
			return digest.Digest{}, false
		}
		hex = hex[3:]
	}
	d, err := digest.Parse(hex)
	if err != nil || k.Name(d) != name {
		return digest.Digest{}, false
	}
	return d, true
}
