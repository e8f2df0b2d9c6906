package cbor

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// zoned puts an instant into a zone. The location of the machine that has the name is taken where it agrees with the zone, so that its rules for other dates
// apply; else one that knows this zone alone.
func zoned(t time.Time, location, abbreviation string, offset int) (time.Time, error) {
	l := time.UTC
	if location != "UTC" {
		l = named(location)
	}
	if l != nil && l.String() == location {
		in := t.In(l)
		if a, o := in.Zone(); a == abbreviation && o == offset {
			return in, nil
		}
	}
	if location == abbreviation {
		return t.In(time.FixedZone(location, offset)), nil
	}
	single, err := lone(location, abbreviation, offset)
	if err != nil {
		return t, fmt.Errorf("the zone %s of %s: %w", abbreviation, location, err)
	}
	return t.In(single), nil
}

// locations keeps what time.LoadLocation found, which it reads from a file each time.
var locations struct {
	sync.Mutex
	byName map[string]*time.Location
}

const maxLocations = 1024 // more than there are

// named is the machine's location of a name, as of Local; nil where it has none.
func named(name string) *time.Location {
	locations.Lock()
	defer locations.Unlock()
	l, known := locations.byName[name]
	if !known {
		l, _ = time.LoadLocation(name) // refuses names that lead out of its folder
		if len(locations.byName) >= maxLocations || locations.byName == nil {
			locations.byName = map[string]*time.Location{}
		}
		locations.byName[name] = l
	}
	return l
}

// lone makes a location with a single zone, of another name than its own. Only the time zone file format (RFC 8536) can say that.
func lone(name, abbreviation string, offset int) (*time.Location, error) {
	data := append([]byte("TZif"), make([]byte, 16)...)
	for _, count := range []uint32{0, 0, 0, 0, 1, uint32(len(abbreviation) + 1)} { // UT and standard indicators, leap seconds, transitions; types, characters
		data = binary.BigEndian.AppendUint32(data, count)
	}
	data = binary.BigEndian.AppendUint32(data, uint32(int32(offset)))
	data = append(data, 0, 0) // no daylight saving; the abbreviation begins at the first character
	data = append(append(data, abbreviation...), 0)
	return time.LoadLocationFromTZData(name, data)
}
