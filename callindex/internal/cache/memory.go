package cache

import (
	"container/list"
	"sync/atomic"
)

// memory is the ranges that were used last.
type memory struct {
	limit, size int64     // bytes
	order       list.List // of *entry, the one used last in front
	entries     map[extent]*list.Element
}

type entry struct {
	extent  extent
	content []byte
	used    atomic.Int64 // as its file has it at the least, in ns since 1970
}

// overhead is about what an entry takes besides its content.
const overhead = 256

// get returns an entry and counts as its use; nil where there is none.
func (m *memory) get(e extent) *entry {
	element := m.entries[e]
	if element == nil {
		return nil
	}
	m.order.MoveToFront(element)
	return element.Value.(*entry)
}

// put adds an entry and drops those used least recently.
func (m *memory) put(e extent, content []byte, used int64) {
	size := int64(len(content)) + overhead
	if size > m.limit/fraction || m.get(e) != nil {
		return
	}
	added := &entry{extent: e, content: content}
	added.used.Store(used)
	m.entries[e] = m.order.PushFront(added)
	for m.size += size; m.size > m.limit; {
		last := m.order.Remove(m.order.Back()).(*entry)
		delete(m.entries, last.extent)
		m.size -= int64(len(last.content)) + overhead
	}
}
