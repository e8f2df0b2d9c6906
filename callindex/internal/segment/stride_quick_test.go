//go:build !soak

package segment_test

// stride is how many bytes lie between those that are damaged where each costs much.
const stride = 5
