package blobstore

import (
	"sync"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
)

// rememberedDamage is how many damaged objects a store remembers.
const rememberedDamage = 1024

// damageLog remembers which version of an object was seen damaged, so that the next save replaces just that. When it is full it forgets any of
// them, which stays damaged until it is loaded again.
type damageLog struct {
	mu       sync.Mutex
	versions map[digest.Digest]bucket.Version
}

func newDamageLog() *damageLog { return &damageLog{versions: map[digest.Digest]bucket.Version{}} }

func (l *damageLog) note(key digest.Digest, version bucket.Version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.versions) >= rememberedDamage {
		for other := range l.versions {
			delete(l.versions, other)
			break
		}
	}
	l.versions[key] = version
}

// seen is the version that was damaged; empty where none is known.
func (l *damageLog) seen(key digest.Digest) bucket.Version {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.versions[key]
}

// settle forgets a version that is known to be replaced or gone.
func (l *damageLog) settle(key digest.Digest, version bucket.Version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.versions[key] == version {
		delete(l.versions, key)
	}
}
