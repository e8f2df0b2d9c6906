package blobstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/signing"
)

// The header of a value object. docs/format.md has the layout.
const (
	skippable     = 0x184D2A51 // the magic number of a skippable frame: "Q*M\x18"
	magic         = "quiv"
	headerVersion = 1

	frameStart = 8    // bytes of the skippable frame before its content
	fixedSize  = 96   // bytes before the codec's name
	macSize    = 40   // bytes of the HMAC and its key's id, where the header is signed
	sumSize    = 4    // bytes of the checksum at the end
	maxHeader  = 4096 // bytes of any header, of any version
	maxCodec   = 32   // bytes of a codec's name

	signedFlag = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is what an object says of its value.
type header struct {
	codec string
	size  int64             // bytes of the encoded value
	sum   [sha256.Size]byte // of the encoded value
	key   digest.Digest
	nonce [8]byte

	signed bool
	mac    signing.MAC // of content
}

// length is the number of bytes of the header with its frame.
func (h header) length() int {
	if h.signed {
		return fixedSize + len(h.codec) + macSize + sumSize
	}
	return fixedSize + len(h.codec) + sumSize
}

func (h header) appendTo(b []byte) []byte {
	start := len(b)
	b = h.appendContent(b)
	if h.signed {
		b = append(b, h.mac.Key[:]...)
		b = append(b, h.mac.Sum[:]...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// appendContent appends what is signed: the header up to the HMAC, which pins the value by its size and SHA-256.
func (h header) appendContent(b []byte) []byte {
	var flags uint16
	if h.signed {
		flags = signedFlag
	}
	b = binary.LittleEndian.AppendUint32(b, skippable)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.length()-frameStart))
	b = append(b, magic...)
	b = append(b, headerVersion, byte(len(h.codec)))
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.size))
	b = append(b, h.sum[:]...)
	b = append(b, h.key[:]...)
	b = append(b, h.nonce[:]...)
	return append(b, h.codec...)
}

// newerFormat is a header that is intact and of a later version.
type newerFormat struct {
	version byte
	flags   uint16
}

func (e *newerFormat) Error() string {
	return fmt.Sprintf("its header has version %d and the unknown flags %#04x", e.version, e.flags)
}

var errNoHeader = errors.New("it does not begin with the header of a value")

// readHeader reads a header from the start of an object, and not a byte more. It fails with the error of r, with *newerFormat, or because of
// what it read.
func readHeader(r io.Reader) (header, error) {
	var buffer [maxHeader]byte
	if err := readFull(r, buffer[:frameStart]); err != nil {
		return header{}, err
	}
	content := binary.LittleEndian.Uint32(buffer[4:])
	if binary.LittleEndian.Uint32(buffer[:]) != skippable || content > maxHeader-frameStart {
		return header{}, errNoHeader
	}
	frame := buffer[:frameStart+content]
	if err := readFull(r, frame[frameStart:]); err != nil {
		return header{}, err
	}
	return parseHeader(frame)
}

func readFull(r io.Reader, b []byte) error {
	_, err := io.ReadFull(r, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it ends inside its header")
	}
	return err
}

// parseHeader reads a header from the whole of its frame.
func parseHeader(frame []byte) (header, error) {
	const versioned = frameStart + len(magic) + 1 // what every version begins with
	if len(frame) < versioned+sumSize || !bytes.Equal(frame[frameStart:versioned-1], []byte(magic)) {
		return header{}, errNoHeader
	}
	body, sum := frame[:len(frame)-sumSize], frame[len(frame)-sumSize:]
	if binary.LittleEndian.Uint32(sum) != crc32.Checksum(body, castagnoli) {
		return header{}, errors.New("the checksum of its header is wrong")
	}
	if version := body[12]; version > headerVersion {
		return header{}, &newerFormat{version: version}
	}
	if len(body) < fixedSize || body[12] == 0 {
		return header{}, errors.New("its header is too short")
	}
	flags := binary.LittleEndian.Uint16(body[14:])
	if unknown := flags &^ signedFlag; unknown != 0 {
		return header{}, &newerFormat{version: body[12], flags: unknown}
	}
	name, mac := body[fixedSize:], []byte(nil)
	if flags == signedFlag {
		if len(name) < macSize {
			return header{}, errors.New("its header is too short")
		}
		name, mac = name[:len(name)-macSize], name[len(name)-macSize:]
	}
	if len(name) != int(body[13]) || checkCodecName(string(name)) != nil {
		return header{}, errors.New("its header names no codec")
	}
	size := binary.LittleEndian.Uint64(body[16:])
	if size > 1<<63-1 {
		return header{}, fmt.Errorf("its header announces %d bytes", size)
	}
	h := header{codec: string(name), size: int64(size)}
	copy(h.sum[:], body[24:])
	copy(h.key[:], body[56:])
	copy(h.nonce[:], body[88:])
	if mac != nil {
		h.signed = true
		h.mac = signing.MAC{Key: signing.KeyID(mac[:8]), Sum: [sha256.Size]byte(mac[8:])}
	}
	return h, nil
}

func checkCodecName(name string) error {
	if name == "" || len(name) > maxCodec {
		return fmt.Errorf("the name %q of a codec has %d characters, not 1 to %d", name, len(name), maxCodec)
	}
	for _, c := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.+-", c) {
			return fmt.Errorf("the name %q of a codec has the character %q; it has only a-z, 0-9, '.', '+', '-'", name, c)
		}
	}
	return nil
}
