package store

import (
	"bytes"
	"context"
	"iter"

	"github.com/presenced/presenced/store/kv"
)

// Every engine holds the same rows: under the same keys, in the same order, the same
// documents. By that a store moves from one to the other.

// Kind says what a row is of.
type Kind byte

// The kinds, as the buckets of the file.
const (
	People  Kind = iota // user → document
	Notes               // kind NUL key → note
	History             // arrival, user NUL visit id → visit
	Visits              // user NUL arrival, visit id → nothing
	Wakes               // moment, user → nothing
	Errands             // moment, user → nothing
	Past                // user NUL key of facts → facts
	Lines               // user NUL moment, kind and text → line of a story
)

var kinds = [...]struct {
	name string
	in   kv.Bucket
}{
	People: {"people", people}, Notes: {"notes", notes}, History: {"visits that are over", history}, Visits: {"entries of them by person", visits},
	Wakes: {"wakes", wakes}, Errands: {"errands", errands}, Past: {"facts that are over", past}, Lines: {"lines of stories", lines},
}

// Kinds returns all of them, in the order in which a store moves: who is in a queue before
// anybody is there.
func Kinds() []Kind { return []Kind{Lines, Past, History, Visits, Notes, Wakes, Errands, People} }

// String says what the rows are.
func (k Kind) String() string { return kinds[k].name }

// Row is what stands under a key; written with a nil value it is erased.
type Row struct {
	Kind
	Key, Value []byte
}

const rowsAtOnce = 1000 // that one read yields, which the writer waits for

// Rows yields the rows of a kind by their keys, in short reads.
func (s *Store) Rows(ctx context.Context, k Kind) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for from := []byte{}; ; {
			var some []Row
			err := ctx.Err()
			if err == nil {
				err = s.read(func(v kv.View) error {
					for key, value := range v.From(kinds[k].in, from) {
						if some = append(some, Row{k, bytes.Clone(key), append([]byte{}, value...)}); len(some) == rowsAtOnce {
							break
						}
					}
					return nil
				})
			}
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, r := range some {
				if !yield(r, nil) {
					return
				}
			}
			if len(some) < rowsAtOnce {
				return
			}
			from = next(some[len(some)-1].Key)
		}
	}
}

// WriteRows writes the rows as they are, all or nothing.
func (s *Store) WriteRows(ctx context.Context, rows []Row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.write("write rows to", func(u *update) error {
		s.recent = recent{people: map[string]*document{}, notes: map[string][]byte{}} // it knows nothing of these
		for _, r := range rows {
			if r.Kind == People {
				was := u.Get(people, r.Key) != nil
				switch is := r.Value != nil; {
				case is && !was:
					u.grown++
				case was && !is:
					u.grown--
				}
			}
			if err := u.Put(kinds[r.Kind].in, r.Key, r.Value); err != nil {
				return err
			}
		}
		return nil
	})
}
