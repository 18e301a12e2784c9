package etcdstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

const (
	changesAtOnce = 40 // changes of one transaction: most need three operations
	mostTries     = 50 // of one transaction, which others may overtake
)

// Update implements [presence.Store]. As many changes as there is room for are one
// transaction, with their notes; then come the next ones.
func (s *Store) Update(ctx context.Context, changes []presence.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	then, err := s.update(ctx, changes)
	if err != nil {
		return s.failed("write to", err)
	}
	took := time.Since(started)
	if s.latest.Store(int64(took)); s.Committed != nil {
		s.Committed(took)
	}
	for _, f := range then {
		f()
	}
	return nil
}

func (s *Store) update(ctx context.Context, changes []presence.Change) (then []func(), err error) {
	k := known{s: s, people: map[string]*whole{}, notes: map[string]stored{}}
	if err := k.load(ctx, changes); err != nil {
		return nil, err
	}
	for most := changesAtOnce; len(changes) > 0; {
		some := changes[:min(most, len(changes))]
		done, err := s.make(ctx, &k, some)
		if errors.Is(err, errTooMany) {
			most = (len(some) + 1) / 2
			continue
		}
		if err != nil {
			return nil, err
		}
		then, changes = append(then, done...), changes[len(some):]
	}
	return then, nil
}

// errTooMany is that several changes have no room in one transaction.
var errTooMany = errors.New("too much for one transaction")

// make makes the changes in one transaction, again and again until nobody has overtaken
// it.
func (s *Store) make(ctx context.Context, k *known, changes []presence.Change) (then []func(), err error) {
	for range mostTries {
		if err := k.load(ctx, changes); err != nil {
			return nil, err
		}
		u := newUpdate(k)
		for i := range changes {
			f, err := u.change(ctx, &changes[i])
			if err != nil {
				return nil, err
			}
			if f != nil {
				then = append(then, f)
			}
		}
		if err := u.save(ctx); err != nil {
			return nil, err
		}
		won, err := u.commit(ctx, len(changes) == 1)
		u.noteRewritten() // after an error, too: they may have been written
		switch {
		case err != nil:
			return nil, err
		case won:
			return then, nil
		}
		then = nil
		s.conflicts.Add(1)
	}
	return nil, fmt.Errorf("others were faster %d times", mostTries)
}

// noteRewritten notes for NewlyDue who was written.
func (u *update) noteRewritten() {
	for user, p := range u.loaded {
		key := u.s.key(people, []byte(user))
		_, put := u.writes.puts[string(key)]
		_, gone := u.writes.gone[string(key)]
		if put || gone {
			u.s.naming.Note(user, p.entered, p.Queued[presence.Errands])
		}
	}
}

// known is what was read for an update.
type known struct {
	s      *Store
	people map[string]*whole
	notes  map[string]stored // by their keys
}

// whole is a person as stored, and what is stored apart, if that was read: for as long as
// the document does not change, nor does that.
type whole struct {
	stored
	past []presence.Facts  // if have says so
	said map[string][]byte // lines by their keys, likewise
	have presence.Parts
}

// load reads whom and which notes the changes are about, as far as they are not known.
func (k *known) load(ctx context.Context, changes []presence.Change) error {
	var users, keys []string
	for i := range changes {
		c := &changes[i]
		if c.User != "" && k.people[c.User] == nil && !slices.Contains(users, c.User) {
			if is, ok := k.s.recent.get(c.User); ok {
				k.people[c.User] = &whole{stored: is}
			} else {
				users = append(users, c.User)
			}
		}
		for _, n := range c.Reads {
			key := string(k.s.key(notes, store.Under(n.Kind, n.Key)))
			if _, ok := k.notes[key]; !ok && !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	var all [][]byte
	for _, user := range users {
		all = append(all, k.s.key(people, []byte(user)))
	}
	for _, key := range keys {
		all = append(all, []byte(key))
	}
	values, err := k.s.gets(ctx, all)
	if err != nil {
		return err
	}
	for i, is := range values {
		if i < len(users) {
			k.took(users[i], is)
		} else {
			k.notes[keys[i-len(users)]] = is
		}
	}
	return nil
}

// took notes what is stored of the user.
func (k *known) took(user string, is stored) {
	k.people[user] = &whole{stored: is}
	k.s.recent.put(user, is)
}

// update is one transaction in the making: every person is read once, changed in memory,
// and written once.
type update struct {
	*known
	loaded map[string]*person
	noted  map[string][]byte // notes as the update leaves them
	read   map[string]bool   // notes that a change has read
	writes writes
	stamp  stamp
}

// person is one whom an update is about.
type person struct {
	store.Document
	was     *whole
	encoded []byte   // as it was
	daemon  string   // that wrote the entries in the queues
	keys    []uint32 // of the facts that are stored apart
	told    bool     // lines are stored
	changed bool     // by the update

	entered time.Time // when its errand was queued before the update
}

func newUpdate(k *known) *update {
	u := &update{known: k, loaded: map[string]*person{}, noted: map[string][]byte{}, read: map[string]bool{}, writes: newWrites(), stamp: stamp{daemon: k.s.config.Name}}
	_, _ = rand.Read(u.stamp.txn[:]) // it never fails
	return u
}

func (u *update) load(user string) (*person, error) {
	if p := u.loaded[user]; p != nil {
		return p, nil
	}
	was := u.people[user]
	by, document := unwrap(was.value)
	is, err := store.Decode(user, document)
	if err != nil {
		u.s.recent.forget(user)
		return nil, err
	}
	p := &person{Document: is, was: was, encoded: document, daemon: by.daemon, keys: is.Keys(), told: is.Told.Lines > 0}
	u.loaded[user] = p
	return p, nil
}

func (u *update) change(ctx context.Context, c *presence.Change) (then func(), err error) {
	var p *person
	if c.User != "" {
		if p, err = u.load(c.User); err != nil {
			return nil, err
		}
	}
	o, err := u.run(ctx, c, p)
	if err != nil {
		return nil, err
	}
	if p != nil {
		if p.User = c.User; p.Unknown() {
			p.Person = presence.Person{User: c.User} // as whoever finds them not stored will
		}
		for i := range o.Archived {
			o.Archived[i].User = c.User
			v := &o.Archived[i]
			u.writes.put(u.s.key(history, store.HistoryKey(v.User, v.Arrived, v.ID)), store.EncodeVisit(v))
			u.writes.put(u.s.key(visits, store.VisitKey(v.User, v.Arrived, v.ID)), nil)
		}
	}
	for _, n := range o.Notes {
		u.noted[string(u.s.key(notes, store.Under(n.Kind, n.Key)))] = bytes.Clone(n.Value)
	}
	return o.Then, nil
}

// run makes the change of the person, nil if it is about nobody, and again if it wants what
// is stored apart.
func (u *update) run(ctx context.Context, c *presence.Change, p *person) (o presence.Outcome, err error) {
	var read [][]byte
	for _, n := range c.Reads {
		key := string(u.s.key(notes, store.Under(n.Kind, n.Key)))
		u.read[key] = true
		value, is := u.noted[key]
		if !is {
			value = u.notes[key].value
		}
		read = append(read, bytes.Clone(value))
	}
	if p == nil {
		return store.Apply(c, nil, read)
	}
	var before presence.Person
	if p.changed {
		before = p.Clone()
	}
	for have := presence.Parts(0); ; {
		o, err = store.Apply(c, &p.Person, read)
		wants := p.Wants()
		if err != nil || wants == 0 {
			p.changed = true
			return o, err
		}
		have |= wants
		if p.changed {
			p.Person = before.Clone()
		} else if is, err := store.Decode(p.User, p.encoded); err != nil {
			return o, err
		} else {
			p.Person = is.Person
		}
		if err := u.s.readApart(ctx, p.User, p.was, have); err != nil {
			return o, err
		}
		if have&presence.PastFacts != 0 {
			p.Join(p.was.past)
		}
		if have&presence.AllLines != 0 {
			all, err := p.was.story()
			if err != nil {
				return o, err
			}
			p.Recall(all)
		}
	}
}

// readApart reads parts of the user that are stored apart, unless they were read.
func (s *Store) readApart(ctx context.Context, user string, w *whole, parts presence.Parts) error {
	parts &^= w.have
	if parts&presence.PastFacts != 0 {
		rows, err := s.rows(ctx, past, user)
		if err == nil {
			err = w.takePast(rows)
		}
		if err != nil {
			return err
		}
	}
	if parts&presence.AllLines != 0 {
		rows, err := s.rows(ctx, lines, user)
		if err != nil {
			return err
		}
		w.takeLines(rows)
	}
	w.have |= parts
	return nil
}

// rows reads what stands under the user.
func (s *Store) rows(ctx context.Context, of byte, user string) ([]*mvccpb.KeyValue, error) {
	from := s.key(of, store.Under(user, ""))
	got, err := s.etcd.read(ctx, &etcdserverpb.RangeRequest{Key: from, RangeEnd: beyond(from)})
	return got.GetKvs(), err
}

func (w *whole) takePast(rows []*mvccpb.KeyValue) error {
	w.past = nil
	for _, row := range rows {
		f, err := store.DecodeFacts(row.Value)
		if err != nil {
			return fmt.Errorf("decode facts that are over: %w", err)
		}
		w.past = append(w.past, f)
	}
	return nil
}

func (w *whole) takeLines(rows []*mvccpb.KeyValue) {
	w.said = map[string][]byte{}
	for _, row := range rows {
		w.said[string(row.Key)] = row.Value
	}
}

// story returns the lines that were read.
func (w *whole) story() (all []presence.Entry, err error) {
	for _, key := range slices.Sorted(maps.Keys(w.said)) {
		e, err := store.DecodeLine(w.said[key])
		if err != nil {
			return nil, fmt.Errorf("decode a line of a story: %w", err)
		}
		all = append(all, e)
	}
	return all, nil
}

// commit makes the transaction, and reports whether it was the first. If not, what was
// read meanwhile is known. If it is one change alone, which cannot be divided, what there
// is no room for is written before it or after: rows of which nobody finds more than is
// in the person, and notes.
func (u *update) commit(ctx context.Context, alone bool) (won bool, err error) {
	var before, after []writes
	if u.len() > mostOps || u.writes.size > mostOctets {
		if !alone {
			return false, errTooMany
		}
		isNote := func(key []byte) bool { return key[len(u.s.config.Prefix)] == notes }
		after = append(u.writes.parted(false, isNote), u.writes.parted(true, isNote)...)
		if u.len() > mostOps || u.writes.size > mostOctets {
			before = u.writes.parted(false, u.s.isRow)
			after = append(u.writes.parted(true, u.s.isRow), after...)
		}
	}
	for i := range before {
		if _, err := u.s.write(ctx, &etcdserverpb.TxnRequest{Success: before[i].ops()}); err != nil {
			return false, err
		}
	}
	if won, err = u.compareAndWrite(ctx); err != nil || !won {
		return won, err
	}
	for i := range after {
		if _, err := u.s.write(ctx, &etcdserverpb.TxnRequest{Success: after[i].ops()}); err != nil {
			return false, err
		}
	}
	return true, nil
}

// len is how many comparisons or operations there are.
func (u *update) len() int { return max(u.writes.len(), len(u.loaded)+len(u.read)) }

// isRow reports whether the key is of something that is stored apart from a person.
func (s *Store) isRow(key []byte) bool {
	of := key[len(s.config.Prefix)]
	return of == past || of == lines || of == history || of == visits
}

func (u *update) compareAndWrite(ctx context.Context) (won bool, err error) {
	t := &etcdserverpb.TxnRequest{Success: u.writes.ops()}
	users, keys := slices.Sorted(maps.Keys(u.loaded)), slices.Sorted(maps.Keys(u.read))
	for _, user := range users {
		key := u.s.key(people, []byte(user))
		t.Compare = append(t.Compare, unchanged(key, u.loaded[user].was.rev))
		t.Failure = append(t.Failure, get(key, nil))
	}
	for _, key := range keys {
		t.Compare = append(t.Compare, unchanged([]byte(key), u.notes[key].rev))
		t.Failure = append(t.Failure, get([]byte(key), nil))
	}
	if len(t.Compare)+len(t.Success) == 0 {
		return true, nil
	}
	got, err := u.s.write(ctx, t)
	if err != nil {
		return false, err
	}
	if got.Succeeded {
		u.written(got.Header.Revision)
		return true, nil
	}
	for i, r := range got.Responses {
		is := found(r.GetResponseRange().GetKvs())
		if i >= len(users) {
			u.notes[keys[i-len(users)]] = is
			continue
		}
		if by, _ := unwrap(is.value); by == u.stamp {
			won = true // an attempt that was thought to have failed
		}
		u.took(users[i], is)
	}
	if won {
		for key := range u.noted {
			delete(u.notes, key) // and read again, if need be
		}
	}
	return won, nil
}

// written notes what is stored since the transaction.
func (u *update) written(rev int64) {
	for user := range u.loaded {
		key := u.s.key(people, []byte(user))
		if value, is := u.writes.puts[string(key)]; is {
			u.took(user, stored{value, rev})
		} else if _, is := u.writes.gone[string(key)]; is {
			u.took(user, stored{})
		}
	}
	for key, value := range u.noted {
		if value == nil {
			u.notes[key] = stored{}
		} else {
			u.notes[key] = stored{value, rev}
		}
	}
}
