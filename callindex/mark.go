package callindex

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quivercache/quiver/bucket"
	"github.com/quivercache/quiver/digest"
	"github.com/quivercache/quiver/layout"
	"github.com/quivercache/quiver/op"
)

// MarkLife is how old a mark may be when a record is written under it. It leaves a wide margin to the grace of 30 minutes after which a
// folder takes a mark whose record it has not seen.
const MarkLife = 5 * time.Minute

// BatchLimit is how many keys a batch mark has at the most.
const BatchLimit = 10_000

// bitsPerArgument is how many of the 64 bits of a signature an argument sets: of four arguments, a signature then passes one call in 256
// that has another value.
const bitsPerArgument = 4

// signatureTag sets the hash of an argument apart from every other use of SHA-256.
const signatureTag = "quiver argument signature 1\x00"

// SignatureOf sums up arguments: each sets some of 64 bits. A call has all the bits of any of its arguments.
func SignatureOf(arguments []Argument) layout.Signature {
	var s layout.Signature
	for _, a := range arguments {
		message := binary.BigEndian.AppendUint32([]byte(signatureTag), uint32(len(a.Name)))
		message = append(message, a.Name...)
		sum := sha256.Sum256(append(message, a.Digest[:]...))
		for _, b := range sum[:bitsPerArgument] {
			s |= 1 << (b & 63)
		}
	}
	return s
}

// placed is a mark that the store has acknowledged.
type placed struct {
	write string
	since time.Time // before the mark was sent: it is not older than that
}

// tooOld says whether no record may be written under the mark any more.
func (p placed) tooOld(now time.Time) bool { return op.Elapsed(p.since, now) >= MarkLife }

// marker places marks. Those of one function that are asked for while one is being sent share the next.
type marker struct {
	bucket  bucket.Bucket
	clock   op.Clock
	entropy op.Entropy
	turn    op.Context // one mark of a function is sent at a time

	mu      sync.Mutex
	forming map[layout.Function]*batch
}

// batch is a mark that is not sent yet, and those who wait for it.
type batch struct {
	marks []layout.Mark
	keys  map[digest.Digest]bool // of the marks
	done  chan struct{}          // closed once the fields below are set
	placed
	err       error
	abandoned bool // its sender went away: the others start over
}

func newMarker(b bucket.Bucket, clock op.Clock, entropy op.Entropy) *marker {
	return &marker{bucket: b, clock: clock, entropy: entropy, turn: op.PerKey(), forming: map[layout.Function]*batch{}}
}

// place returns a fresh mark of the key. Who comes first sends the mark of all who came until it could be sent.
func (m *marker) place(ctx context.Context, mark layout.Mark) (placed, error) {
	for {
		b, first := m.join(mark)
		if first {
			m.send(ctx, mark.Function, b)
			return b.placed, b.err
		}
		select {
		case <-ctx.Done():
			return placed{}, context.Cause(ctx)
		case <-b.done:
			if !b.abandoned {
				return b.placed, b.err
			}
		}
	}
}

// join adds a mark to the batch that is forming, and says whether it began one.
func (m *marker) join(mark layout.Mark) (b *batch, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b = m.forming[mark.Function]
	// A key stands once in a batch: two attempts at one record must not have one write id.
	if b == nil || len(b.marks) == BatchLimit || b.keys[mark.Key] {
		b, first = &batch{keys: map[digest.Digest]bool{}, done: make(chan struct{})}, true
		m.forming[mark.Function] = b
	}
	b.marks = append(b.marks, mark)
	b.keys[mark.Key] = true
	return b, first
}

// send waits for the turn of the function, closes the batch and puts its mark.
func (m *marker) send(ctx context.Context, f layout.Function, b *batch) {
	defer close(b.done)
	b.err = m.turn.Do(ctx, f.String(), op.Write, func(ctx context.Context) (err error) {
		m.close(f, b)
		b.placed, err = m.put(ctx, b.marks)
		return err
	})
	m.close(f, b)
	b.abandoned = b.err != nil && ctx.Err() != nil
}

// close lets nobody join the batch any more.
func (m *marker) close(f layout.Function, b *batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forming[f] == b {
		delete(m.forming, f)
	}
}

// put writes the mark of one key, or the batch mark of several of one function.
func (m *marker) put(ctx context.Context, marks []layout.Mark) (placed, error) {
	write, err := op.NewID(m.entropy)
	if err != nil {
		return placed{}, err
	}
	since := m.clock.Now()
	name, body := "", bucket.Bytes(nil)
	if len(marks) == 1 {
		marks[0].Write = write
		name = marks[0].Name()
	} else {
		name = layout.BatchMark{Function: marks[0].Function, Write: write}.Name()
		body = bucket.Bytes(encodeBatch(marks))
	}
	// The name is unique: that it is there already means that an answer was lost.
	if err := m.bucket.Put(ctx, name, body, bucket.IfAbsent()); err != nil && !errors.Is(err, bucket.ErrExists) {
		return placed{}, err
	}
	return placed{write, since}, nil
}

// announceAll places the marks of many writings, a batch mark for each function and each BatchLimit of its keys.
func (s *Store) announceAll(ctx context.Context, writings []*writing) error {
	byFunction := map[layout.Function][]*writing{}
	seen := map[digest.Digest]bool{}
	for _, w := range writings {
		if w != nil && !seen[w.mark.Key] { // a second record of one key places a mark of its own
			byFunction[w.mark.Function] = append(byFunction[w.mark.Function], w)
			seen[w.mark.Key] = true
		}
	}
	for _, all := range byFunction {
		for some := range slices.Chunk(all, BatchLimit) {
			marks := make([]layout.Mark, len(some))
			for i, w := range some {
				marks[i] = w.mark
			}
			p, err := s.marks.put(ctx, marks)
			if err != nil {
				return fmt.Errorf("placing the mark of %d calls: %w", len(marks), err)
			}
			for _, w := range some {
				w.under(p)
			}
		}
	}
	return nil
}

// encodeBatch is the body of a batch mark: a line for each key, sorted, with its signature, and a last line with how many there are.
func encodeBatch(marks []layout.Mark) []byte {
	lines := make([]string, len(marks))
	for i, mark := range marks {
		lines[i] = mark.Entry()
	}
	slices.Sort(lines)
	return fmt.Appendf(nil, "%s\n%d\n", strings.Join(lines, "\n"), len(lines))
}

// DecodeBatch returns the marks in the body of a batch mark.
func DecodeBatch(mark layout.BatchMark, body []byte) ([]layout.Mark, error) {
	lines := strings.Split(string(body), "\n")
	n := len(lines) - 2
	if n < 1 || lines[n+1] != "" || lines[n] != fmt.Sprint(n) {
		return nil, errors.New("the batch mark does not end with the number of its keys")
	}
	marks := make([]layout.Mark, n)
	last := digest.Digest{}
	for i, line := range lines[:n] {
		m, ok := layout.ParseEntry(line)
		if !ok || i > 0 && m.Key.Compare(last) <= 0 {
			return nil, fmt.Errorf("line %d of the batch mark is not the entry of a next key", i+1)
		}
		m.Function, m.Write, last = mark.Function, mark.Write, m.Key
		marks[i] = m
	}
	return marks, nil
}
