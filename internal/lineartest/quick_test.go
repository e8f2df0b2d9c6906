//go:build !soak

package lineartest_test

// another says whether there is to be another history after so many.
func another(n int, _ uint64) bool { return n < 8 }
