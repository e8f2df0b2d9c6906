package bucket

import (
	"fmt"
	"strings"
)

const maxKey = 1024

// CheckKey refuses what no store has to take as the name of an object, with ErrInvalid.
func CheckKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("%w: a key has 1 to %d characters, not %d", ErrInvalid, maxKey, len(key))
	}
	if err := checkCharacters(key); err != nil {
		return err
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || strings.HasSuffix(segment, ".") { // Azure drops such dots, and "../" is another name to some clients
			return fmt.Errorf("%w: key %q has the path segment %q, which is empty or ends with a dot", ErrInvalid, key, segment)
		}
	}
	return nil
}

// CheckList refuses options that ask for no listing, with ErrInvalid.
func CheckList(options ListOptions) error {
	if options.Limit < 0 || options.Limit > MaxPage {
		return fmt.Errorf("%w: a page has 1 to %d keys, not %d", ErrInvalid, MaxPage, options.Limit)
	}
	if err := checkCharacters(options.Prefix); err != nil {
		return err
	}
	return nil
}

// CheckFolders refuses options that ask for no folders, with ErrInvalid: a prefix that is not empty ends with a slash, and there is no After.
func CheckFolders(options ListOptions) error {
	if options.After != "" {
		return fmt.Errorf("%w: folders are listed from the first on, not after %q", ErrInvalid, options.After)
	}
	if options.Prefix != "" {
		folder, closed := strings.CutSuffix(options.Prefix, "/")
		if !closed {
			return fmt.Errorf("%w: folders are listed under a prefix that ends with a slash, not under %q", ErrInvalid, options.Prefix)
		}
		if err := CheckKey(folder); err != nil {
			return err
		}
	}
	return CheckList(options)
}

// CheckUploads refuses options that ask for no unfinished uploads, with ErrInvalid: there is no After.
func CheckUploads(options ListOptions) error {
	if options.After != "" {
		return fmt.Errorf("%w: uploads are listed from the first on, not after %q", ErrInvalid, options.After)
	}
	return CheckList(options)
}

// CheckUpload refuses what names no upload, with ErrInvalid.
func CheckUpload(upload Upload) error {
	if upload.ID == "" {
		return fmt.Errorf("%w: the upload has no id", ErrInvalid)
	}
	return CheckKey(upload.Key)
}

// CheckBulk refuses keys that cannot be deleted in one request, with ErrInvalid.
func CheckBulk(keys []string) error {
	if len(keys) > BulkSize {
		return fmt.Errorf("%w: %d keys, more than %d", ErrInvalid, len(keys), BulkSize)
	}
	for _, key := range keys {
		if err := CheckKey(key); err != nil {
			return err
		}
	}
	return nil
}

func checkCharacters(key string) error {
	for i := range len(key) {
		c := key[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("/._-", c) >= 0 {
			continue
		}
		return fmt.Errorf("%w: key %q has the character %q; a key has only a-z, 0-9, '/', '.', '_', '-'", ErrInvalid, key, c)
	}
	return nil
}
