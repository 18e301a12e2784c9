package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
)

// update is one transaction: every person is read once, changed in memory, and
// written once.
type update struct {
	tx     *bbolt.Tx
	loaded map[string]*document
	order  []*document
	dirty  bool
}

// document is a person as stored, with the moments at which the queues name
// them. A queue may name a person too early, never too late, so a moment that
// moves later costs no write: it is put right when the person is due.
type document struct {
	presence.Person
	stored []byte
	queued [len(queues)]time.Time
}

type envelope struct {
	Queued [len(queues)]int64 `json:"q"`
	Person presence.Person    `json:"p"`
}

func load(tx *bbolt.Tx, user string) (*document, error) {
	return decode(user, tx.Bucket(people).Get([]byte(user)))
}

func decode(user string, data []byte) (*document, error) {
	d := &document{Person: presence.Person{User: user}}
	if data == nil {
		return d, nil
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("decode %q: %w", user, err)
	}
	d.Person, d.Person.User, d.stored = e.Person, user, bytes.Clone(data)
	for q, ns := range e.Queued {
		if ns != 0 {
			d.queued[q] = time.Unix(0, ns).UTC()
		}
	}
	return d, nil
}

func (d *document) encode() ([]byte, error) {
	e := envelope{Person: d.Person}
	for q, at := range d.queued {
		if !at.IsZero() {
			e.Queued[q] = at.UnixNano()
		}
	}
	return json.Marshal(e)
}

func (u *update) change(c presence.Change) error {
	d := u.loaded[c.User]
	if d == nil {
		var err error
		if d, err = load(u.tx, c.User); err != nil {
			return err
		}
		u.loaded[c.User] = d
		u.order = append(u.order, d)
	}
	for _, v := range c.Apply(&d.Person) {
		if err := u.settle(c.User, v); err != nil {
			return err
		}
	}
	d.Person.User = c.User
	return nil
}

func (u *update) settle(user string, v presence.Visit) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	key := moment(v.Arrived, v.ID)
	u.dirty = true
	if err := u.tx.Bucket(history).Put(key, data); err != nil {
		return err
	}
	return u.tx.Bucket(visits).Put(append([]byte(user+"\x00"), key...), []byte{})
}

func (u *update) save() error {
	for _, d := range u.order {
		if err := u.saveOne(d); err != nil {
			return err
		}
	}
	return nil
}

func (u *update) saveOne(d *document) error {
	empty := len(d.Sessions)+len(d.Devices)+len(d.Visits)+len(d.Story) == 0
	if empty {
		d.Wake, d.Errand = time.Time{}, time.Time{}
	}
	for q, at := range [...]time.Time{presence.Wakes: d.Wake, presence.Errands: d.Errand} {
		if err := u.queue(presence.Queue(q), d, at); err != nil {
			return err
		}
	}
	if empty {
		if d.stored == nil {
			return nil
		}
		u.dirty = true
		return u.tx.Bucket(people).Delete([]byte(d.User))
	}
	data, err := d.encode()
	if err != nil || bytes.Equal(data, d.stored) {
		return err
	}
	u.dirty = true
	return u.tx.Bucket(people).Put([]byte(d.User), data)
}

// queue has the queue name the person at the moment at, or a little sooner: an
// entry that is still to come and sooner is left as it is.
func (u *update) queue(q presence.Queue, d *document, at time.Time) error {
	was := d.queued[q]
	if !was.IsZero() && !at.IsZero() && !at.Before(was) && was.After(time.Now()) || was.Equal(at) {
		return nil
	}
	b := u.tx.Bucket(queues[q])
	u.dirty = true
	if !was.IsZero() {
		if err := b.Delete(moment(was, d.User)); err != nil {
			return err
		}
	}
	d.queued[q] = at
	if at.IsZero() {
		return nil
	}
	return b.Put(moment(at, d.User), []byte{})
}

func (u *update) note(n presence.Note) error {
	b, key := u.tx.Bucket(notes), []byte(n.Kind+"\x00"+n.Key)
	if bytes.Equal(b.Get(key), n.Value) {
		return nil
	}
	u.dirty = true
	if n.Value == nil {
		return b.Delete(key)
	}
	return b.Put(key, bytes.Clone(n.Value))
}

// moment is a key that sorts by time first.
func moment(t time.Time, name string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano())), name...)
}

func splitMoment(key []byte) (time.Time, []byte) {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key))).UTC(), key[8:]
}
