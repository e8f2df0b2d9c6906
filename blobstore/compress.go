package blobstore

import (
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// streamWindow is the window, in bytes, of what is written: an eighth of what may be read, for little memory on both sides.
	streamWindow = 1 << 20
	// inParallel is how many values in memory are packed or unpacked at once at the most; each takes about a MiB for ever.
	inParallel = 4
)

// compression packs and unpacks values. Whole values go through one encoder and one decoder, which keep their tables; streams through pooled ones. None of them
// starts a goroutine.
type compression struct {
	encoder  *zstd.Encoder
	decoder  *zstd.Decoder
	encoders sync.Pool // of *zstd.Encoder
	decoders sync.Pool // of *zstd.Decoder
}

// byLevel has the compressions of the process, which its stores share.
var byLevel sync.Map // int → func() *compression

// compressionOf is the compression of a level.
func compressionOf(level int) *compression {
	create, _ := byLevel.LoadOrStore(level, sync.OnceValue(func() *compression { return newCompression(level) }))
	return create.(func() *compression)()
}

func newCompression(level int) *compression {
	encoderOptions := func(concurrency int) []zstd.EOption {
		return []zstd.EOption{
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
			zstd.WithEncoderConcurrency(concurrency),
			zstd.WithWindowSize(streamWindow),
			zstd.WithZeroFrames(true), // an empty value is a frame, not nothing
		}
	}
	parallel := min(inParallel, runtime.GOMAXPROCS(0))
	return &compression{
		encoder: must(zstd.NewWriter(nil, encoderOptions(parallel)...)),
		decoder: must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(parallel), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecodeAllCapLimit(true))),
		encoders: sync.Pool{New: func() any { return must(zstd.NewWriter(nil, encoderOptions(1)...)) }},
		decoders: sync.Pool{New: func() any {
			return must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow)))
		}},
	}
}

// must is for options that are right for every argument.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// pack appends a value as one frame.
func (c *compression) pack(b, value []byte) []byte { return c.encoder.EncodeAll(value, b) }

// unpack returns what a frame holds, which is at most size bytes: more is an error.
func (c *compression) unpack(frame []byte, size int64) ([]byte, error) {
	return c.decoder.DecodeAll(frame, make([]byte, 0, max(size, 1)))
}

// borrowEncoder returns an encoder of a stream of size bytes.
func (c *compression) borrowEncoder(w io.Writer, size int64) *zstd.Encoder {
	e := c.encoders.Get().(*zstd.Encoder)
	e.ResetContentSize(w, size)
	return e
}

func (c *compression) returnEncoder(e *zstd.Encoder) {
	e.Reset(nil)
	c.encoders.Put(e)
}

func (c *compression) borrowDecoder(r io.Reader) (*zstd.Decoder, error) {
	d := c.decoders.Get().(*zstd.Decoder)
	return d, d.Reset(r)
}

func (c *compression) returnDecoder(d *zstd.Decoder) {
	if d.Reset(nil) == nil {
		c.decoders.Put(d)
	}
}
