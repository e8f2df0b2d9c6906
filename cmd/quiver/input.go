package main

import (
	"context"
	"io"
)

// interruptibleInput reads what may keep it waiting, a terminal or a pipe, and gives up waiting when its context ends.
type interruptibleInput struct {
	ctx    context.Context
	source io.Reader
	chunks chan chunk // nil until the first Read
	rest   chunk
}

type chunk struct {
	bytes []byte
	err   error
}

const chunkSize = 64 << 10

// Read implements io.Reader.
func (i *interruptibleInput) Read(p []byte) (int, error) {
	if i.chunks == nil {
		i.chunks = make(chan chunk)
		go i.pump()
	}
	if len(i.rest.bytes) == 0 && i.rest.err == nil {
		select {
		case i.rest = <-i.chunks:
		case <-i.ctx.Done():
			return 0, context.Cause(i.ctx)
		}
	}
	n := copy(p, i.rest.bytes)
	i.rest.bytes = i.rest.bytes[n:]
	if len(i.rest.bytes) > 0 {
		return n, nil
	}
	return n, i.rest.err
}

// pump reads ahead by one chunk. Where the reading never ends, it ends with the process.
func (i *interruptibleInput) pump() {
	for {
		buffer := make([]byte, chunkSize)
		n, err := i.source.Read(buffer)
		select {
		case i.chunks <- chunk{buffer[:n], err}:
		case <-i.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}
