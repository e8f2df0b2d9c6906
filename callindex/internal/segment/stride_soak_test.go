//go:build soak

package segment_test

const stride = 1
