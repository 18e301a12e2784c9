// Package transfer makes one store hold what another one does, row by row, whatever engine
// keeps either. It may be interrupted at any row and begun again: what is there already is
// read and left. [Compare] then holds the two against each other, every octet of them.
package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"iter"

	"github.com/presenced/presenced/store"
)

// Source is a store that nobody writes meanwhile.
type Source interface {
	Rows(ctx context.Context, k store.Kind) iter.Seq2[store.Row, error]
}

// Target is a store that nobody else writes meanwhile.
type Target interface {
	Source
	WriteRows(ctx context.Context, rows []store.Row) error
}

// Tally is what a store holds.
type Tally struct {
	Rows   map[store.Kind]int
	Octets int64 // of keys and values
}

// All is how many rows there are.
func (t Tally) All() (n int) {
	for _, of := range t.Rows {
		n += of
	}
	return n
}

// Count counts what a store holds.
func Count(ctx context.Context, s Source) (Tally, error) {
	t := Tally{Rows: map[store.Kind]int{}}
	for _, k := range store.Kinds() {
		for r, err := range s.Rows(ctx, k) {
			if err != nil {
				return t, err
			}
			t.Rows[k]++
			t.Octets += int64(len(r.Key) + len(r.Value))
		}
	}
	return t, nil
}

const (
	mostRows   = 2000 // that are written at once
	mostOctets = 4 << 20
)

// Copy makes the target hold what the source does, and nothing else, and returns how many
// rows were written for that. It calls told now and then with how many rows were looked at.
func Copy(ctx context.Context, from Source, to Target, told func(done int)) (written int, err error) {
	done := 0
	var batch []store.Row
	octets := 0
	flush := func() error {
		told(done)
		if len(batch) == 0 {
			return nil
		}
		err := to.WriteRows(ctx, batch)
		written += len(batch)
		batch, octets = nil, 0
		return err
	}
	for _, k := range store.Kinds() {
		for p, err := range both(from.Rows(ctx, k), to.Rows(ctx, k)) {
			if err != nil {
				return written, err
			}
			if p.a != nil {
				done++
			}
			switch {
			case p.a == nil:
				batch = append(batch, store.Row{Kind: k, Key: p.b.Key})
			case p.b == nil || !bytes.Equal(p.a.Value, p.b.Value):
				batch = append(batch, *p.a)
				octets += len(p.a.Key) + len(p.a.Value)
			case done%mostRows == 0:
				told(done)
			}
			if len(batch) >= mostRows || octets >= mostOctets {
				if err := flush(); err != nil {
					return written, err
				}
			}
		}
		if err := flush(); err != nil {
			return written, err
		}
	}
	return written, nil
}

// Compare reads both stores whole, and returns what both hold and a hash of it; an error
// says where they differ first.
func Compare(ctx context.Context, a, b Source, told func(done int)) (t Tally, sum [sha256.Size]byte, err error) {
	t.Rows = map[store.Kind]int{}
	h, done := sha256.New(), 0
	for _, k := range store.Kinds() {
		for p, err := range both(a.Rows(ctx, k), b.Rows(ctx, k)) {
			switch {
			case err != nil:
				return t, sum, err
			case p.a == nil:
				return t, sum, fmt.Errorf("of %s there is %q, which should not be there", k, p.b.Key)
			case p.b == nil:
				return t, sum, fmt.Errorf("of %s %q is missing", k, p.a.Key)
			case !bytes.Equal(p.a.Value, p.b.Value):
				return t, sum, fmt.Errorf("of %s %q is otherwise", k, p.a.Key)
			}
			add(h, p.b)
			t.Rows[k]++
			t.Octets += int64(len(p.a.Key) + len(p.a.Value))
			if done++; done%mostRows == 0 {
				told(done)
			}
		}
	}
	h.Sum(sum[:0])
	return t, sum, nil
}

func add(h hash.Hash, r *store.Row) {
	fmt.Fprintf(h, "%d %d %d ", r.Kind, len(r.Key), len(r.Value))
	h.Write(r.Key)
	h.Write(r.Value)
}

// pair is what stands under one key: nil where nothing does.
type pair struct{ a, b *store.Row }

// both goes through the rows of two stores together, by their keys.
func both(a, b iter.Seq2[store.Row, error]) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		nextA, stopA := iter.Pull2(a)
		defer stopA()
		nextB, stopB := iter.Pull2(b)
		defer stopB()
		rowA, errA, hasA := nextA()
		rowB, errB, hasB := nextB()
		for hasA || hasB {
			for _, err := range []error{errA, errB} {
				if err != nil {
					yield(pair{}, err)
					return
				}
			}
			var p pair
			order := bytes.Compare(rowA.Key, rowB.Key)
			if hasA && (!hasB || order <= 0) {
				p.a = &store.Row{Kind: rowA.Kind, Key: rowA.Key, Value: rowA.Value}
			}
			if hasB && (!hasA || order >= 0) {
				p.b = &store.Row{Kind: rowB.Kind, Key: rowB.Key, Value: rowB.Value}
			}
			if !yield(p, nil) {
				return
			}
			if p.a != nil {
				rowA, errA, hasA = nextA()
			}
			if p.b != nil {
				rowB, errB, hasB = nextB()
			}
		}
	}
}
