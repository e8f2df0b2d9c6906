package signing

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ParseKeys reads a ring from text: keys in hex or base64 (either alphabet, padded or not), separated by commas or line breaks; the first signs. Empty lines and lines that begin
// with # are passed over. A text without a key is an error, and no error shows a key.
func ParseKeys(text string) (*Ring, error) {
	var words []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for word := range strings.SplitSeq(line, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	}
	keys := make([][]byte, len(words))
	for i, word := range words {
		var err error
		if keys[i], err = decode(word); err != nil {
			return nil, fmt.Errorf("signing key %d of %d %w: %s", i+1, len(words), err, hint)
		}
	}
	return NewRing(keys...)
}

// decode reads a key. What is made of hex digits alone is hex: a key that is cut short must not pass for a longer one in base64.
func decode(word string) ([]byte, error) {
	if strings.Trim(word, "0123456789abcdefABCDEF") == "" {
		key, err := hex.DecodeString(word)
		if err != nil {
			return nil, errors.New("has an odd number of hex digits")
		}
		return key, nil
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(word, "-_") {
		encoding = base64.RawURLEncoding
	}
	key, err := encoding.Strict().DecodeString(strings.TrimRight(word, "="))
	if err != nil {
		return nil, errors.New("is neither hex nor base64")
	}
	return key, nil
}
