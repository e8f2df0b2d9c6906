//go:build soak

package quiver_test

const (
	patternsEach = 3 // corruptions of each byte
	cutsEvery    = 1 // bytes between two lengths that objects are cut at
)
