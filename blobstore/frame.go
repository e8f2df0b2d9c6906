package blobstore

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxWindow is the largest window, in bytes, that a frame may ask its reader to keep.
const maxWindow = 8 << 20

// frameCheck walks over the bytes of an object after its header and sees to it that they are one zstd frame, one that a reader has the
// memory for, and nothing else. Libraries read on where a frame ends, pass over skippable frames, and take no frame at all for an empty one.
//
// It reads the frame header and the three bytes before each block, and skips what is in the blocks.
type frameCheck struct {
	size int64 // of the content, as announced by the object's header

	pending [frameHeaderMax]byte // the piece being collected
	have    int
	want    int                             // bytes of that piece
	next    func(*frameCheck, []byte) error // what to do with it
	skip    int64                           // bytes to pass over first
	single  bool                            // the window is the whole content
	sum     bool                            // a checksum follows the last block
	done    bool                            // the last block has begun
}

// checkFrame returns a check for a frame that unpacks to size bytes.
func checkFrame(size int64) *frameCheck {
	return &frameCheck{size: size, want: frameHeaderMin, next: (*frameCheck).frameStart}
}

const (
	frameMagic     = 0xFD2FB528
	frameHeaderMin = 5 // magic number and descriptor
	frameHeaderMax = 14
	blockHeader    = 3
	rleBlock       = 1
)

var errFrameEnd = errors.New("there is more after its frame")

// write takes the next bytes of the object.
func (f *frameCheck) write(p []byte) error {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, int64(len(p)))
			f.skip -= n
			p = p[n:]
			continue
		}
		if f.done {
			return errFrameEnd
		}
		n := copy(f.pending[f.have:f.want], p)
		f.have += n
		p = p[n:]
		if f.have == f.want {
			if err := f.next(f, f.pending[:f.have]); err != nil {
				return err
			}
		}
	}
	return nil
}

// frameStart takes the magic number and the descriptor, which says how long the frame header is.
func (f *frameCheck) frameStart(b []byte) error {
	if binary.LittleEndian.Uint32(b) != frameMagic {
		return errors.New("what follows its header is no zstd frame")
	}
	descriptor := b[4]
	if descriptor&0x08 != 0 {
		return errors.New("its frame sets a reserved bit")
	}
	if descriptor&0x03 != 0 {
		return errors.New("its frame wants a dictionary")
	}
	f.sum = descriptor&0x04 != 0
	f.single = descriptor&0x20 != 0
	rest := [...]int{0, 2, 4, 8}[descriptor>>6]
	if !f.single || rest == 0 {
		rest++ // the window, or the shortest content size
	}
	f.want, f.next = frameHeaderMin+rest, (*frameCheck).frameHeader
	return nil
}

// frameHeader takes the window descriptor, unless the frame is a single segment, and the content size, if there is one.
func (f *frameCheck) frameHeader(b []byte) error {
	b = b[frameHeaderMin:]
	var window uint64
	if !f.single {
		exponent, mantissa := b[0]>>3, uint64(b[0]&7)
		base := uint64(1) << (10 + exponent)
		window = base + base/8*mantissa
		b = b[1:]
	}
	if len(b) > 0 {
		var content uint64
		switch len(b) {
		case 1:
			content = uint64(b[0])
		case 2:
			content = uint64(binary.LittleEndian.Uint16(b)) + 256
		case 4:
			content = uint64(binary.LittleEndian.Uint32(b))
		case 8:
			content = binary.LittleEndian.Uint64(b)
		}
		if content != uint64(f.size) {
			return fmt.Errorf("its frame announces %d bytes, its header %d", content, f.size)
		}
		if f.single {
			window = content
		}
	}
	if window > maxWindow {
		return fmt.Errorf("its frame wants a window of %d bytes, more than %d", window, maxWindow)
	}
	f.awaitBlock()
	return nil
}

func (f *frameCheck) awaitBlock() {
	f.have, f.want, f.next = 0, blockHeader, (*frameCheck).block
}

// block takes the header of a block.
func (f *frameCheck) block(b []byte) error {
	bits := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	last, kind, size := bits&1 == 1, bits>>1&3, int64(bits>>3)
	if kind == rleBlock {
		size = 1
	}
	f.skip = size
	if last {
		f.done = true
		if f.sum {
			f.skip += 4
		}
		return nil
	}
	f.awaitBlock()
	return nil
}

// complete says whether the frame ended.
func (f *frameCheck) complete() bool { return f.done && f.skip == 0 }
