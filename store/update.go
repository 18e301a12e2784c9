package store

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// Update implements [presence.Store]. A change that panics is an error, and
// nothing of its batch is written. After an error, whatever its cause, the
// store goes on as soon as the cause is gone.
func (s *Store) Update(ctx context.Context, changes []presence.Change, set []presence.Note) error {
	if len(changes)+len(set) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.write("write to", func(u *update) error {
		for _, c := range changes {
			if err := u.change(c); err != nil {
				return err
			}
		}
		if err := u.save(); err != nil {
			return err
		}
		for _, n := range set {
			if err := u.note(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// update is one transaction: every person is read once, changed in memory, and
// written once.
type update struct {
	*kv.Update
	store  *Store
	loaded map[string]*document
	buf    []byte            // where documents are encoded
	noted  map[string][]byte // notes that the update has written, by their keys
}

// write runs f in a transaction and records what it changed, all or nothing.
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
	u := &update{store: s, loaded: map[string]*document{}, noted: map[string][]byte{}}
	done := false // nor is it if f panics
	defer func() { s.recent.take(u.loaded, done) }()
	err = s.kv.Update(func(changed *kv.Update) error {
		u.Update = changed
		return f(u)
	})
	done = err == nil
	return err
}

func (u *update) change(c presence.Change) error {
	d, err := u.load(c.User)
	if err != nil {
		return err
	}
	archived, err := apply(c, &d.Person)
	if err != nil {
		return err
	}
	d.User = c.User
	for i := range archived {
		archived[i].User = c.User
		if err := u.archive(&archived[i]); err != nil {
			return err
		}
	}
	return nil
}

func (u *update) load(user string) (*document, error) {
	if d := u.loaded[user]; d != nil {
		return d, nil
	}
	d, err := u.store.recent.people[user], error(nil)
	if d == nil {
		d, err = decode(user, u.Get(people, []byte(user)))
	}
	if err == nil {
		u.loaded[user] = d
	}
	return d, err
}

func apply(c presence.Change, p *presence.Person) (archived []presence.Visit, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a change of %q panicked at %s: %v", c.User, panicked(), r)
		}
	}()
	return c.Apply(p), nil
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

// save writes the people.
func (u *update) save() error {
	for _, d := range u.loaded {
		if err := u.saveOne(d); err != nil {
			return fmt.Errorf("%q: %w", d.User, err)
		}
	}
	return nil
}

func (u *update) saveOne(d *document) error {
	if d.empty() {
		d.Wake, d.NextErrand = time.Time{}, time.Time{}
	}
	for q, at := range [...]time.Time{presence.Wakes: d.Wake, presence.Errands: d.NextErrand} {
		if err := u.queue(presence.Queue(q), d, at); err != nil {
			return err
		}
	}
	if d.empty() {
		if d.stored == nil {
			return nil
		}
		u.Grown--
		d.stored = nil
		return u.Put(people, []byte(d.User), nil)
	}
	u.buf = d.append(u.buf[:0])
	if bytes.Equal(u.buf, d.stored) {
		return nil
	}
	if d.stored == nil {
		u.Grown++
	}
	d.stored, d.written = bytes.Clone(u.buf), true
	return u.Put(people, []byte(d.User), d.stored)
}

// queue enters the person into the queue for the moment at, or sooner. An entry
// that is sooner is left as it is until Due may have named it: then whoever
// asked writes, and finds it put right, so that nobody is named for ever.
func (u *update) queue(q presence.Queue, d *document, at time.Time) error {
	was := d.queued[q]
	named := nanoseconds(was) <= u.store.asked[q].Load()
	if was.Equal(at) || !was.IsZero() && !at.IsZero() && !at.Before(was) && !named {
		return nil
	}
	if !was.IsZero() {
		if err := u.Put(queues[q], moment(was, d.User), nil); err != nil {
			return err
		}
	}
	d.queued[q] = at
	if at.IsZero() {
		return nil
	}
	return u.Put(queues[q], moment(at, d.User), []byte{})
}

func (u *update) archive(v *presence.Visit) error {
	if err := u.Put(history, historyKey(v.User, v.Arrived, v.ID), encodeVisit(v)); err != nil {
		return fmt.Errorf("a visit of %q: %w", v.User, err)
	}
	return u.Put(visits, visitKey(v.User, v.Arrived, v.ID), []byte{})
}

func (u *update) note(n presence.Note) error {
	key := under(n.Kind, n.Key)
	was, ok := u.noted[string(key)]
	if !ok {
		was = u.Get(notes, key)
	}
	if bytes.Equal(was, n.Value) && (was == nil) == (n.Value == nil) {
		return nil
	}
	value := bytes.Clone(n.Value)
	if err := u.Put(notes, key, value); err != nil {
		return fmt.Errorf("note %q %q: %w", n.Kind, n.Key, err)
	}
	u.noted[string(key)] = value
	return nil
}
