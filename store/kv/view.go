package kv

import (
	"iter"

	"github.com/tidwall/btree"
	"go.etcd.io/bbolt"
)

// pending is what the journal holds and the file does not yet: the newest
// value of every key that was written, in order. A nil value erases.
type pending = btree.Map[string, []byte]

// at is the key of what is pending for a bucket.
func (b Bucket) at(key []byte) string { return string([]byte{byte(b)}) + string(key) }

// View is one state of the map: what is pending covers what the file is taking
// in, and that what is in the file. It, and what it yields, is valid as long as
// the call that was given it.
type View struct {
	layout  *Layout
	tx      *bbolt.Tx
	pending *pending
	taking  *pending // nil: nothing
}

// View runs f with what the map holds. It is for short reads: while one is under
// way the file grows, and the writer waits. A page that the disk cannot read is
// an error.
func (m *Map) View(f func(View) error) error {
	m.reading.RLock()
	defer m.reading.RUnlock()
	return sound(func() error {
		return m.db.View(func(tx *bbolt.Tx) error { return f(m.view(tx)) })
	})
}

func (m *Map) view(tx *bbolt.Tx) View {
	v := View{layout: &m.layout, tx: tx, pending: m.pending}
	if m.taking != nil {
		v.taking = m.taking.pending
	}
	return v
}

// Get returns the value of the key, or nil if it has none.
func (v View) Get(b Bucket, key []byte) []byte {
	at := b.at(key)
	if value, ok := v.pending.Get(at); ok {
		return value
	}
	if v.taking != nil {
		if value, ok := v.taking.Get(at); ok {
			return value
		}
	}
	if bucket := v.tx.Bucket(v.layout.name(b)); bucket != nil { // else the file is of an older version, and open for reading
		return bucket.Get(key)
	}
	return nil
}

// From goes through the bucket in order, from a key on.
func (v View) From(b Bucket, start []byte) iter.Seq2[[]byte, []byte] {
	all := cover(v.pending, b, start, cover(v.taking, b, start, v.inFile(b, start)))
	return func(yield func(k, value []byte) bool) {
		for k, value := range all {
			if value != nil && !yield(k, value) {
				return
			}
		}
	}
}

func (v View) inFile(b Bucket, start []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, value []byte) bool) {
		bucket := v.tx.Bucket(v.layout.name(b))
		if bucket == nil {
			return
		}
		c := bucket.Cursor()
		for k, value := c.Seek(start); k != nil && yield(k, value); k, value = c.Next() {
		}
	}
}

// cover is both in order, and where both have a key, what is over.
func cover(over *pending, b Bucket, start []byte, under iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, []byte] {
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
		here := func() bool { return more && Bucket(i.Key()[0]) == b }
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
