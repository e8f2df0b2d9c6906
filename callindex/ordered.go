package callindex

import (
	"container/heap"
	"iter"
)

// mergeSorted yields what several sorted sequences yield, in order, up to the first error. Equal ones come in the order of their sequences.
func mergeSorted[T any](sources []iter.Seq2[T, error], compare func(a, b T) int) iter.Seq2[T, error] {
	if len(sources) == 1 {
		return sources[0]
	}
	return func(yield func(T, error) bool) {
		m := &merging[T]{compare: compare}
		for i, source := range sources {
			next, stop := iter.Pull2(source)
			defer stop()
			first, err, ok := next()
			if err != nil {
				yield(first, err)
				return
			}
			if ok {
				m.heads = append(m.heads, head[T]{first, next, i})
			}
		}
		heap.Init(m)
		for m.Len() > 0 {
			h := &m.heads[0]
			if !yield(h.value, nil) {
				return
			}
			value, err, ok := h.next()
			switch {
			case err != nil:
				yield(value, err)
				return
			case ok:
				h.value = value
				heap.Fix(m, 0)
			default:
				heap.Pop(m)
			}
		}
	}
}

// merging is a heap of sequences by their next value.
type merging[T any] struct {
	heads   []head[T]
	compare func(a, b T) int
}

type head[T any] struct {
	value T
	next  func() (T, error, bool)
	order int
}

func (m *merging[T]) Len() int      { return len(m.heads) }
func (m *merging[T]) Swap(i, j int) { m.heads[i], m.heads[j] = m.heads[j], m.heads[i] }

func (m *merging[T]) Less(i, j int) bool {
	c := m.compare(m.heads[i].value, m.heads[j].value)
	return c < 0 || c == 0 && m.heads[i].order < m.heads[j].order
}

func (m *merging[T]) Push(x any) { m.heads = append(m.heads, x.(head[T])) }

func (m *merging[T]) Pop() any {
	last := m.heads[len(m.heads)-1]
	m.heads = m.heads[:len(m.heads)-1]
	return last
}

// inOrder runs steps, some of them ahead of the consumer, and yields their outcomes in order. When the consumer stops, those under way are waited for.
func inOrder[T any](steps []func() (T, error), atOnce int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		type outcome struct {
			value T
			err   error
		}
		under := make([]chan outcome, 0, len(steps))
		begin := func() {
			step, done := steps[len(under)], make(chan outcome, 1)
			under = append(under, done)
			go func() {
				value, err := step()
				done <- outcome{value, err}
			}()
		}
		taken := 0
		defer func() {
			for _, done := range under[taken:] {
				<-done
			}
		}()
		for taken < len(steps) {
			for len(under) < len(steps) && len(under)-taken < atOnce {
				begin()
			}
			o := <-under[taken]
			taken++
			if !yield(o.value, o.err) {
				return
			}
		}
	}
}
