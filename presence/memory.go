package presence

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"sync"
	"time"
)

// Memory is a [Store] that lasts as long as the process: the double of tests, and a
// store for who has to remember nothing. It does what a store may do: it runs each
// change on another state, too, after the run that counts, so that only the outcome
// tells what came of it; after a change that failed, those before it stay made; and it
// names people too early. Several daemons may have it: see [Memory.Another].
type Memory struct {
	*stock
	daemon  string         // that has it
	asked   [2]time.Time   // up to when Due has named people
	named   map[string]int // by NewlyDue: how often they had been written
	trouble trouble
}

// stock is what is stored.
type stock struct {
	mu      sync.Mutex // guards what follows, and what each daemon has beside it
	people  map[string]Person
	before  map[string]Person    // as they were before their latest change
	queues  [2]map[string]queued // by user
	writes  map[string]int       // by user: how often they were written
	notes   map[NoteKey][]byte
	history []Visit // by arrival, user and id
	fails   error   // of every update
	whole   bool    // nobody is stored in parts
	runs    int
	written int
}

// queued is when Due names a user, or sooner, and the daemon that wrote so.
type queued struct {
	at time.Time
	by string
}

// othersLate is how late Due names to a daemon whom another one wrote.
const othersLate = 1500 * time.Millisecond

var _ Store = (*Memory)(nil)

// NewMemory returns a store that holds nothing.
func NewMemory() *Memory {
	return &Memory{stock: &stock{
		people: map[string]Person{}, before: map[string]Person{}, notes: map[NoteKey][]byte{},
		queues: [...]map[string]queued{Wakes: {}, Errands: {}}, writes: map[string]int{},
	}}
}

// Another returns the same store as another daemon has it, of that name: whom the others
// wrote, Due names to it a moment later.
func (m *Memory) Another(daemon string) *Memory { return &Memory{stock: m.stock, daemon: daemon} }

// NewWholeMemory returns a store that holds nothing, and will store everybody in one: what
// follows from records is the same in both.
func NewWholeMemory() *Memory {
	m := NewMemory()
	m.whole = true
	return m
}

// InTrouble has the daemon that has this store get into trouble from now on, always the
// same for one seed and order of calls.
func (m *Memory) InTrouble(seed uint64, of Troubles) *Memory {
	m.trouble.begin(seed, of)
	return m
}

// Fails makes every update fail with err from now on, and do nothing; nil ends that.
func (m *Memory) Fails(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fails = err
}

// Written returns how many updates there were that changed anything.
func (m *Memory) Written() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.written
}

// Copied returns a store that holds the same.
func (m *Memory) Copied() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemory()
	maps.Copy(c.people, m.people) // what is stored is never changed, only replaced
	maps.Copy(c.notes, m.notes)
	for q := range m.queues {
		maps.Copy(c.queues[q], m.queues[q])
	}
	c.history = slices.Clone(m.history)
	return c
}

// Update implements [Store].
func (m *Memory) Update(ctx context.Context, changes []Change) error {
	then, err := m.update(ctx, changes)
	if err != nil {
		return err
	}
	for _, f := range then {
		f()
	}
	return nil
}

func (m *Memory) update(ctx context.Context, changes []Change) (then []func(), err error) {
	m.trouble.wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := cmp.Or(m.fails, ctx.Err()); err != nil {
		return nil, err
	}
	news := false
	for i := range changes {
		n, f, err := m.make(&changes[i])
		if err != nil {
			return nil, err
		}
		news = news || n
		if f != nil {
			then = append(then, f)
		}
	}
	if news {
		m.written++
	}
	return then, m.trouble.end()
}

// make makes a change, and reports whether there is anything new.
func (m *Memory) make(c *Change) (news bool, then func(), err error) {
	first := m.trouble.conflicts()
	if first { // somebody else was faster
		if _, _, err = m.runWhole(*c, true); err != nil {
			return false, nil, err
		}
	}
	for again := true; again; { // its answer may be lost: then it is made of what it has made
		p, o, err := m.runWhole(*c, false)
		if err == nil && !first {
			_, _, err = m.runWhole(*c, true)
		}
		if err != nil {
			return news, nil, err
		}
		news, then = m.take(c.User, p, &o) || news, o.Then
		again = m.trouble.loses()
	}
	return news, then, nil
}

// runWhole runs the change without what is stored apart, and again with what it wants of
// that.
func (m *Memory) runWhole(c Change, other bool) (p *Person, o Outcome, err error) {
	m.runs++
	for have := Parts(0); ; have |= p.Wants() {
		p, o, err = m.run(c, other, have)
		if err != nil || p == nil || p.Wants() == 0 {
			return p, o, err
		}
	}
}

// run runs the change, on a state that is not the stored one if other is set: on that
// before the latest change, or on none at all.
func (m *Memory) run(c Change, other bool, have Parts) (p *Person, o Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a change of %q panicked: %v", c.User, r)
		}
	}()
	notes, people := make([][]byte, len(c.Reads)), m.people
	switch {
	case !other:
		for i, k := range c.Reads {
			notes[i] = bytes.Clone(m.notes[k])
		}
	case m.runs%4 < 2:
		people = m.before
	default:
		people = nil
	}
	if c.User != "" {
		stored, is := people[c.User].Clone(), people[c.User].Clone()
		if !m.whole {
			is.Part()
		}
		if have&PastFacts != 0 {
			is.Join(stored.Past)
		}
		if have&AllLines != 0 {
			is.Recall(stored.Story)
		}
		is.User, p = c.User, &is
	}
	return p, c.Apply(p, notes), nil
}

// take stores what became of a change, and reports whether it is news.
func (m *Memory) take(user string, p *Person, o *Outcome) (news bool) {
	if p != nil {
		p.User = user
		was, known := m.people[user]
		now := p.Clone()
		now.merge(was)
		switch {
		case !p.Unknown():
			news = !known || !reflect.DeepEqual(was, now)
			m.people[user] = now
		case known:
			news = true
			delete(m.people, user)
		}
		if m.before[user] = was; !known {
			delete(m.before, user)
		}
		for q := range Queue(len(m.queues)) {
			m.queue(q, user)
		}
		m.writes[user]++
	}
	for _, v := range o.Archived {
		v.User, news = user, true
		at, again := slices.BinarySearchFunc(m.history, v, func(a, b Visit) int {
			return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.User, b.User), cmp.Compare(a.ID, b.ID))
		})
		if again {
			m.history[at] = v.clone()
		} else {
			m.history = slices.Insert(m.history, at, v.clone())
		}
	}
	for _, n := range o.Notes {
		k := NoteKey{n.Kind, n.Key}
		was, known := m.notes[k]
		news = news || known == (n.Value == nil) || !bytes.Equal(was, n.Value)
		if m.notes[k] = append([]byte{}, n.Value...); n.Value == nil {
			delete(m.notes, k)
		}
	}
	return news
}

// merge adds to what a change left of the person what is stored apart and was not read.
func (p *Person) merge(was Person) {
	past, lines, all := p.Part()
	p.Past, p.Story, p.apart = past, lines, apart{}
	for _, f := range was.Past {
		if !slices.ContainsFunc(past, func(o Facts) bool { return o.Key() == f.Key() }) {
			p.Past = append(p.Past, f)
		}
	}
	p.Past = slices.DeleteFunc(p.Past, func(f Facts) bool {
		return !p.Apart(f.Key())
	})
	if !all {
		p.Recall(was.Story)
	}
}

// load returns the person as stored, without what is stored apart unless it is whole. The
// caller holds m.mu.
func (m *Memory) load(user string, whole bool) Person {
	p := m.people[user].Clone()
	p.User = user
	if whole {
		p.Join(nil)
		p.Told = Told{}
	} else {
		p.Part()
	}
	return p
}

// Person implements [Store].
func (m *Memory) Person(_ context.Context, user string) (Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load(user, true), nil
}

// Persons implements [Store].
func (m *Memory) Persons(_ context.Context, users []string) (all []Person, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, user := range users {
		all = append(all, m.load(user, false))
	}
	return all, nil
}

// People implements [Store].
func (m *Memory) People(_ context.Context, after string, limit int) (all []Person, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, user := range slices.Sorted(maps.Keys(m.people)) {
		if user > after && len(all) < limit {
			all = append(all, m.load(user, false))
		}
	}
	return all, nil
}

// moment returns when the person is due.
func (m *Memory) moment(q Queue, user string) time.Time {
	p := m.people[user]
	return [...]time.Time{Wakes: p.Wake, Errands: p.NextErrand}[q]
}

// queue has the queue name the user when they are due, or when it did before, if that
// is sooner and still to come.
func (m *Memory) queue(q Queue, user string) {
	was, at := m.queues[q][user].at, m.moment(q, user)
	switch {
	case at.IsZero():
		delete(m.queues[q], user)
	case was.IsZero(), at.Before(was), !was.After(m.asked[q]):
		m.queues[q][user] = queued{at, m.daemon}
	default:
		m.queues[q][user] = queued{was, m.daemon}
	}
}

// late is when Due names whom the entry is of.
func (m *Memory) late(is queued) time.Time {
	if is.by != m.daemon {
		return is.at.Add(othersLate)
	}
	return is.at
}

// NewlyDue implements [Store].
func (m *Memory) NewlyDue(ctx context.Context, by time.Time, limit int, anew bool) (users []string, next time.Time, _ error) {
	due, next, err := m.Due(ctx, Errands, by, math.MaxInt)
	m.mu.Lock()
	defer m.mu.Unlock()
	if anew || m.named == nil {
		m.named = map[string]int{}
	}
	is := func(user string) bool {
		writes, named := m.named[user]
		return named && writes == m.writes[user]
	}
	for user := range m.named {
		if !is(user) {
			due = append(due, user)
		}
	}
	for _, user := range due {
		switch {
		case is(user):
		case len(users) == limit:
			return users, by, err
		default:
			users = append(users, user)
			m.named[user] = m.writes[user]
		}
	}
	for _, user := range users {
		if at := m.moment(Errands, user); at.IsZero() || at.After(by) {
			delete(m.named, user)
			next = earlier(next, at) // they are named once more
		}
	}
	return users, next, err
}

// Due implements [Store].
func (m *Memory) Due(_ context.Context, q Queue, by time.Time, limit int) (users []string, next time.Time, _ error) {
	m.trouble.wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	asked, queue := m.asked[q], m.queues[q]
	m.asked[q] = later(asked, by)
	for user, is := range queue {
		switch {
		case !is.at.After(asked) && m.moment(q, user).After(by):
			m.queue(q, user) // nobody has written them since they were named too early
		case is.at.After(by) && m.trouble.hints():
			queue[user] = queued{by, m.daemon}
		}
		if at := m.late(queue[user]); at.After(by) {
			next = earlier(next, at)
		} else {
			users = append(users, user)
		}
	}
	slices.SortFunc(users, func(a, b string) int { return cmp.Or(queue[a].at.Compare(queue[b].at), cmp.Compare(a, b)) })
	if len(users) > limit {
		users, next = users[:limit], earlier(next, queue[users[limit]].at)
	}
	return users, next, nil
}

// Note implements [Store].
func (m *Memory) Note(ctx context.Context, kind, key string) ([]byte, error) {
	all, err := m.NotesOf(ctx, kind, []string{key})
	return all[0], err
}

// NotesOf implements [Store].
func (m *Memory) NotesOf(_ context.Context, kind string, keys []string) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([][]byte, len(keys))
	for i, key := range keys {
		all[i] = bytes.Clone(m.notes[NoteKey{kind, key}])
	}
	return all, nil
}

// Notes implements [Store].
func (m *Memory) Notes(_ context.Context, kind, after string, limit int) (all []Note, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, value := range m.notes {
		if k.Kind == kind && k.Key > after {
			all = append(all, Note{Kind: kind, Key: k.Key, Value: bytes.Clone(value)})
		}
	}
	slices.SortFunc(all, func(a, b Note) int { return cmp.Compare(a.Key, b.Key) })
	return all[:min(len(all), limit)], nil
}

// History implements [Store].
func (m *Memory) History(_ context.Context, user string, from, to time.Time, limit int) (all []Visit, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.history {
		if (user == "" || v.User == user) && !v.Arrived.Before(from) && v.Arrived.Before(to) && len(all) < limit {
			all = append(all, v.clone())
		}
	}
	return all, nil
}

// Forget implements [Store].
func (m *Memory) Forget(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.people, user)
	delete(m.before, user)
	for q := range m.queues {
		delete(m.queues[q], user)
	}
	m.writes[user]++
	maps.DeleteFunc(m.notes, func(k NoteKey, _ []byte) bool { return k.Key == user })
	m.history = slices.DeleteFunc(m.history, func(v Visit) bool { return v.User == user })
	return nil
}

// Prune implements [Store].
func (m *Memory) Prune(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.history)
	m.history = slices.DeleteFunc(m.history, func(v Visit) bool { return v.Arrived.Before(before) })
	return n - len(m.history), nil
}
