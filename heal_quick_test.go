//go:build !soak

package quiver_test

const (
	patternsEach = 1 // corruptions of each byte
	cutsEvery    = 5 // bytes between two lengths that objects are cut at
)
