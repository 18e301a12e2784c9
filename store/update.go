package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// Update implements [presence.Store]. All of it is one transaction: after an error
// nothing is written, unless the disk failed as it was being synced. Whatever the
// cause, the store goes on as soon as that is gone.
func (s *Store) Update(ctx context.Context, changes []presence.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var then []func()
	err := s.write("write to", func(u *update) error {
		for i := range changes {
			o, err := u.change(&changes[i])
			if err != nil {
				return err
			}
			if o.Then != nil {
				then = append(then, o.Then)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, f := range then {
		f()
	}
	return nil
}

// update is one transaction: every person and note is read once, changed in memory,
// and written once.
type update struct {
	*kv.Update
	store  *Store
	loaded map[string]*document
	saved  []*document      // of those, who are not as they were
	noted  map[string]*note // by their keys
	grown  int              // by how many people the store has more after it
	buf    []byte           // where documents are encoded
}

// note is a note as it was stored, and as the update leaves it.
type note struct{ was, is []byte }

// write runs f in a transaction and records what that changed, all or nothing.
// The verb begins the text of an error.
func (s *Store) write(verb string, f func(*update) error) (err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a page that the disk cannot read
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic at %s: %v", panicked(), p)
		}
		if err != nil {
			err = fmt.Errorf("%s store %s: %w", verb, s.Path(), err)
		}
	}()
	u := &update{store: s, loaded: map[string]*document{}, noted: map[string]*note{}}
	done := false // nor is it if f panics
	defer func() { s.recent.take(u, done) }()
	err = s.kv.Update(func(changed *kv.Update) error {
		u.Update = changed
		if err := f(u); err != nil {
			return err
		}
		return u.save()
	})
	done = err == nil
	for _, d := range u.saved { // after an error, too: they may have been written
		s.naming.Note(d.User, d.was, d.Queued[presence.Errands])
	}
	return err
}

func (u *update) change(c *presence.Change) (o presence.Outcome, err error) {
	var d *document
	if c.User != "" {
		if d, err = u.load(c.User); err != nil {
			return o, err
		}
	}
	if o, err = u.run(c, d); err != nil {
		return o, err
	}
	if d != nil {
		if d.User = c.User; d.empty() {
			d.Person = presence.Person{User: c.User} // as whoever finds them not stored will
		}
	}
	for i := range o.Archived {
		o.Archived[i].User = c.User
		if err := u.archive(&o.Archived[i]); err != nil {
			return o, err
		}
	}
	for _, n := range o.Notes {
		u.note(n)
	}
	return o, nil
}

// run makes the change of the document, nil if it is about nobody, and again if it wants
// what is stored apart.
func (u *update) run(c *presence.Change, d *document) (o presence.Outcome, err error) {
	var read [][]byte
	for _, k := range c.Reads {
		read = append(read, u.noteAt(Under(k.Kind, k.Key)).is)
	}
	if d == nil {
		return Apply(c, nil, read)
	}
	var before presence.Person
	if d.changed {
		before = d.Clone()
	}
	for have := presence.Parts(0); ; {
		o, err = Apply(c, &d.Person, read)
		wants := d.Wants()
		if err != nil || wants == 0 {
			d.changed = true
			return o, err
		}
		have |= wants
		if d.changed {
			d.Person = before.Clone()
		} else if is, err := decode(d.User, d.stored); err != nil {
			return o, err
		} else {
			d.Person = is.Person
		}
		if err := join(u.View, &d.Person, have); err != nil {
			return o, err
		}
	}
}

func (u *update) load(user string) (*document, error) {
	if d := u.loaded[user]; d != nil {
		return d, nil
	}
	d, err := u.store.recent.people[user], error(nil)
	if d == nil {
		if d, err = decode(user, u.Get(people, []byte(user))); err == nil {
			d.note()
		}
	}
	if err == nil {
		u.loaded[user] = d
	}
	return d, err
}

// loadAll loads the users, whose entries in the queues are put right if Due has named
// them.
func (u *update) loadAll(users []string) error {
	for _, user := range users {
		if _, err := u.load(user); err != nil {
			return err
		}
	}
	return nil
}

// Apply runs the change, as one of any engine; a panic of it is an error.
func Apply(c *presence.Change, p *presence.Person, read [][]byte) (o presence.Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a change of %q panicked at %s: %v", c.User, panicked(), r)
		}
	}()
	return c.Apply(p, read), nil
}

// panicked returns the line that the panic being recovered from came from.
func panicked() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for thrown := false; ; {
		f, more := frames.Next()
		inside := strings.HasPrefix(f.Function, "runtime.")
		if thrown && !inside || !more {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		thrown = thrown || f.Function == "runtime.gopanic"
	}
}

// save writes the people, and the notes.
func (u *update) save() error {
	for _, d := range u.loaded {
		if err := u.saveOne(d); err != nil {
			return fmt.Errorf("%q: %w", d.User, err)
		}
	}
	if u.grown != 0 {
		if err := u.count(); err != nil {
			return err
		}
	}
	for key, n := range u.noted {
		if bytes.Equal(n.was, n.is) && (n.was == nil) == (n.is == nil) {
			continue
		}
		if err := u.Put(notes, []byte(key), n.is); err != nil {
			return fmt.Errorf("note %q: %w", key, err)
		}
	}
	return nil
}

// count writes the number of people.
func (u *update) count() error {
	return u.Put(counts, ofPeople, binary.AppendUvarint(nil, uint64(counted(u.View)+u.grown)))
}

func (u *update) saveOne(d *document) error {
	d.was = d.Queued[presence.Errands]
	for q := range presence.Queue(len(queues)) {
		if err := u.queue(q, d, d.Moment(q)); err != nil {
			return err
		}
	}
	d.changed = false
	if d.empty() {
		if d.stored == nil {
			return nil
		}
		u.grown--
		d.stored = nil
		u.saved = append(u.saved, d)
		return errors.Join(u.eraseApart(d.User), u.Put(people, []byte(d.User), nil))
	}
	if err := u.saveApart(d); err != nil {
		return err
	}
	u.buf = d.Encode(u.buf[:0])
	if bytes.Equal(u.buf, d.stored) {
		return nil
	}
	if d.stored == nil {
		u.grown++
	}
	d.stored, d.written = bytes.Clone(u.buf), true
	u.saved = append(u.saved, d)
	return u.Put(people, []byte(d.User), d.stored)
}

// queue enters the person into the queue for the moment at, or sooner. An entry
// that is sooner is left as it is until Due may have named it: then whoever
// asked writes, and finds it put right, so that nobody is named for ever.
func (u *update) queue(q presence.Queue, d *document, at time.Time) error {
	was := d.Queued[q]
	named := nanoseconds(was) <= u.store.asked[q].Load()
	if was.Equal(at) || !was.IsZero() && !at.IsZero() && !at.Before(was) && !named {
		return nil
	}
	if !was.IsZero() {
		if err := u.Put(queues[q], MomentKey(was, d.User), nil); err != nil {
			return err
		}
	}
	d.Queued[q] = at
	if at.IsZero() {
		return nil
	}
	return u.Put(queues[q], MomentKey(at, d.User), []byte{})
}

func (u *update) archive(v *presence.Visit) error {
	if err := u.Put(history, HistoryKey(v.User, v.Arrived, v.ID), EncodeVisit(v)); err != nil {
		return fmt.Errorf("a visit of %q: %w", v.User, err)
	}
	return u.Put(visits, VisitKey(v.User, v.Arrived, v.ID), []byte{})
}

// note has the note written.
func (u *update) note(n presence.Note) {
	u.noteAt(Under(n.Kind, n.Key)).is = bytes.Clone(n.Value)
}

// noteAt returns the note at the key.
func (u *update) noteAt(key []byte) *note {
	n := u.noted[string(key)]
	if n == nil {
		is, known := u.store.recent.notes[string(key)]
		if !known {
			is = bytes.Clone(u.Get(notes, key))
		}
		n = &note{is, is}
		u.noted[string(key)] = n
	}
	return n
}
