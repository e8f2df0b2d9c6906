package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

var errTooLong = errors.New("it took longer than one number may (-each)")

// input is a line that somebody wants an answer to.
type input struct {
	line int
	text string
}

// answer is what became of an input.
type answer struct {
	input
	factors []uint64
	err     error
}

// pool answers inputs with a number of goroutines. It holds as many inputs as it has workers, however many there are.
type pool struct {
	workers int
	each    time.Duration // how long one input may take
	grace   time.Duration // how long what is under way may take when ctx has ended
	call    func(context.Context, number) ([]uint64, error)
}

// run takes inputs until there are no more, or until ctx has ended, and hands each answer to tell, one at a time. When it returns no worker is left.
func (p *pool) run(ctx context.Context, inputs <-chan input, tell func(answer)) {
	working, cancel := outlast(ctx, p.grace)
	defer cancel()
	answers := make(chan answer)
	var workers sync.WaitGroup
	for range p.workers {
		workers.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-ctx.Done():
				case in, more := <-inputs:
					if !more {
						return
					}
					answers <- p.answer(working, in)
				}
			}
		})
	}
	go func() {
		workers.Wait()
		close(answers)
	}()
	for a := range answers {
		tell(a)
	}
}

func (p *pool) answer(ctx context.Context, in input) answer {
	ctx, cancel := context.WithTimeoutCause(ctx, p.each, errTooLong)
	defer cancel()
	n, err := strconv.ParseUint(strings.TrimSpace(in.text), 10, 64)
	if err != nil || n == 0 {
		return answer{in, nil, fmt.Errorf("%q is not a number from 1 to %d", in.text, uint64(1<<64-1))}
	}
	factors, err := p.call(ctx, number{n})
	return answer{in, factors, err}
}

// outlast returns a context that ends some time after ctx, so that what is under way may be finished and saved.
func outlast(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}
