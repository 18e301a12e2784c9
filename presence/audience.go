package presence

import (
	"container/heap"
	"context"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"
)

// A Codec packs a person for as long as nobody looks at them. What Unpack returned
// before is no longer valid.
type Codec interface {
	Pack(to []byte, p *Person) []byte
	Unpack(user, packed string) (Person, error)
}

// audience is the people of a rehearsal: a [Store] without a disk. Each is packed until
// something happens to them; the beats of steady sessions, which are most of what is
// heard, are counted without that.
type audience struct {
	*under
	codec  Codec
	story  *string
	all    map[string]*listener
	queue  queue
	notes  map[string]map[string][]byte // by kind and key
	order  []string                     // of users, as far as sorted
	moved  bool                         // somebody came or went since order was made
	seed   maphash.Seed
	person Person   // who is looked at
	look   beside   // of them
	then   []func() // scratch
	read   [][]byte // scratch
	pack   []byte   // scratch
}

// listener is a person at rest.
type listener struct {
	user   string
	packed string // the person; "": nothing is known of them
	each   []byte // what the rules make of them
	wake   int64  // when they are due, beats apart; in nanoseconds
	key    int64  // of the queue: when they may be due
	at     int    // in the queue; -1: in none
	steady []steady
}

// steady is a session that is heard by an interval, and its latest beats, of which the
// person does not know yet.
type steady struct {
	id    uint64 // of device and session
	place uint64 // of what a beat has to say again
	pace  pace
	at    int64 // event time of its latest sign, in nanoseconds
	heard int64 // … and its arrival
	beats []beat
}

// beat is an Interim that came when it was due.
type beat struct {
	at, heard int64
	age       time.Duration
}

// beatsKept is how many beats wait, the latest: of more signs the facts would keep no
// more than signsKept.
const beatsKept = signsKept + 2

// never is when nobody is due.
const never = math.MaxInt64

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixNano()
}

// due returns when time alone may change something of the person.
func (l *listener) due() int64 {
	due := l.wake
	for i := range l.steady {
		if s := &l.steady[i]; s.pace.steady() || len(s.beats) > 0 {
			due = min(due, s.heard+int64(s.pace.unmissed()))
		}
	}
	return due
}

// beat reports whether the sighting is a beat of a steady session, and counts it if so.
func (a *audience) beat(n *Sighting) bool {
	l := a.all[n.User]
	if l == nil || len(l.steady) == 0 || n.Guess || !n.Stamp.IsZero() && !within(n.Stamp, n.At, moment) || n.Heard.Sub(n.At) > fresh {
		return false
	}
	id := a.idOf(n.Device, n.Session)
	for i := range l.steady {
		s := &l.steady[i]
		if s.id != id {
			continue
		}
		at, heard := n.At.UnixNano(), n.Heard.UnixNano()
		pace := s.pace.beat(time.Duration(at - s.at))
		if pace.gap == 0 || heard < s.heard || heard >= l.due() || s.place != a.placeOf(n) {
			return false
		}
		s.pace, s.at, s.heard = pace, at, heard
		b := beat{at, heard, -1}
		if n.HasAge && n.Age >= 0 {
			b.age = n.Age
		}
		if len(s.beats) == beatsKept {
			s.beats = slices.Delete(s.beats, 0, 1)
		}
		s.beats = append(s.beats, b)
		a.queued(l)
		return true
	}
	return false
}

func (a *audience) idOf(device, session string) uint64 {
	return maphash.String(a.seed, device)*hashPrime ^ maphash.String(a.seed, session)
}

// placeOf is of what all signs of a session say alike that stays where it is.
func (a *audience) placeOf(n *Sighting) (sum uint64) {
	for _, text := range [...]string{string(n.NAS), n.AP, n.BSSID, n.SSID, n.Site} {
		sum = (sum ^ maphash.String(a.seed, text)) * hashPrime
	}
	return sum + uint64(n.Whose)<<1 + uint64(b2i(n.Vague))
}

// signOf is the sighting of which the latest mark of the facts may have come.
func (f *Facts) signOf() Sighting {
	m, p := &f.Marks[len(f.Marks)-1], &f.Place
	return Sighting{NAS: p.NAS, AP: p.AP, BSSID: p.BSSID, SSID: p.SSID, Site: m.Site, Whose: m.Whose, Vague: m.Vague}
}

// beats takes in the beats that were counted.
func (a *audience) beats(l *listener, p *Person) {
	for i := range l.steady {
		s := &l.steady[i]
		if len(s.beats) == 0 {
			continue
		}
		for j := range p.Facts {
			if f := &p.Facts[j]; a.idOf(f.Device, f.ID) == s.id {
				f.beat(s.beats)
			}
		}
	}
	l.steady = l.steady[:0]
}

// beat takes in beats of the session.
func (f *Facts) beat(all []beat) {
	for _, b := range all {
		m := f.Marks[len(f.Marks)-1]
		m.Status, m.Cause, m.Guess, m.Stamp = Interim, 0, false, time.Time{}
		m.At, m.Heard, m.Age = time.Unix(0, b.at).UTC(), time.Unix(0, b.heard).UTC(), b.age
		if f.join(m) && !m.At.Before(f.Place.At) {
			f.Place.At = m.At
		}
	}
}

// wakeUp returns the person, unpacked.
func (a *audience) wakeUp(l *listener) *Person {
	p := &a.person
	*p = Person{User: l.user}
	if l.packed != "" {
		unpacked, err := a.codec.Unpack(l.user, l.packed)
		if err != nil {
			panic(err) // it has just been packed
		}
		*p = unpacked
	}
	p.beside = &a.look
	a.look.whole = l.user == *a.story
	a.look.read(l.each)
	a.beats(l, p)
	return p
}

// rest packs the person again.
func (a *audience) rest(l *listener, p *Person) {
	p.NextErrand = time.Time{}
	if !a.look.whole {
		p.Story = nil
	}
	for i := range p.Facts {
		f := &p.Facts[i]
		if f.pace.gap == 0 || !f.Marks[len(f.Marks)-1].sign() {
			continue
		}
		n, m := f.signOf(), &f.Marks[len(f.Marks)-1]
		l.steady = append(l.steady, steady{id: a.idOf(f.Device, f.ID), place: a.placeOf(&n), pace: f.pace, at: m.At.UnixNano(), heard: m.Heard.UnixNano()})
	}
	l.wake = nanoseconds(p.Wake)
	a.pack = a.codec.Pack(a.pack[:0], p)
	l.packed = string(a.pack)
	a.pack = a.look.append(a.pack[:0])
	l.each = fit(l.each, a.pack)
}

// fit returns a copy of what is new, in the place of what was old if it fits there
// without waste.
func fit(old, now []byte) []byte {
	if cap(old) < len(now) || cap(old) > 2*len(now) {
		return slices.Clone(now)
	}
	return append(old[:0], now...)
}

// next returns when somebody is due; zero if nobody will be.
func (a *audience) next() time.Time {
	for len(a.queue) > 0 {
		l := a.queue[0]
		if due := l.due(); due > l.key {
			a.put(l, due)
			continue
		}
		return time.Unix(0, l.key).UTC()
	}
	return time.Time{}
}

// put puts the person into the queue, or out of it.
func (a *audience) put(l *listener, due int64) {
	l.key = due
	switch {
	case due == never && l.at >= 0:
		heap.Remove(&a.queue, l.at)
	case due == never:
	case l.at < 0:
		heap.Push(&a.queue, l)
	default:
		heap.Fix(&a.queue, l.at)
	}
}

// Update implements [Store].
func (a *audience) Update(_ context.Context, changes []Change) error {
	a.then = a.then[:0]
	for i := range changes {
		c := &changes[i]
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
func (a *audience) apply(c *Change) Outcome {
	l := a.all[c.User]
	if l == nil {
		l = &listener{user: strings.Clone(c.User), at: -1}
	}
	p := a.wakeUp(l)
	o := c.Apply(p, a.read)
	if a.rest(l, p); p.Unknown() && !a.look.on() {
		delete(a.all, l.user)
		l.wake, l.steady, a.moved = never, nil, true
	} else if a.all[l.user] != l {
		a.all[l.user], a.moved = l, true
	}
	a.queued(l)
	return o
}

// queued sees to it that the person is in the queue, no later than they are due: if
// they are there sooner, next will see.
func (a *audience) queued(l *listener) {
	if due := l.due(); due < l.key || l.at < 0 || due == never {
		a.put(l, due)
	}
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
		all = append(all, a.peek(users[at]))
	}
	return all, nil
}

// peek returns the person without what the rules make of them, and without the beats
// that wait.
func (a *audience) peek(user string) Person {
	l := a.all[user]
	if l == nil {
		return Person{User: user}
	}
	p, err := a.codec.Unpack(user, l.packed)
	if err != nil {
		panic(err) // it has just been packed
	}
	return p.Clone()
}

// Due implements [Store].
func (a *audience) Due(_ context.Context, _ Queue, by time.Time, limit int) (users []string, next time.Time, _ error) {
	var due []*listener
	for next = a.next(); !next.IsZero() && !next.After(by) && len(users) < limit; next = a.next() {
		l := heap.Pop(&a.queue).(*listener)
		due, users = append(due, l), append(users, l.user)
	}
	for _, l := range due {
		heap.Push(&a.queue, l)
	}
	return users, next, nil
}

// NewlyDue implements [Store]: it remembers nobody.
func (a *audience) NewlyDue(ctx context.Context, by time.Time, limit int, _ bool) ([]string, time.Time, error) {
	return a.Due(ctx, Errands, by, limit)
}

// Person implements [Store].
func (a *audience) Person(_ context.Context, user string) (Person, error) { return a.peek(user), nil }

// Persons implements [Store].
func (a *audience) Persons(_ context.Context, users []string) (all []Person, _ error) {
	for _, user := range users {
		all = append(all, a.peek(user))
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

// queue is a heap of people by when they may be due.
type queue []*listener

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].key < q[j].key }
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
