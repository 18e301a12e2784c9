package kv

import (
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/store/journal"
)

// checkpointEvery is how old what is pending may become, while there is
// something to record.
const checkpointEvery = time.Minute

// checkpoint is the file's taking in of what was pending, in one commit, while
// updates go on into the other journal. Its goroutine only commits; the writer
// updates the map when it reads the result, in endCheckpoint.
type checkpoint struct {
	pending *pending
	order   order
	running bool // false: it failed, and is to be run again; else its result is, or will be, in Map.done
}

// order says, in the file, which entries it does not have: those of the first
// journal, and then those of the other, with these marks.
type order struct {
	first byte
	marks [2]journal.Mark
}

// next is an order in which nothing counts that did before.
func (o order) next() order {
	first := journal.NewMark(o.marks[:]...)
	return order{marks: [2]journal.Mark{first, journal.NewMark(first)}}
}

func (o order) bytes() []byte {
	return append(append([]byte{o.first}, o.marks[0][:]...), o.marks[1][:]...)
}

func readOrder(b []byte) (o order, ok bool) {
	if len(b) != len(o.bytes()) || b[0] > 1 {
		return o, false
	}
	return order{b[0], [2]journal.Mark{journal.Mark(b[1:]), journal.Mark(b[1+len(journal.Mark{}):])}}, true
}

// beginCheckpoint begins one if anything is pending. It waits for the end of
// the last one.
func (m *Map) beginCheckpoint() error {
	if err := m.endCheckpoint(); err != nil || m.pending.Len() == 0 {
		return err
	}
	if err := m.journal().Seal(); err != nil {
		return err
	}
	if err := journal.Point("checkpoint: after the seal"); err != nil {
		return err
	}
	o := m.order
	o.marks[o.first], o.first = journal.NewMark(o.marks[:]...), 1-o.first
	m.begin(o)
	m.order.first = o.first
	return nil
}

// begin starts to write to the file what is pending.
func (m *Map) begin(after order) {
	m.reading.Lock()
	m.taking = &checkpoint{pending: m.pending, order: after}
	m.pending = new(pending)
	m.reading.Unlock()
	m.run(m.taking)
}

func (m *Map) run(c *checkpoint) {
	c.running = true
	go func() { m.done <- sound(func() error { return m.commit(c) }) }()
}

// endCheckpoint waits for the end of the checkpoint, if there is one, and makes
// up for it first if it failed.
func (m *Map) endCheckpoint() error {
	c := m.taking
	if c == nil {
		return m.settleLarge()
	}
	if !c.running {
		m.run(c)
	}
	err := <-m.done
	c.running = false
	if err != nil {
		return err
	}
	if err := journal.Point("checkpoint: before its journal is taken for another"); err != nil {
		return err // its commit is done again, which changes nothing
	}
	m.follow(c.order)
	m.reading.Lock()
	defer m.reading.Unlock()
	m.taking = nil
	return nil
}

// follow goes over to the journals that the file now names.
func (m *Map) follow(o order) {
	m.order = o
	for i, j := range m.journals {
		if j.Mark() != o.marks[i] {
			j.Reset(o.marks[i])
		}
	}
}

// settleLarge finds out what became of an update that was too large for a
// journal and failed at its end: it may be seen already. Then it is made to be
// on disk, before anything builds on it or finds that it has been done.
func (m *Map) settleLarge() error {
	if !m.doubt {
		return nil
	}
	if err := m.settleDoubt(); err != nil {
		return err
	}
	return m.db.View(func(tx *bbolt.Tx) error {
		o, ok := readOrder(tx.Bucket(meta).Get(orderKey))
		if !ok {
			return errNoOrder
		}
		m.follow(o)
		return nil
	})
}

// noticeCheckpoint looks at what came of a checkpoint that is over. Until one
// that failed is made up for, nothing is recorded: the other journal could take
// more, but nobody would hear of the fault before it is full.
func (m *Map) noticeCheckpoint() error {
	if c := m.taking; c != nil && c.running && len(m.done) == 0 {
		return nil
	}
	return m.endCheckpoint()
}

// Checkpoint writes to the file all that is pending.
func (m *Map) Checkpoint() error {
	m.writing.Lock()
	defer m.writing.Unlock()
	return m.checkpoint()
}

func (m *Map) checkpoint() error {
	if err := m.beginCheckpoint(); err != nil {
		return err
	}
	return m.endCheckpoint()
}

// commit commits to the file.
func (m *Map) commit(c *checkpoint) error {
	tx, err := m.beginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing once it is committed
	f := filer{layout: &m.layout, tx: tx}
	c.pending.Scan(f.put)
	if f.err != nil {
		return f.err
	}
	if err := tx.Bucket(meta).Put(orderKey, c.order.bytes()); err != nil {
		return err
	}
	if err := journal.Point("checkpoint: before the commit"); err != nil {
		return err
	}
	m.doubt = true
	if err := tx.Commit(); err != nil {
		return err
	}
	if err := journal.Point("checkpoint: after the commit"); err != nil {
		return err
	}
	m.doubt = false
	return nil
}

// awaitCommit waits until no commit is under way, without looking at what came
// of it.
func (m *Map) awaitCommit() {
	if c := m.taking; c != nil && c.running {
		m.done <- <-m.done
	}
}

// filer writes what was pending to the buckets.
type filer struct {
	layout *Layout
	tx     *bbolt.Tx
	of     Bucket
	bucket *bbolt.Bucket // named of
	err    error
}

func (f *filer) put(key string, value []byte) bool {
	if of := Bucket(key[0]); f.bucket == nil || f.of != of {
		f.of, f.bucket = of, f.tx.Bucket(f.layout.name(of))
		if of == f.layout.Rising {
			f.bucket.FillPercent = 0.9
		}
	}
	if value == nil {
		f.err = f.bucket.Delete([]byte(key[1:]))
	} else {
		f.err = f.bucket.Put([]byte(key[1:]), value)
	}
	return f.err == nil
}

// beginTx begins a transaction that writes to the file. There is one at a time:
// a checkpoint's, or the writer's when there is none.
func (m *Map) beginTx() (*bbolt.Tx, error) {
	if err := m.settleDoubt(); err != nil {
		return nil, err
	}
	return m.db.Begin(true)
}

// settleDoubt brings to disk the state that readers see, if the commit that
// made it failed. A commit ends with writing a meta page and syncing it. When
// that sync fails the page is seen and yet may never reach the disk, because
// the kernel does not try twice. The next commit would take the pages of the
// state on disk for free. So the meta pages are written once more, and who
// still reads the state before is waited for.
func (m *Map) settleDoubt() error {
	if !m.doubt {
		return nil
	}
	m.reading.Lock() // until no reader is left; the next ones read this state
	m.settled.Add(1)
	m.reading.Unlock()
	pages := make([]byte, 2*m.db.Info().PageSize)
	if _, err := m.file.ReadAt(pages, 0); err != nil {
		return err
	}
	if _, err := m.file.WriteAt(pages, 0); err != nil {
		return err
	}
	if err := journal.Point("doubt: before the sync"); err != nil {
		return err
	}
	if err := m.file.Sync(); err != nil {
		return err
	}
	m.doubt = false
	return nil
}
