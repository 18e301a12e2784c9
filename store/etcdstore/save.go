package etcdstore

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// What a transaction writes of a person who was changed.

// save finds what the update writes.
func (u *update) save(ctx context.Context) error {
	for _, user := range slices.Sorted(maps.Keys(u.loaded)) {
		if err := u.saveOne(ctx, u.loaded[user]); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(u.noted)) {
		value, was := u.noted[key], u.notes[key].value
		switch {
		case u.read[key] && bytes.Equal(value, was) && (value == nil) == (was == nil):
		case value == nil:
			u.writes.erase([]byte(key))
		default:
			u.writes.put([]byte(key), value)
		}
	}
	return nil
}

func (u *update) saveOne(ctx context.Context, p *person) error {
	key, was, rows := u.s.key(people, []byte(p.User)), p.Queued, u.writes.len()
	p.entered = was[presence.Errands]
	if p.Unknown() {
		if p.encoded == nil {
			return nil
		}
		for q := range presence.Queue(len(queues)) {
			u.enter(q, p, was[q], time.Time{})
		}
		u.writes.erase(key)
		u.writes.eraseAll(u.s.key(past, store.Under(p.User, "")))
		u.writes.eraseAll(u.s.key(lines, store.Under(p.User, "")))
		return nil
	}
	if err := u.saveApart(ctx, p); err != nil {
		return err
	}
	for q := range presence.Queue(len(queues)) {
		p.Queued[q] = u.s.queued(q, p)
	}
	if document := p.Encode(nil); p.encoded != nil && u.writes.len() == rows && bytes.Equal(document, p.encoded) {
		return nil
	}
	ours := p.daemon == u.s.config.Name
	for q := range presence.Queue(len(queues)) {
		if !ours { // who writes a person, is there for them
			p.Queued[q] = p.Moment(q)
		}
		if !ours || !p.Queued[q].Equal(was[q]) {
			u.enter(q, p, was[q], p.Queued[q])
		}
	}
	u.writes.put(key, u.stamp.wrap(p.Encode(nil)))
	return nil
}

// queued returns the moment at which the queue is to name the person. An entry for a wake
// that is sooner is left as it is until Due may have named it: then whoever asked
// writes, and finds it put right, so that nobody is named for ever. Errands are few, and
// always exact.
func (s *Store) queued(q presence.Queue, p *person) time.Time {
	was, at := p.Queued[q], p.Moment(q)
	if q == presence.Wakes && !was.IsZero() && !at.IsZero() && at.After(was) && was.UnixNano() > s.asked[q].Load() {
		return was
	}
	return at
}

// enter moves the person's entry in the queue.
func (u *update) enter(q presence.Queue, p *person, was, at time.Time) {
	if !was.IsZero() && !was.Equal(at) {
		u.writes.erase(u.s.key(queues[q], store.MomentKey(was, p.User)))
	}
	if !at.IsZero() {
		u.writes.put(u.s.key(queues[q], store.MomentKey(at, p.User)), []byte(u.s.config.Name))
	}
}

// saveApart writes what of the person is stored apart, and has changed.
func (u *update) saveApart(ctx context.Context, p *person) error {
	facts, story, all := p.Part()
	keys, known := p.Keys(), map[uint32][]byte{}
	if p.was.have&presence.PastFacts != 0 {
		for i := range p.was.past {
			known[p.was.past[i].Key()] = store.EncodeFacts(&p.was.past[i])
		}
	}
	for i := range facts {
		f := &facts[i]
		if value := store.EncodeFacts(f); slices.Contains(keys, f.Key()) && !bytes.Equal(known[f.Key()], value) {
			u.writes.put(u.s.key(past, store.PastKey(p.User, f.Key())), value)
		}
	}
	for _, key := range p.keys {
		if !slices.Contains(keys, key) {
			u.writes.erase(u.s.key(past, store.PastKey(p.User, key)))
		}
	}
	replaced := all && p.told
	if replaced {
		if err := u.s.readApart(ctx, p.User, p.was, presence.AllLines); err != nil {
			return err
		}
	}
	stays := map[string]bool{}
	for i := range story {
		key, value := u.s.key(lines, store.LineKey(p.User, &story[i])), store.EncodeLine(&story[i])
		stays[string(key)] = true
		if !bytes.Equal(p.was.said[string(key)], value) {
			u.writes.put(key, value)
		}
	}
	if replaced {
		u.eraseLines(p, stays)
	}
	return nil
}

// eraseLines erases the lines that were read of the person, but those that stay; as many
// as stand beside one another at once.
func (u *update) eraseLines(p *person, stays map[string]bool) {
	all := slices.Sorted(maps.Keys(p.was.said))
	for from := 0; from < len(all); from++ {
		to := from
		for to < len(all) && !stays[all[to]] {
			to++
		}
		if from < to {
			first, last := []byte(all[from]), next([]byte(all[to-1]))
			if putBetween(u.writes.puts, all[from], string(last)) || to == from+1 {
				for _, key := range all[from:to] {
					u.writes.erase([]byte(key))
				}
			} else {
				u.writes.gone[string(first)] = string(last)
			}
			from = to
		}
	}
}

// putBetween reports whether something is put from the one key to before the other.
func putBetween(puts map[string][]byte, from, to string) bool {
	for key := range puts {
		if key >= from && key < to {
			return true
		}
	}
	return false
}
