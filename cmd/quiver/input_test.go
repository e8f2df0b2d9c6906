package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func TestInterruptibleInputIsTheInput(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 50_000)
	in := &interruptibleInput{ctx: t.Context(), source: bytes.NewReader(content)}
	if err := iotest.TestReader(in, content); err != nil {
		t.Error(err)
	}
	failed := errors.New("broken")
	got, err := io.ReadAll(&interruptibleInput{ctx: t.Context(), source: io.MultiReader(bytes.NewReader(content), iotest.ErrReader(failed))})
	if !errors.Is(err, failed) || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAWaitForInputEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := io.ReadAll(&interruptibleInput{ctx: ctx, source: r})
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
}
