//go:build !soak

package chaos_test

import "time"

// length is how long the torment lasts.
const length = 30 * time.Second
