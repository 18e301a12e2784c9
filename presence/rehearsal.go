package presence

import (
	"context"
	"hash/maphash"
	"log/slog"
	"time"
)

// Rehearsal goes through the records of a past: what a tracker would have concluded
// that had heard each of them as it arrived. It is the tracker, without its clock:
// time is that of the records. Nothing is stored, and nobody is called. It is for one
// goroutine.
type Rehearsal struct {
	Over  func(rules int, v Visit, noticed time.Time) // called with each visit that is over; noticed is when its arrival was believed
	On    func(rules int, v Visit, noticed time.Time) // called by Finish with each that is not
	Story string                                      // the user whose visits have their stories; "": nobody's do

	t      *Tracker
	people *audience
	under  *under
	began  bool
	now    time.Time
	housed time.Time // when the tracker last kept house
	news   bool      // something was heard since the tracker last looked at the NASes
}

// listenedFor is how long before the first record a rehearsal listens already.
const listenedFor = 10 * time.Minute

// NewRehearsal returns a rehearsal under the rules, and beside them under any number
// of others over the same facts, which may differ in linger, lunch and dozes, and in
// nothing else. Rehearsal.Over names them by their index from 1 on; rules are 0. Whom
// nothing happens to is packed meanwhile.
func NewRehearsal(mapping Mapping, codec Codec, rules Rules, others ...Rules) *Rehearsal {
	ignored := func(int, Visit, time.Time) {}
	r := &Rehearsal{Over: ignored, On: ignored, under: &under{}}
	for _, o := range append([]Rules{rules}, others...) {
		o.CheckOut = CheckOutOurs // nothing is ever checked in: whoever has left is settled
		r.under.rules = append(r.under.rules, o)
	}
	r.under.guises = make([]guise, len(r.under.rules))
	r.under.told = r.over
	r.people = &audience{
		under: r.under, codec: codec, story: &r.Story, all: map[string]*listener{}, notes: map[string]map[string][]byte{}, seed: maphash.MakeSeed(),
		look: beside{under: r.under, each: make([]otherwise, len(r.under.rules))},
	}
	r.t = newTracker(time.Time{}, r.people, mapping, r.under.rules[0], slog.New(slog.DiscardHandler))
	r.t.isBeat, r.t.room = r.people.beat, &room{}
	r.t.nasesKnown.Store(true)
	r.t.recalled.Store(true)
	return r
}

// over tells of a visit that is over.
func (r *Rehearsal) over(rules int, p *Person, v Visit, noticed time.Time) {
	if rules == 0 && v.User == r.Story {
		v.Story = p.since(v.Arrived)
	}
	r.Over(rules, v, noticed)
}

// Hear hears records that arrived together, after all that were heard before.
func (r *Rehearsal) Hear(batch ...Record) {
	if len(batch) == 0 {
		return
	}
	heard := batch[0].Heard
	if !r.began {
		r.began = true
		start := heard.Add(-listenedFor)
		r.now, r.housed = start, start
		r.t.looked = start
		r.t.listen(start, retryTime)
	}
	r.pass(heard)
	r.do(r.t.record(context.Background(), r.now, batch))
	r.news = true
}

// World returns what decisions have to know at the time of the latest record.
func (r *Rehearsal) World() World {
	w := r.t.world(r.now)
	w.room = nil
	return w
}

// Now returns the time that the rehearsal has come to.
func (r *Rehearsal) Now() time.Time { return r.now }

// Unmatched returns what led nowhere, as [Tracker.Unmatched] does.
func (r *Rehearsal) Unmatched() []Unmatched { return r.t.Unmatched() }

// NASes returns what is known of every NAS, as [Tracker.NASes] does.
func (r *Rehearsal) NASes() map[NASName]NAS { return r.t.NASes() }

// tickEvery is how often a tracker looks at its NASes.
const tickEvery = flushEvery

// pass lets time pass up to the given time, with a look at whoever is due meanwhile.
func (r *Rehearsal) pass(until time.Time) {
	for {
		next := r.people.next()
		if r.news {
			next = earlier(next, r.t.flushed.Add(tickEvery))
		}
		if next.IsZero() || next.After(until) {
			break
		}
		next = later(next, r.now)
		r.tick(next)
	}
	r.now = later(r.now, until)
}

func (r *Rehearsal) tick(at time.Time) {
	r.now = at
	if _, err := r.t.tick(context.Background(), at); err != nil {
		r.do(err)
	}
	r.news = r.t.flushed.Before(at)
	if at.Sub(r.housed) >= houseEvery {
		r.housed = at
		r.do(r.t.housekeep(context.Background(), at, houseEvery))
	}
}

// houseEvery is how often a rehearsal keeps house: what it forgets is older.
const houseEvery = 24 * time.Hour

// do is for what only a store could fail at.
func (r *Rehearsal) do(err error) {
	if err != nil {
		panic(err) // there is none
	}
}

// Finish decides what was being left when the records end: linger goes on, and
// nothing else does. Nobody falls silent because there are no more records, and
// whoever is there stays.
func (r *Rehearsal) Finish() {
	if !r.began {
		return
	}
	r.tick(r.now)
	w := r.World()
	w.room = r.t.room
	for _, user := range r.people.users() {
		p := r.people.wakeUp(r.people.all[user])
		c := &picture{Person: p, w: &w, now: r.now, sessions: p.look(r.now, &w)}
		for i := range p.beside.each {
			p.beside.finish(i, c)
			for _, b := range p.beside.each[i].visits {
				v := b.visit(user)
				if i == 0 && user == r.Story {
					v.Story = p.since(v.Arrived)
				}
				r.On(i, v, b.noticed)
			}
		}
	}
}

// finish decides the departures of visits that everybody is leaving: as of the moment
// at which each is due, with the NASes heard until then.
func (b *beside) finish(i int, c *picture) {
	o, w := &b.each[i], *c.w
	w.Rules = b.rules[i]
	for range len(o.visits) + 1 {
		b.put(i, c.Person)
		as := &b.guises[i].as
		at := &picture{Person: as, w: &w, now: c.now, sessions: c.sessions}
		at.draw()
		due := time.Time{}
		for j := range as.Visits {
			if v := &as.Visits[j]; v.State == Leaving {
				due = earlier(due, at.outlook(v).Until)
			}
		}
		if due.IsZero() || due.Before(c.now) {
			return
		}
		then := w.until(due, c.now)
		at.w, at.now = &then, due
		for j := range as.Visits {
			if v := &as.Visits[j]; v.State == Leaving {
				as.updateVisit(v, at)
			}
		}
		b.keep(i, c.Person, as, due)
	}
}

// until returns the world as it will be if all NASes are heard that are now.
func (w World) until(then, now time.Time) World {
	heard, byHash := w.NAS, w.NASByHash
	on := func(n NAS) NAS {
		if !n.silent(now) && n.Heard.Before(then) {
			n.Heard = then
		}
		return n
	}
	w.NAS = func(name NASName) NAS { return on(heard(name)) }
	w.NASByHash = func(hash uint32) NAS { return on(byHash(hash)) }
	return w
}
