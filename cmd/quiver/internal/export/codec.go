package export

import (
	"sync"

	compress "github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// codec is the library's, with an encoder that stays: its own, of megabytes each, are in a pool that every garbage collection empties.
type codec struct{ zstd.Codec }

var compressor = sync.OnceValues(func() (*compress.Encoder, error) {
	return compress.NewWriter(nil, compress.WithEncoderConcurrency(1), compress.WithZeroFrames(true), compress.WithEncoderCRC(false))
})

// Encode implements compress.Codec of parquet-go.
func (*codec) Encode(dst, src []byte) ([]byte, error) {
	c, err := compressor()
	if err != nil {
		return nil, err
	}
	return c.EncodeAll(src, dst[:0]), nil
}
