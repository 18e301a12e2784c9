package kv

import (
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/presenced/presenced/store/journal"
)

// Update is the state of the map before an update, and what the update changes
// of it.
type Update struct {
	View
	changes
}

// Put sets the key to the value, or erases it if that is nil. It keeps the
// value. What the file could not take later is refused now.
func (u *Update) Put(b Bucket, key, value []byte) error { return u.changes.put(b, key, value) }

// Update runs f and makes durable what it puts, all or nothing. If f panics, or
// a page that the disk cannot read does, so does Update, and nothing is written.
// After an error, whatever its cause, the map goes on as soon as the cause is
// gone.
func (m *Map) Update(f func(*Update) error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a page that the disk cannot read
	if m.db.IsReadOnly() {
		return bolterrors.ErrDatabaseReadOnly
	}
	if err := m.noticeCheckpoint(); err != nil {
		return err
	}
	u := &Update{}
	err := m.db.View(func(tx *bbolt.Tx) error {
		u.View = m.view(tx)
		return f(u)
	})
	if err == nil && len(u.changes) > 0 {
		err = m.record(u)
	}
	return err
}

// entryKept is how large an entry may be for its memory to be used again.
const entryKept = 1 << 18

// record makes durable what the update changed, and then shows it to readers.
func (m *Map) record(u *Update) error {
	began := time.Now()
	entry := u.entry(append(m.entry[:0], make([]byte, journal.Header)...))
	if len(entry) < entryKept { // a large one is rare
		m.entry = entry
	}
	if !m.journal().Fits(entry) || m.pending.Len() > 0 && began.Sub(m.since) > checkpointEvery {
		if err := m.beginCheckpoint(); err != nil {
			return err
		}
	}
	if !m.journal().Fits(entry) {
		return m.recordLarge(u)
	}
	if err := m.journal().Append(entry); err != nil {
		return err
	}
	m.reading.Lock()
	defer m.reading.Unlock()
	m.take(u.changes, began)
	if m.Committed != nil {
		m.Committed(time.Since(began))
	}
	return nil
}

// take adds to what is pending the changes, which are in the journal.
func (m *Map) take(c changes, now time.Time) {
	if m.pending.Len() == 0 {
		m.since = now
	}
	for _, c := range c {
		m.pending.Set(c.key, c.value)
	}
}

// recordLarge writes to the file at once what is too much for a journal.
func (m *Map) recordLarge(u *Update) error {
	if err := m.checkpoint(); err != nil {
		return err
	}
	c := &checkpoint{pending: new(pending), order: m.order}
	c.order.marks[c.order.first] = journal.NewMark(c.order.marks[:]...) // nothing that failed before is found after it
	for _, change := range u.changes {
		c.pending.Set(change.key, change.value)
	}
	if err := m.commit(c); err != nil {
		return err
	}
	m.follow(c.order)
	return nil
}
