package store

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/tidwall/btree"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// pending is what the journal holds and the file does not yet: the newest
// value of every key that was written, in order. A nil value erases.
type pending = btree.Map[string, []byte]

// at is the key of what is pending for a bucket.
func (b bucket) at(key []byte) string { return "\x00\x01\x02\x03\x04\x05"[b:b+1] + string(key) }

// view is one state of the store: what is pending covers what the file is
// taking in, and that what is in the file.
type view struct {
	tx      *bbolt.Tx
	pending *pending
	taking  *pending // nil: nothing
}

func (s *Store) view(tx *bbolt.Tx) view {
	v := view{tx: tx, pending: s.pending}
	if s.taking != nil {
		v.taking = s.taking.pending
	}
	return v
}

func (v view) get(b bucket, key []byte) []byte {
	at := b.at(key)
	if value, ok := v.pending.Get(at); ok {
		return value
	}
	if v.taking != nil {
		if value, ok := v.taking.Get(at); ok {
			return value
		}
	}
	return v.tx.Bucket(b.name()).Get(key)
}

// from goes through the bucket in order, from a key on. What it yields is
// valid as long as the transaction.
func (v view) from(b bucket, start []byte) iter.Seq2[[]byte, []byte] {
	all := cover(v.pending, b, start, cover(v.taking, b, start, inFile(v.tx, b, start)))
	return func(yield func(k, value []byte) bool) {
		for k, value := range all {
			if value != nil && !yield(k, value) {
				return
			}
		}
	}
}

func inFile(tx *bbolt.Tx, b bucket, start []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, value []byte) bool) {
		c := tx.Bucket(b.name()).Cursor()
		for k, value := c.Seek(start); k != nil && yield(k, value); k, value = c.Next() {
		}
	}
}

// cover is both in order, and where both have a key, what is over.
func cover(over *pending, b bucket, start []byte, under iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, []byte] {
	if over == nil {
		return under
	}
	return func(yield func(k, value []byte) bool) {
		i := over.Iter()
		more := i.Seek(b.at(start))
		next := func() (k, value []byte) {
			k, value = []byte(i.Key()[1:]), i.Value()
			more = i.Next()
			return k, value
		}
		here := func() bool { return more && bucket(i.Key()[0]) == b }
		for k, value := range under {
			for here() && i.Key()[1:] < string(k) {
				if !yield(next()) {
					return
				}
			}
			if here() && i.Key()[1:] == string(k) {
				k, value = next()
			}
			if !yield(k, value) {
				return
			}
		}
		for here() && yield(next()) {
		}
	}
}

// changes is what one update writes, in order.
type changes []change

type change struct {
	key   string // as pending has it
	value []byte // nil erases
}

// put has the key hold the value, or nothing if that is nil. What the file
// could not take later is refused now.
func (c *changes) put(b bucket, key, value []byte) error {
	switch {
	case len(key) == 0:
		return bolterrors.ErrKeyRequired
	case len(key) > bbolt.MaxKeySize:
		return bolterrors.ErrKeyTooLarge
	}
	*c = append(*c, change{b.at(key), value})
	return nil
}

// entry appends the changes as the journal holds them: each key, and its value
// if it has one.
func (c changes) entry(b []byte) []byte {
	for _, c := range c {
		b = appendBool(appendText(b, c.key), c.value != nil)
		if c.value != nil {
			b = append(binary.AppendUvarint(b, uint64(len(c.value))), c.value...)
		}
	}
	return b
}

func readChanges(entry []byte) (all changes, err error) {
	r := &reader{data: entry, text: string(entry)}
	for r.at < len(r.data) {
		c := change{key: readText[string](r)}
		if r.bool() {
			c.value = []byte(readText[string](r))
		}
		if r.wrong == nil && (len(c.key) < 2 || int(c.key[0]) >= len(names)) {
			r.fail(fmt.Errorf("no bucket has the key %q", c.key))
		}
		all = append(all, c)
	}
	if r.wrong != nil {
		return nil, fmt.Errorf("decode an entry of the journal: %w", r.wrong)
	}
	return all, nil
}
