package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/quivercache/quiver/signing"
)

// The variables with the keys that objects are signed with, or with the name of a file that has them.
const (
	keysVariable     = "QUIVER_SIGNING_KEYS"
	keysFileVariable = "QUIVER_SIGNING_KEYS_FILE"
)

// signingKeys reads the keys that objects are signed with; nil where none are wanted. What it says of them never shows one.
func (a *app) signingKeys() (*signing.Ring, error) {
	text, file := a.getenv(keysVariable), a.getenv(keysFileVariable)
	if text == "" && file == "" {
		return nil, nil
	}
	source := keysVariable
	if file != "" {
		if text != "" {
			return nil, usageError{errors.New(keysVariable + " and " + keysFileVariable + " are both set: give the keys in one of them")}
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", keysFileVariable, err)}
		}
		text, source = string(content), file
	}
	ring, err := signing.ParseKeys(text)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", source, err)}
	}
	return ring, nil
}

// signedText says for people which key an object is signed with, and what that is worth here; empty where it is not signed.
func signedText(key signing.KeyID, verified bool) string {
	switch {
	case key == (signing.KeyID{}):
		return ""
	case verified:
		return "key " + key.String() + ", verified"
	}
	return "key " + key.String() + ", not verified: no keys are given"
}

// signedJSON is the same for --json.
type signedJSON struct {
	Key      signing.KeyID `json:"key"`
	Verified bool          `json:"verified"`
}

func newSignedJSON(key signing.KeyID, verified bool) *signedJSON {
	if key == (signing.KeyID{}) {
		return nil
	}
	return &signedJSON{key, verified}
}
