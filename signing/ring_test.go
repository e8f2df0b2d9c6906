package signing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/signing"
)

const storeID = "00112233445566778899aabbccddeeff"

// secret is a key of 32 bytes that looks as if drawn at random.
func secret(n int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "key %d", n))
	return sum[:]
}

func ring(t testing.TB, keys ...int) *signing.Ring {
	t.Helper()
	secrets := make([][]byte, len(keys))
	for i, n := range keys {
		secrets[i] = secret(n)
	}
	r, err := signing.NewRing(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestHMACsAreAsSpecified pins values that another implementation of docs/format.md computed.
func TestHMACsAreAsSpecified(t *testing.T) {
	ascending := make([]byte, 32)
	for i := range ascending {
		ascending[i] = byte(i)
	}
	r, err := signing.NewRing(ascending)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.ID().String(); got != "638bb16b2d8d75e3" {
		t.Errorf("the id of the key is %s", got)
	}
	key := digest.Digest(sha256.Sum256(nil))
	for _, c := range []struct {
		kind    signing.Kind
		content string
		want    string
	}{
		{signing.Value, "", "bf8ef06018f26526a11f16091dfa5c0b4b18a675bb713f1d8ec1a727b4c30e44"},
		{signing.Record, "content", "f41dd266fa7d40e8198bef8a834c1d9c7091779f6bfeea68cb95598f9f4f4683"},
	} {
		mac := r.Sign(signing.Message{Kind: c.kind, Store: storeID, Key: key, Content: []byte(c.content)})
		if got := hex.EncodeToString(mac.Sum[:]); got != c.want || mac.Key != r.ID() {
			t.Errorf("%s %q: %s by %s", c.kind, c.content, got, mac.Key)
		}
	}
}

var anyMessage = rapid.Custom(func(t *rapid.T) signing.Message {
	text := rapid.StringN(0, 3, 12) // short, so that parts run into each other if they can
	return signing.Message{
		Kind:    signing.Kind(text.Draw(t, "kind")),
		Store:   text.Draw(t, "store"),
		Key:     digest.Digest{rapid.Byte().Draw(t, "key")},
		Content: []byte(text.Draw(t, "content")),
	}
})

// TestNoTwoMessagesShareAnHMAC: whatever is moved from one part to another, the outcome is another.
func TestNoTwoMessagesShareAnHMAC(t *testing.T) {
	r := ring(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		one, other := anyMessage.Draw(t, "one"), anyMessage.Draw(t, "other")
		same := one.Kind == other.Kind && one.Store == other.Store && one.Key == other.Key && bytes.Equal(one.Content, other.Content)
		if err := r.Verify(other, r.Sign(one)); same != (err == nil) {
			t.Errorf("%+v signed, %+v verified: %v", one, other, err)
		}
	})
	m := signing.Message{Kind: "value", Store: "store", Content: []byte("content")}
	moved := signing.Message{Kind: "values", Store: "tore", Content: []byte("content")}
	if err := r.Verify(moved, r.Sign(m)); !errors.Is(err, signing.ErrWrong) {
		t.Errorf("a byte moved from one part to the next: %v", err)
	}
}

func TestEveryFlippedBitOfAnHMACIsRefused(t *testing.T) {
	r, m := ring(t, 1, 2), signing.Message{Kind: signing.Value, Store: storeID}
	for i := range sha256.Size * 8 {
		mac := r.Sign(m)
		mac.Sum[i/8] ^= 1 << (i % 8)
		if err := r.Verify(m, mac); !errors.Is(err, signing.ErrWrong) {
			t.Fatalf("bit %d: %v", i, err)
		}
	}
	for i := range len(signing.KeyID{}) * 8 {
		mac := r.Sign(m)
		mac.Key[i/8] ^= 1 << (i % 8)
		if err := r.Verify(m, mac); !errors.Is(err, signing.ErrUnknownKey) {
			t.Fatalf("bit %d of the key's id: %v", i, err)
		}
	}
}

// TestKeysAreChangedWithoutAGap goes through a change of keys, step by step, with a fleet of which half is a step behind.
func TestKeysAreChangedWithoutAGap(t *testing.T) {
	m := signing.Message{Kind: signing.Record, Store: storeID, Content: []byte("{")}
	steps := []*signing.Ring{ring(t, 1), ring(t, 1, 2), ring(t, 2, 1), ring(t, 2)}
	for i := range steps[1:] {
		for _, pair := range [][2]*signing.Ring{{steps[i], steps[i+1]}, {steps[i+1], steps[i]}} {
			if err := pair[1].Verify(m, pair[0].Sign(m)); err != nil {
				t.Errorf("between step %d and the next: %v", i, err)
			}
		}
	}
	if err := steps[3].Verify(m, steps[0].Sign(m)); !errors.Is(err, signing.ErrUnknownKey) {
		t.Errorf("a key that was taken out: %v", err)
	}
	if steps[1].ID() != steps[0].ID() || steps[2].ID() == steps[1].ID() {
		t.Error("it is not the first key that signs")
	}
	// The id of one key on the HMAC of another is no way in.
	mixed := signing.MAC{Key: steps[3].ID(), Sum: steps[0].Sign(m).Sum}
	if err := steps[1].Verify(m, mixed); !errors.Is(err, signing.ErrWrong) {
		t.Errorf("an HMAC under the id of another key: %v", err)
	}
}

func TestARefusalNamesTheKeyAndTheReason(t *testing.T) {
	err := ring(t, 1).Verify(signing.Message{}, ring(t, 2).Sign(signing.Message{}))
	refusal, ok := errors.AsType[*signing.Refusal](err)
	if !ok || refusal.Key != ring(t, 2).ID() || !strings.Contains(err.Error(), refusal.Key.String()) {
		t.Error(err)
	}
}

func TestKeysThatCanBeGuessedAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		keys [][]byte
		want string
	}{
		"none":    {nil, "there is no signing key"},
		"empty":   {[][]byte{{}}, "signing key 1 of 1 has 0 bytes"},
		"short":   {[][]byte{secret(1), secret(2)[:31]}, "signing key 2 of 2 has 31 bytes, not at least 32"},
		"zeros":   {[][]byte{make([]byte, 32)}, "only 1 different bytes"},
		"repeats": {[][]byte{bytes.Repeat([]byte("changeme"), 8)}, "only 7 different bytes"},
	} {
		_, err := signing.NewRing(c.keys...)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "openssl rand -hex 32") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARingKeepsItsOwnCopyOfAKey(t *testing.T) {
	own := secret(1)
	r, err := signing.NewRing(own)
	if err != nil {
		t.Fatal(err)
	}
	clear(own)
	if err := ring(t, 1).Verify(signing.Message{}, r.Sign(signing.Message{})); err != nil {
		t.Error(err)
	}
}

// TestNothingPrintsAKey formats a ring in every way there is.
func TestNothingPrintsAKey(t *testing.T) {
	r := ring(t, 1)
	var text strings.Builder
	for _, holder := range []any{r, *r, struct{ r signing.Ring }{*r}, &signing.Signer{Ring: r}} {
		for _, verb := range "vsqxXdobcUtpeEfgG" {
			for _, flag := range []string{"", "+", "#", "# "} {
				fmt.Fprintf(&text, "%"+flag+string(verb)+"\n", holder)
			}
		}
	}
	for _, spelling := range []string{"%x", "%X", "%q", "%d", "%o", "%b", "%v", "% x", "%#x", "%s"} {
		for _, n := range []int{6, 32} { // whole, and its first bytes
			if form := strings.Trim(fmt.Sprintf(spelling, secret(1)[:n]), "[]\""); strings.Contains(text.String(), form) {
				t.Errorf("the key is shown as %s", spelling)
			}
		}
	}
}

// TestHMACsAreComparedInConstantTime reads the source, since no test can measure it: the sums meet in hmac.Equal and nowhere else.
func TestHMACsAreComparedInConstantTime(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "ring.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var compared []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && strings.Contains(f.Sel.Name, "Equal") || ok && strings.Contains(f.Sel.Name, "Compare") {
				compared = append(compared, f.X.(*ast.Ident).Name+"."+f.Sel.Name)
			}
		case *ast.BinaryExpr:
			for _, side := range []ast.Expr{n.X, n.Y} {
				if s, ok := side.(*ast.SelectorExpr); ok && s.Sel.Name == "Sum" {
					compared = append(compared, n.Op.String())
				}
			}
		}
		return true
	})
	if !slices.Equal(compared, []string{"hmac.Equal"}) {
		t.Errorf("HMACs are compared by %v", compared)
	}
}

func TestKeysAreReadFromText(t *testing.T) {
	hexOf := func(n int) string { return hex.EncodeToString(secret(n)) }
	std, url := base64.StdEncoding.EncodeToString(secret(1)), base64.URLEncoding.EncodeToString(secret(1))
	for name, c := range map[string]struct {
		text string
		keys []int
	}{
		"hex":                {hexOf(1), []int{1}},
		"hex in upper case":  {strings.ToUpper(hexOf(1)), []int{1}},
		"base64":             {std, []int{1}},
		"base64 not padded":  {strings.TrimRight(std, "="), []int{1}},
		"base64 of URLs":     {url, []int{1}},
		"commas":             {hexOf(1) + "," + hexOf(2) + ", " + hexOf(3), []int{1, 2, 3}},
		"lines":              {hexOf(2) + "\n" + std + "\n", []int{2, 1}},
		"lines of Windows":   {hexOf(2) + "\r\n\r\n" + hexOf(1) + "\r\n", []int{2, 1}},
		"comments":           {"# since May, and before:\n\n " + hexOf(2) + " \n  # old, gone\n" + hexOf(1), []int{2, 1}},
		"a comma at the end": {hexOf(1) + ",\n", []int{1}},
		"the same twice":     {hexOf(1) + "," + std, []int{1}},
	} {
		got, err := signing.ParseKeys(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.ID() != ring(t, c.keys[0]).ID() {
			t.Errorf("%s: another key signs", name)
		}
		for _, n := range c.keys {
			if err := got.Verify(signing.Message{}, ring(t, n).Sign(signing.Message{})); err != nil {
				t.Errorf("%s: key %d: %v", name, n, err)
			}
		}
	}
}

func TestMalformedKeysAreRefusedWithoutBeingShown(t *testing.T) {
	good := hex.EncodeToString(secret(1))
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                   {"", "there is no signing key"},
		"comments alone":            {"# " + good + "\n,\n", "there is no signing key"},
		"odd hex":                   {good[:63], "signing key 1 of 1 has an odd number of hex digits"},
		"short hex":                 {good + "," + good[:62], "signing key 2 of 2 has 31 bytes"},
		"hex is never taken base64": {good[:48], "has 24 bytes"},
		"short base64":              {base64.StdEncoding.EncodeToString(secret(1)[:31]), "has 31 bytes"},
		"a passphrase":              {"correct horse battery staple correct horse battery staple", "neither hex nor base64"},
		"two alphabets":             {"+-" + good, "neither hex nor base64"},
		"loose bits":                {strings.Repeat("abcdefghijklmnopqrstuvwxyz", 2)[:45] + "p", "neither hex nor base64"},
		"a line cut through a key":  {good[:40] + "\n" + good[40:], "signing key 1 of 2 has 20 bytes"},
	} {
		_, err := signing.ParseKeys(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		for _, word := range strings.FieldsFunc(c.text, func(r rune) bool { return strings.ContainsRune(" ,\n#", r) }) {
			if err != nil && strings.Contains(err.Error(), word) {
				t.Errorf("%s: the error shows %q", name, word)
			}
		}
	}
}

// FuzzParseKeys: any text is a ring that verifies what it signs, or an error that shows no word of it.
func FuzzParseKeys(f *testing.F) {
	f.Add(hex.EncodeToString(secret(1)))
	f.Add(base64.URLEncoding.EncodeToString(secret(2)) + ",\n# " + hex.EncodeToString(secret(1)))
	f.Add("abc,def")
	f.Add("====\n\xff")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := signing.ParseKeys(text)
		if err == nil {
			if err := r.Verify(signing.Message{Store: text}, r.Sign(signing.Message{Store: text})); err != nil {
				t.Error(err)
			}
			return
		}
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' }) {
			if word = strings.TrimSpace(word); len(word) > 16 && strings.Contains(err.Error(), word) {
				t.Errorf("the error %q shows the key %q", err, word)
			}
		}
	})
}
