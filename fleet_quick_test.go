//go:build !soak

package quiver_test

// fleetRecords is how many records each process of the fleet saves.
const fleetRecords = 1000
