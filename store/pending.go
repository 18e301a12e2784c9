package store

import (
	"bytes"
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
func (b bucket) at(key []byte) string { return string(append([]byte{byte(b)}, key...)) }

// view is one state of the store: what is pending covers what is in the file.
type view struct {
	tx      *bbolt.Tx
	pending *pending
}

func (v view) get(b bucket, key []byte) []byte {
	if value, ok := v.pending.Get(b.at(key)); ok {
		return value
	}
	return v.tx.Bucket(b.name()).Get(key)
}

// from goes through the bucket in order, from a key on. What it yields is
// valid as long as the transaction.
func (v view) from(b bucket, start []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, value []byte) bool) {
		c := v.tx.Bucket(b.name()).Cursor()
		k, value := c.Seek(start)
		over := v.pending.Iter()
		more := over.Seek(b.at(start))
		for {
			more = more && bucket(over.Key()[0]) == b
			if !more && k == nil {
				return
			}
			order := 1 // of the pending key after the one in the file
			if more {
				order = -1
				if k != nil {
					order = bytes.Compare([]byte(over.Key()[1:]), k)
				}
			}
			at, is := k, value
			if order <= 0 {
				at, is = []byte(over.Key()[1:]), over.Value()
				more = over.Next()
			}
			if order >= 0 {
				k, value = c.Next()
			}
			if is != nil && !yield(at, is) {
				return
			}
		}
	}
}

// changes is what one update writes, by the key as pending has it.
type changes map[string][]byte

// put has the key hold the value, or nothing if that is nil. What the file
// could not take later is refused now.
func (c changes) put(b bucket, key, value []byte) error {
	switch {
	case len(key) == 0:
		return bolterrors.ErrKeyRequired
	case len(key) > bbolt.MaxKeySize:
		return bolterrors.ErrKeyTooLarge
	}
	c[b.at(key)] = value
	return nil
}

// entry appends the changes as the journal holds them: each key, and its value
// if it has one.
func (c changes) entry(b []byte) []byte {
	for key, value := range c {
		b = appendBool(appendText(b, key), value != nil)
		if value != nil {
			b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
		}
	}
	return b
}

func readChanges(entry []byte) (changes, error) {
	c, r := changes{}, &reader{data: entry, text: string(entry)}
	for r.at < len(r.data) {
		key := readText[string](r)
		c[key] = nil
		if r.bool() {
			c[key] = []byte(readText[string](r))
		}
		if r.wrong == nil && (len(key) < 2 || int(key[0]) >= len(names)) {
			r.fail(fmt.Errorf("no bucket has the key %q", key))
		}
	}
	if r.wrong != nil {
		return nil, fmt.Errorf("decode an entry of the journal: %w", r.wrong)
	}
	return c, nil
}
