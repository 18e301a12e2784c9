package presence

import (
	"container/heap"
	"context"
	"log/slog"
	"slices"
	"strings"
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
	others []Rules
	began  bool
	now    time.Time
	housed time.Time // when the tracker last kept house
	news   bool      // something was heard since the tracker last looked at the NASes
}

// listenedFor is how long before the first record a rehearsal listens already.
const listenedFor = 10 * time.Minute

// NewRehearsal returns a rehearsal under the rules, and beside them under any number
// of others over the same facts, which may differ in linger, lunch and dozes, and in
// nothing else. Rehearsal.Over names them by their index from 1 on; rules are 0.
func NewRehearsal(mapping Mapping, rules Rules, others ...Rules) *Rehearsal {
	ignored := func(int, Visit, time.Time) {}
	r := &Rehearsal{Over: ignored, On: ignored}
	for _, o := range append([]Rules{rules}, others...) {
		o.CheckOut = CheckOutOurs // nothing is ever checked in: whoever has left is settled
		r.others = append(r.others, o)
	}
	r.people = &audience{all: map[string]*listener{}, notes: map[string]map[string][]byte{}, enter: r.enter, story: &r.Story, over: func(v Visit) { r.Over(0, v, v.CheckIn.At) }}
	r.t = newTracker(time.Time{}, r.people, mapping, r.others[0], slog.New(slog.DiscardHandler))
	r.t.past, r.t.room = true, &room{}
	r.t.nasesKnown.Store(true)
	r.t.recalled.Store(true)
	return r
}

// enter has the other rules told of a person who is new.
func (r *Rehearsal) enter(p *Person) {
	for i := range r.others[1:] {
		p.others = append(p.others, r.under(i+1))
	}
}

// under returns the rules of that index for one person.
func (r *Rehearsal) under(i int) *otherwise {
	return &otherwise{rules: &r.others[i], told: func(v Visit, noticed time.Time) { r.Over(i, v, noticed) }}
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
	r.people.now = r.now
	r.do(r.t.record(context.Background(), r.now, batch))
	r.news = true
}

// World returns what decisions have to know at the time of the latest record.
func (r *Rehearsal) World() World { return r.t.passed(r.t.world(r.now)) }

// Now returns the time that the rehearsal has come to.
func (r *Rehearsal) Now() time.Time { return r.now }

// Unmatched returns what led nowhere, as [Tracker.Unmatched] does.
func (r *Rehearsal) Unmatched() []Unmatched { return r.t.Unmatched() }

// NASes returns what is known of every NAS, as [Tracker.NASes] does.
func (r *Rehearsal) NASes() map[NASName]NAS { return r.t.NASes() }

// Person returns what is remembered of the user; only a User if nothing is.
func (r *Rehearsal) Person(user string) Person {
	if l := r.people.all[user]; l != nil {
		return l.Person
	}
	return Person{User: user}
}

// tickEvery is how often a tracker looks at its NASes.
const tickEvery = flushEvery

// pass lets time pass up to the given time, with a look at whoever is due meanwhile.
func (r *Rehearsal) pass(until time.Time) {
	for {
		next := r.people.next()
		if r.news {
			next = earlier(next, r.t.flushed.Add(tickEvery))
		}
		if next = later(next, r.now); next.IsZero() || next.After(until) || r.people.next().IsZero() && !r.news {
			break
		}
		r.tick(next)
	}
	r.now = later(r.now, until)
}

func (r *Rehearsal) tick(at time.Time) {
	r.now, r.people.now = at, at
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
	var waiting []Change // whose heartbeats wait
	for user := range r.t.heartbeats {
		waiting = append(waiting, advancing(user, r.now, w))
	}
	r.do(r.t.commit(context.Background(), r.now, waiting...))
	for _, user := range r.people.users() {
		l := r.people.all[user]
		sessions := l.look(r.now, &w)
		first := r.under(0)
		first.floors = l.Floors
		first.told = func(v Visit, noticed time.Time) {
			v.Story = l.Story
			r.Over(0, v, noticed)
		}
		for i := range l.Visits {
			v := &l.Visits[i]
			first.visits = append(first.visits, brief{v.Site, v.Arrived, v.CheckIn.At, v.Outlook.Since, v.State})
		}
		for i, o := range append([]*otherwise{first}, l.others...) {
			o.finish(&l.Person, sessions, r.now, w)
			for _, b := range o.visits {
				v := b.visit(user)
				v.Story = l.Story
				r.On(i, v, b.noticed)
			}
		}
	}
}

// finish decides the departures of visits that everybody is leaving: as of the moment
// at which each is due, with the NASes heard until then.
func (o *otherwise) finish(p *Person, sessions []Session, now time.Time, w World) {
	w.Rules = *o.rules
	heard := w.NAS
	for range len(o.visits) + 1 {
		as := o.person(p)
		c := as.pictured(sessions, now, &w)
		due := time.Time{}
		for i := range as.Visits {
			if v := &as.Visits[i]; v.State == Leaving {
				due = earlier(due, c.outlook(v).Until)
			}
		}
		if due.IsZero() || due.Before(now) {
			return
		}
		later := func(n NAS) NAS {
			if !n.silent(now) && n.Heard.Before(due) {
				n.Heard = due
			}
			return n
		}
		w.NAS = func(name NASName) NAS { return later(heard(name)) }
		byHash := w.NASByHash
		w.NASByHash = func(hash uint32) NAS { return later(byHash(hash)) }
		c.now = due
		for i := range as.Visits {
			if v := &as.Visits[i]; v.State == Leaving {
				as.updateVisit(v, c)
			}
		}
		o.keep(as, due)
		w.NAS, w.NASByHash = heard, byHash
	}
}

// audience is the people of a rehearsal: a [Store] without a disk.
type audience struct {
	all   map[string]*listener
	enter func(*Person)
	over  func(Visit)
	story *string
	now   time.Time
	queue queue
	notes map[string]map[string][]byte // by kind and key
	order []string                     // of users, as far as sorted
	moved bool                         // somebody came or went since order was made
	then  []func()                     // scratch
	read  [][]byte                     // scratch
}

// listener is a person with their place in the queue.
type listener struct {
	Person
	at int // -1: in none
}

// next returns when somebody is due; zero if nobody will be.
func (a *audience) next() time.Time {
	if len(a.queue) == 0 {
		return time.Time{}
	}
	return a.queue[0].Wake
}

// Update implements [Store].
func (a *audience) Update(_ context.Context, changes []Change) error {
	a.then = a.then[:0]
	for _, c := range changes {
		a.read = a.read[:0]
		for _, k := range c.Reads {
			a.read = append(a.read, a.notes[k.Kind][k.Key])
		}
		var o Outcome
		if c.User == "" {
			o = c.Apply(nil, a.read)
		} else {
			o = a.apply(c)
		}
		for _, n := range o.Notes {
			a.note(n)
		}
		if o.Then != nil {
			a.then = append(a.then, o.Then)
		}
	}
	for _, then := range a.then {
		then()
	}
	return nil
}

// apply makes the change of its person.
func (a *audience) apply(c Change) Outcome {
	l := a.all[c.User]
	if l == nil {
		l = &listener{Person: Person{User: strings.Clone(c.User)}, at: -1}
		a.enter(&l.Person)
	}
	was := l.Wake
	o := c.Apply(&l.Person, a.read)
	if l.NextErrand = (time.Time{}); l.User != *a.story {
		l.Story = nil
	}
	for i := range l.Visits {
		a.notice(&l.Visits[i])
	}
	for i := range o.Archived {
		a.notice(&o.Archived[i])
		a.over(o.Archived[i])
	}
	if l.unknown() && !slices.ContainsFunc(l.others, func(o *otherwise) bool { return len(o.visits) > 0 }) {
		delete(a.all, l.User)
		l.Wake, a.moved = time.Time{}, true
	} else if a.all[l.User] != l {
		a.all[l.User], a.moved = l, true
	}
	switch {
	case l.at < 0 && !l.Wake.IsZero():
		heap.Push(&a.queue, l)
	case l.at >= 0 && l.Wake.IsZero():
		heap.Remove(&a.queue, l.at)
	case l.at >= 0 && !l.Wake.Equal(was):
		heap.Fix(&a.queue, l.at)
	}
	return o
}

func (a *audience) note(n Note) {
	of := a.notes[n.Kind]
	if n.Value == nil {
		delete(of, n.Key)
		return
	}
	if of == nil {
		of = map[string][]byte{}
		a.notes[n.Kind] = of
	}
	of[n.Key] = n.Value
}

// notice notes when the arrival was first believed, in place of the check-in that
// would then be due.
func (a *audience) notice(v *Visit) {
	if v.State != Arriving && v.CheckIn.At.IsZero() {
		v.CheckIn.At = a.now
	}
}

// users returns everybody, in order.
func (a *audience) users() []string {
	if a.moved {
		a.order = a.order[:0]
		for user := range a.all {
			a.order = append(a.order, user)
		}
		slices.Sort(a.order)
		a.moved = false
	}
	return a.order
}

// People implements [Store].
func (a *audience) People(_ context.Context, after string, limit int) (all []Person, _ error) {
	users := a.users()
	at, found := slices.BinarySearch(users, after)
	if found {
		at++
	}
	for ; at < len(users) && len(all) < limit; at++ {
		if l := a.all[users[at]]; l != nil {
			all = append(all, l.Person)
		}
	}
	return all, nil
}

// Due implements [Store].
func (a *audience) Due(_ context.Context, _ Queue, by time.Time, limit int) (users []string, next time.Time, _ error) {
	var due []*listener
	for len(a.queue) > 0 && !a.queue[0].Wake.After(by) && len(users) < limit {
		l := heap.Pop(&a.queue).(*listener)
		due, users = append(due, l), append(users, l.User)
	}
	next = a.next()
	for _, l := range due {
		heap.Push(&a.queue, l)
	}
	return users, next, nil
}

// Person implements [Store].
func (a *audience) Person(_ context.Context, user string) (Person, error) {
	if l := a.all[user]; l != nil {
		return l.Person, nil
	}
	return Person{User: user}, nil
}

// Persons implements [Store].
func (a *audience) Persons(ctx context.Context, users []string) (all []Person, _ error) {
	for _, user := range users {
		p, _ := a.Person(ctx, user)
		all = append(all, p)
	}
	return all, nil
}

// NotesOf implements [Store].
func (a *audience) NotesOf(_ context.Context, kind string, keys []string) ([][]byte, error) {
	all := make([][]byte, len(keys))
	for i, key := range keys {
		all[i] = a.notes[kind][key]
	}
	return all, nil
}

// Note implements [Store].
func (a *audience) Note(_ context.Context, kind, key string) ([]byte, error) {
	return a.notes[kind][key], nil
}

// Notes implements [Store].
func (a *audience) Notes(_ context.Context, kind, after string, limit int) (all []Note, _ error) {
	for key, value := range a.notes[kind] {
		if key > after {
			all = append(all, Note{Kind: kind, Key: key, Value: value})
		}
	}
	slices.SortFunc(all, func(x, y Note) int { return strings.Compare(x.Key, y.Key) })
	return all[:min(limit, len(all))], nil
}

// History implements [Store]: what is over has been told.
func (a *audience) History(context.Context, string, time.Time, time.Time, int) ([]Visit, error) {
	return nil, nil
}

// Forget implements [Store].
func (a *audience) Forget(context.Context, string) error { return nil }

// Prune implements [Store].
func (a *audience) Prune(context.Context, time.Time) (int, error) { return 0, nil }

// queue is a heap of people by their wakes.
type queue []*listener

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].Wake.Before(q[j].Wake) }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i]; q[i].at, q[j].at = i, j }

// Push implements [heap.Interface].
func (q *queue) Push(x any) {
	l := x.(*listener)
	l.at = len(*q)
	*q = append(*q, l)
}

// Pop implements [heap.Interface].
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q, last.at = (*q)[:len(*q)-1], -1
	return last
}
