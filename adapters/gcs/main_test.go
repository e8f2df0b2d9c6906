package gcs_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	os.Unsetenv("STORAGE_EMULATOR_HOST")
	os.Setenv("GCE_METADATA_HOST", "127.0.0.1:1") // no test asks a machine for its role
	goleak.VerifyTestMain(m)
}
