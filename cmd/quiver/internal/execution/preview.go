package execution

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	commandPreview  = 500  // bytes of the command line in a record
	argumentPreview = 1024 // bytes of everything else that a record repeats of it
	cut             = "…"
)

// preview returns the words as a shell would take them, on one line that people can read, in so many bytes at the most.
func preview(words []string, limit int) string {
	var line strings.Builder
	for i, word := range words {
		if i > 0 {
			line.WriteByte(' ')
		}
		quote(&line, word)
		if line.Len() > limit {
			break
		}
	}
	return shorten(line.String(), limit)
}

// shorten cuts a text, visibly, to so many bytes.
func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(cut), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cut
}

// plain are the characters, besides letters and digits, that mean nothing to a shell.
const plain = "-_./:=@%+,^"

// quote writes a word as a shell would take it. Control characters and bytes that are no text are escaped.
func quote(line *strings.Builder, word string) {
	special, control := word == "", !utf8.ValidString(word)
	for _, r := range word {
		control = control || !unicode.IsPrint(r)
		special = special || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(plain, r)
	}
	switch {
	case control:
		line.WriteString("$'")
		for len(word) > 0 {
			r, size := utf8.DecodeRuneInString(word)
			switch {
			case r == utf8.RuneError && size == 1, !unicode.IsPrint(r):
				for _, b := range []byte(word[:size]) {
					fmt.Fprintf(line, `\x%02x`, b)
				}
			case r == '\'' || r == '\\':
				line.WriteString(`\` + word[:size])
			default:
				line.WriteString(word[:size])
			}
			word = word[size:]
		}
		line.WriteByte('\'')
	case special:
		line.WriteString("'" + strings.ReplaceAll(word, "'", `'\''`) + "'")
	default:
		line.WriteString(word)
	}
}
