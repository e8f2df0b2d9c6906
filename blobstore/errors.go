package blobstore

import (
	"fmt"
	"reflect"

	"github.com/quivercache/quiver/digest"
)

// A CodecError says that an object is intact and encoded by a codec that the store does not know. It is no miss.
type CodecError struct {
	Object string // its name in the bucket
	Codec  string
}

func (e *CodecError) Error() string {
	return fmt.Sprintf("%s is encoded by the codec %q, which this store does not know: add it to Options.Codecs", e.Object, e.Codec)
}

// A DecodeError says that a value is intact and does not fit the Go value that it was loaded into. It is no miss.
type DecodeError struct {
	Key   digest.Digest
	Codec string
	Into  reflect.Type
	Err   error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("value %s (codec %s) does not fit %v: %v; load it into the type that was saved", e.Key, e.Codec, e.Into, e.Err)
}

func (e *DecodeError) Unwrap() error { return e.Err }

// A SizeError says that a value is larger than may be loaded into memory, or than fits in a spool file. It is no miss.
type SizeError struct {
	Size  int64 // bytes of the encoded value; -1 where it is not known
	Limit int64 // bytes
	Hint  string
}

func (e *SizeError) Error() string {
	size := fmt.Sprintf("the value has %d bytes encoded, more", e.Size)
	if e.Size < 0 {
		size = "the value has more"
	}
	return fmt.Sprintf("%s than the limit of %d bytes: %s", size, e.Limit, e.Hint)
}
