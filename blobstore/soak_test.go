//go:build soak

package blobstore_test

import "testing"

func TestAGiBStreamsInLittleMemory(t *testing.T) { streamInLittleMemory(t, 1<<30) }
