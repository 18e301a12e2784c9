package store

import (
	"time"

	"go.etcd.io/bbolt"
)

// checkpointEvery is how old what is pending may become, while there is
// something to record.
const checkpointEvery = time.Minute

// checkpoint is the file's taking in of what was pending, in one commit, while
// updates go on into the other journal. Whatever it changes of the store, the
// writer does, once it looks at what came of it.
type checkpoint struct {
	pending *pending
	people  int // who are remembered then
	order   order
	running bool // or what came of it is in Store.done; if not, it failed
}

// order says, in the file, which entries it does not have: those of the first
// journal, and then those of the other, with these marks.
type order struct {
	first byte
	marks [2]mark
}

func newOrder() order { return order{marks: [2]mark{newMark(), newMark()}} }

func (o order) bytes() []byte {
	return append(append([]byte{o.first}, o.marks[0][:]...), o.marks[1][:]...)
}

func readOrder(b []byte) (o order, ok bool) {
	if len(b) != len(o.bytes()) || b[0] > 1 {
		return o, false
	}
	return order{b[0], [2]mark{mark(b[1:]), mark(b[1+len(mark{}):])}}, true
}

// beginCheckpoint begins one if anything is pending. It waits for the end of
// the last one.
func (s *Store) beginCheckpoint() error {
	if err := s.endCheckpoint(); err != nil || s.pending.Len() == 0 {
		return err
	}
	if err := s.journal().seal(); err != nil {
		return err
	}
	o := s.order
	o.marks[o.first], o.first = newMark(), 1-o.first
	s.begin(o)
	s.order.first = o.first
	return nil
}

// begin has the file begin to take in what is pending.
func (s *Store) begin(after order) {
	s.reading.Lock()
	s.taking = &checkpoint{pending: s.pending, people: s.people, order: after}
	s.pending = new(pending)
	s.reading.Unlock()
	s.run(s.taking)
}

func (s *Store) run(c *checkpoint) {
	c.running = true
	go func() { s.done <- sound(func() error { return s.commit(c) }) }()
}

// endCheckpoint waits for the end of the checkpoint, if there is one, and makes
// up for it first if it failed.
func (s *Store) endCheckpoint() error {
	c := s.taking
	if c == nil {
		return s.settleLarge()
	}
	if !c.running {
		s.run(c)
	}
	err := <-s.done
	c.running = false
	if err != nil {
		return err
	}
	s.follow(c.order)
	s.reading.Lock()
	defer s.reading.Unlock()
	s.taking = nil
	return nil
}

// follow has the journals be those that the file now says.
func (s *Store) follow(o order) {
	s.order = o
	for i, j := range s.journals {
		if j.mark != o.marks[i] {
			j.reset(o.marks[i])
		}
	}
}

// settleLarge finds out what became of an update that was too large for a
// journal and failed at its end: it may be seen already. Then it is made to be
// on disk, before anything builds on it or finds that it has been done.
func (s *Store) settleLarge() error {
	if !s.doubt {
		return nil
	}
	if err := s.settleDoubt(); err != nil {
		return err
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		o, ok := readOrder(tx.Bucket(meta).Get([]byte("journal")))
		if !ok {
			return errNoOrder
		}
		s.follow(o)
		s.reading.Lock()
		defer s.reading.Unlock()
		s.people = int(tx.Bucket(people.name()).Sequence())
		return nil
	})
}

// noticeCheckpoint looks at what came of a checkpoint that is over. Until one
// that failed is made up for, nothing is recorded: the other journal could take
// more, but nobody would hear of the fault before it is full.
func (s *Store) noticeCheckpoint() error {
	if c := s.taking; c != nil && c.running && len(s.done) == 0 {
		return nil
	}
	return s.endCheckpoint()
}

// catchUp has the file take in all that is pending.
func (s *Store) catchUp() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.checkpoint()
}

func (s *Store) checkpoint() error {
	if err := s.beginCheckpoint(); err != nil {
		return err
	}
	return s.endCheckpoint()
}

// commit commits to the file.
func (s *Store) commit(c *checkpoint) error {
	tx, err := s.beginTx()
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing once it is committed
	f := filer{tx: tx}
	c.pending.Scan(f.put)
	if f.err != nil {
		return f.err
	}
	if err := tx.Bucket(meta).Put([]byte("journal"), c.order.bytes()); err != nil {
		return err
	}
	if err := tx.Bucket(people.name()).SetSequence(uint64(c.people)); err != nil {
		return err
	}
	s.doubt = true
	if err := tx.Commit(); err != nil {
		return err
	}
	s.doubt = false
	return nil
}

// filer writes what was pending to the buckets.
type filer struct {
	tx     *bbolt.Tx
	of     bucket
	bucket *bbolt.Bucket // named of
	err    error
}

func (f *filer) put(key string, value []byte) bool {
	if of := bucket(key[0]); f.bucket == nil || f.of != of {
		f.of, f.bucket = of, f.tx.Bucket(of.name())
		if of == history {
			f.bucket.FillPercent = 0.9 // visits come nearly in the order of their keys
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
func (s *Store) beginTx() (*bbolt.Tx, error) {
	if err := s.settleDoubt(); err != nil {
		return nil, err
	}
	return s.db.Begin(true)
}

// settleDoubt has the state that readers see be on disk, if the commit that
// made it failed. A commit ends with writing a meta page and syncing it. When
// that sync fails the page is seen and yet may never reach the disk, because
// the kernel does not try twice. The next commit would take the pages of the
// state on disk for free. So the meta pages are written once more, and who
// still reads the state before is waited for.
func (s *Store) settleDoubt() error {
	if !s.doubt {
		return nil
	}
	s.reading.Lock() // until no reader is left; the next ones read this state
	s.settled.Add(1)
	s.reading.Unlock()
	pages := make([]byte, 2*s.db.Info().PageSize)
	if _, err := s.file.ReadAt(pages, 0); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(pages, 0); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.doubt = false
	return nil
}
