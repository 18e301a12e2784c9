package storetest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presenced/presenced/presence"
)

// naive is a store beside what it promises, in maps.
type naive struct {
	s       presence.Store
	people  map[string]presence.Person
	notes   map[presence.NoteKey][]byte
	history []presence.Visit // by arrival, user and id
	told    []int            // which changes of the latest update were told of

	named map[string]time.Time // by user, whom NewlyDue has named: when they were due
}

var (
	someone = rapid.SampledFrom([]string{"a", "ann", "ann@example.com", "b", "bob", "ann\xff"})
	kind    = rapid.SampledFrom([]string{"k", "kk", "l"})
	noted   = rapid.SampledFrom([]string{"", "a", "ann", "b", "b\x00c"})
	value   = rapid.SampledFrom([][]byte{nil, {}, []byte("x"), []byte("y")})
	// Few moments, so that they meet; one is before 1970.
	someday = rapid.Map(rapid.IntRange(-1, 12), func(n int) time.Time {
		if n < 0 {
			return time.Unix(-5, 0).UTC()
		}
		return monday.Add(time.Duration(n) * time.Minute)
	})
	sometime = rapid.OneOf(someday, rapid.Just(time.Time{}))
)

// drawChange draws a change: of a person, of notes, or of both, by what is in a note.
func drawChange(t *rapid.T) presence.Change {
	at, other, text := sometime.Draw(t, "at"), someday.Draw(t, "other"), rapid.StringN(0, 3, -1).Draw(t, "text")
	note := presence.Note{Kind: kind.Draw(t, "kind"), Key: noted.Draw(t, "key"), Value: value.Draw(t, "value")}
	nothing := presence.Outcome{}
	ofPeople := []func(*presence.Person, [][]byte) presence.Outcome{
		func(p *presence.Person, _ [][]byte) presence.Outcome { p.Wake = at; return nothing },
		func(p *presence.Person, _ [][]byte) presence.Outcome { p.NextErrand = at; return nothing },
		func(p *presence.Person, notes [][]byte) presence.Outcome {
			p.Devices = append(p.Devices, presence.Device{Last: at, ID: text + string(notes[0])})
			p.Wake, p.NextErrand = other, at
			return presence.Outcome{Notes: []presence.Note{{Kind: note.Kind, Key: note.Key, Value: append(notes[0], 'z')}}}
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Visits = append(p.Visits, presence.Visit{ID: text, User: p.User, Arrived: other, CheckIn: presence.Errand{Next: at}})
			return nothing
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome {
			archived := p.Visits
			p.Visits = nil
			return presence.Outcome{Archived: archived}
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Story = append(p.Story, presence.Entry{At: other, Kind: presence.Heard, Text: text})
			return nothing
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome {
			if !p.Want(presence.AllLines) {
				p.Story = p.Story[len(p.Story)/2:]
			}
			return nothing
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome {
			if f := ended(text); !p.Apart(f.Key()) {
				p.Over, p.Past = append(p.Over, stretch(f, other)), append(p.Past, f)
			}
			return nothing
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Over = p.Over[len(p.Over)/2:]
			return nothing
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Want(presence.PastFacts)
			return nothing
		},
		func(p *presence.Person, _ [][]byte) presence.Outcome { *p = presence.Person{}; return nothing },
		func(p *presence.Person, _ [][]byte) presence.Outcome { return nothing },
	}
	ofNotes := []func(*presence.Person, [][]byte) presence.Outcome{
		func(*presence.Person, [][]byte) presence.Outcome {
			return presence.Outcome{Notes: []presence.Note{note}}
		},
		func(_ *presence.Person, notes [][]byte) presence.Outcome {
			return presence.Outcome{Notes: []presence.Note{note, {Kind: "k", Key: "copy", Value: notes[0]}}}
		},
	}
	c := presence.Change{Reads: []presence.NoteKey{{Kind: note.Kind, Key: note.Key}}}
	if rapid.IntRange(0, 3).Draw(t, "of notes") == 0 {
		c.Apply = rapid.SampledFrom(ofNotes).Draw(t, "change")
		return c
	}
	c.User, c.Apply = someone.Draw(t, "user"), rapid.SampledFrom(ofPeople).Draw(t, "change")
	return c
}

// ended returns facts of a session, and stretch what a person keeps of them.
func ended(id string) presence.Facts {
	return presence.Facts{ID: id, Device: "d", Marks: []presence.Mark{{Status: presence.Start, At: monday, Heard: monday, Age: -1}}}
}

func stretch(f presence.Facts, at time.Time) presence.Stretch {
	return presence.Stretch{
		Of: []presence.Apart{{Key: f.Key(), Last: at, Heard: at}}, Device: f.Device, Site: "london", From: at, To: at, Raw: at, Leave: at, Began: at, Clear: at,
	}
}

func (m *naive) update(t *rapid.T) {
	changes := rapid.SliceOfN(rapid.Custom(drawChange), 0, 5).Draw(t, "changes")
	if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
		m.fail(t, changes)
		return
	}
	if err := m.s.Update(context.Background(), m.telling(changes)); err != nil {
		t.Fatal(err)
	}
	for i := range changes {
		m.apply(&changes[i])
		if i >= len(m.told) || m.told[i] != i {
			t.Fatalf("of %d changes, it is told that these were made: %v", len(changes), m.told)
		}
	}
}

// telling returns the changes such that those that were made are in m.told.
func (m *naive) telling(changes []presence.Change) []presence.Change {
	m.told = nil
	all := slices.Clone(changes)
	for i, c := range changes {
		all[i].Apply = func(p *presence.Person, notes [][]byte) presence.Outcome {
			o := c.Apply(p, notes)
			o.Then = func() { m.told = append(m.told, i) }
			return o
		}
	}
	return all
}

func (m *naive) apply(c *presence.Change) {
	var notes [][]byte
	for _, k := range c.Reads {
		notes = append(notes, bytes.Clone(m.notes[k]))
	}
	var o presence.Outcome
	if c.User == "" {
		o = c.Apply(nil, notes)
	} else {
		o = m.applyTo(c, notes)
	}
	for _, v := range o.Archived {
		v.User = c.User
		m.history = slices.DeleteFunc(m.history, func(o presence.Visit) bool { return byArrival(o, v) == 0 })
		m.history = append(m.history, v)
	}
	slices.SortFunc(m.history, byArrival)
	for _, n := range o.Notes {
		if m.notes[presence.NoteKey{Kind: n.Kind, Key: n.Key}] = n.Value; n.Value == nil {
			delete(m.notes, presence.NoteKey{Kind: n.Kind, Key: n.Key})
		}
	}
}

// applyTo makes the change of its person: without what is apart, and again with what it
// wants of that.
func (m *naive) applyTo(c *presence.Change, notes [][]byte) (o presence.Outcome) {
	was := m.people[c.User]
	p := presence.Person{}
	for wants := presence.Parts(0); ; wants |= p.Wants() {
		p = m.small(c.User)
		p.Opened()
		if wants&presence.PastFacts != 0 {
			p.Join(was.Past)
		}
		if wants&presence.AllLines != 0 {
			p.Recall(was.Story)
		}
		if o = c.Apply(&p, notes); p.Wants() == 0 {
			break
		}
	}
	facts, story, all := p.Part()
	if !all {
		story = append(slices.Clone(was.Story), story...)
	}
	slices.SortFunc(story, presence.Entry.Compare)
	p.User, p.Story = c.User, slices.CompactFunc(story, func(a, b presence.Entry) bool { return a.Compare(b) == 0 })
	p.Past = slices.DeleteFunc(slices.Concat(facts, was.Past), func(f presence.Facts) bool { return !p.Apart(f.Key()) })
	m.people[c.User] = p
	if len(p.Facts)+len(p.Over)+len(p.Story)+len(p.Visits)+len(p.Devices)+p.Told.Lines == 0 {
		delete(m.people, c.User)
	}
	return o
}

func byArrival(a, b presence.Visit) int {
	return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.User, b.User), cmp.Compare(a.ID, b.ID))
}

// fail makes an update of which a change panics. Of each person and note, what there is
// then is what some of the changes left, one after the other.
func (m *naive) fail(t *rapid.T, changes []presence.Change) {
	bad := presence.Change{User: "ann", Apply: func(*presence.Person, [][]byte) presence.Outcome { panic("on purpose") }}
	err := m.s.Update(context.Background(), m.telling(append(changes, bad)))
	if err == nil || !strings.Contains(err.Error(), "on purpose") {
		t.Fatalf("a panic went unnoticed: %v", err)
	}
	if len(m.told) > 0 {
		t.Fatalf("the update failed, and it is told that changes were made: %v", m.told)
	}
	type state struct {
		person  presence.Person
		history []presence.Visit
	}
	states, values := map[string][]state{}, map[presence.NoteKey][][]byte{}
	see := func(c *presence.Change) {
		if c.User != "" {
			states[c.User] = append(states[c.User], state{m.person(c.User), m.historyOf(c.User)})
		}
		for _, k := range append(c.Reads, presence.NoteKey{Kind: "k", Key: "copy"}) {
			values[k] = append(values[k], m.notes[k])
		}
	}
	see(&bad)
	for i := range changes {
		see(&changes[i])
		m.apply(&changes[i])
		see(&changes[i])
	}
	for user, some := range states {
		is := state{must(m.s.Person(context.Background(), user)), must(m.s.History(context.Background(), user, time.Time{}, later, 100))}
		if !slices.ContainsFunc(some, func(o state) bool {
			return unlike(is.person, o.person) == "" && unlike(is.history, o.history) == ""
		}) {
			t.Fatalf("%q is what no change left: %+v", user, is)
		}
		m.takeOver(user)
		m.history = slices.DeleteFunc(m.history, func(v presence.Visit) bool { return v.User == user })
		m.history = append(m.history, is.history...)
		slices.SortFunc(m.history, byArrival)
	}
	for k, some := range values {
		is := must(m.s.Note(context.Background(), k.Kind, k.Key))
		if !slices.ContainsFunc(some, func(o []byte) bool { return bytes.Equal(o, is) && (o == nil) == (is == nil) }) {
			t.Fatalf("the note %q is what no change left: %q", k, is)
		}
		if m.notes[k] = is; is == nil {
			delete(m.notes, k)
		}
	}
}

// takeOver takes what is remembered from the store.
func (m *naive) takeOver(user string) {
	small, whole := must(m.s.Persons(context.Background(), []string{user}))[0], must(m.s.Person(context.Background(), user))
	for _, f := range whole.Facts {
		if small.Apart(f.Key()) {
			small.Past = append(small.Past, f)
		}
	}
	small.Story = whole.Story
	if m.people[user] = small; len(small.Facts)+len(small.Over)+len(small.Story)+len(small.Visits)+len(small.Devices) == 0 {
		delete(m.people, user)
	}
}

var later = monday.AddDate(1, 0, 0)

// person returns a copy of what is remembered.
func (m *naive) person(user string) presence.Person {
	p := m.people[user].Clone()
	p.User, p.Told = user, presence.Told{}
	p.Join(nil)
	return p
}

// untold are the people without what is said of their stories, which is a bound.
func untold(people []presence.Person) []presence.Person {
	for i := range people {
		people[i].Told = presence.Told{}
	}
	return people
}

// small returns a copy of it without what is apart.
func (m *naive) small(user string) presence.Person {
	p := m.people[user].Clone()
	p.User, p.Past, p.Story = user, nil, nil
	return p
}

func (m *naive) historyOf(user string) (all []presence.Visit) {
	for _, v := range m.history {
		if v.User == user {
			all = append(all, v)
		}
	}
	return all
}

// due asks who is due.
func (m *naive) due(t *rapid.T) {
	q := rapid.SampledFrom([]presence.Queue{presence.Wakes, presence.Errands}).Draw(t, "queue")
	by, limit := someday.Draw(t, "by"), rapid.IntRange(0, 4).Draw(t, "limit")
	users, next, err := m.s.Due(context.Background(), q, by, limit)
	if err != nil || len(users) > limit {
		t.Fatalf("%q, %v", users, err)
	}
	due := func(user string) time.Time {
		return [...]time.Time{presence.Wakes: m.people[user].Wake, presence.Errands: m.people[user].NextErrand}[q]
	}
	for user := range m.people {
		switch at := due(user); {
		case at.IsZero() || slices.Contains(users, user):
		case next.IsZero() || next.After(at):
			t.Fatalf("%q is due at %v, and the next that is told of is at %v", user, at, next)
		case len(users) < limit && !at.After(by):
			t.Fatalf("%q, due at %v, is not named by %v, only %q", user, at, by, users)
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(users)))) < len(users) {
		t.Fatalf("somebody is named twice: %q", users)
	}
	again, _, err := m.s.Due(context.Background(), q, by, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range again {
		if slices.Contains(users, user) && (due(user).IsZero() || due(user).After(by)) {
			t.Fatalf("%q is named again by %v, and is due at %v", user, by, due(user))
		}
	}
}

// newlyDue asks who is newly due, and remembers them as one does who asks.
func (m *naive) newlyDue(t *rapid.T) {
	by, limit := someday.Draw(t, "by"), rapid.IntRange(0, 4).Draw(t, "limit")
	anew := m.named == nil || rapid.IntRange(0, 3).Draw(t, "anew") == 0
	if anew {
		m.named = map[string]time.Time{}
	}
	users, next, err := m.s.NewlyDue(context.Background(), by, limit, anew)
	if err != nil || len(users) > limit {
		t.Fatalf("%q, %v", users, err)
	}
	for _, user := range users {
		if delete(m.named, user); !m.people[user].NextErrand.After(by) {
			m.named[user] = m.people[user].NextErrand
		}
	}
	for user, p := range m.people {
		at, known := m.named[user]
		switch due := p.NextErrand; {
		case due.IsZero() || known && at.Equal(due):
		case next.IsZero() || next.After(due) && next.After(by):
			t.Fatalf("%q is due at %v and was not named by %v, only %q were; and the next that is told of is at %v", user, due, by, users, next)
		}
	}
}

func (m *naive) read(t *rapid.T) {
	ctx := context.Background()
	after, limit := someone.Draw(t, "after"), rapid.IntRange(0, 5).Draw(t, "limit")
	var people []presence.Person
	for _, user := range slices.Sorted(maps.Keys(m.people)) {
		if user > after && len(people) < limit {
			people = append(people, m.small(user))
		}
	}
	agree(t, untold(must(m.s.People(ctx, after, limit))), untold(people))
	agree(t, must(m.s.Person(ctx, after)), m.person(after))
	users := rapid.SliceOfN(someone, 0, 4).Draw(t, "users")
	var some []presence.Person
	for _, user := range users {
		some = append(some, m.small(user))
	}
	agree(t, untold(must(m.s.Persons(ctx, users))), untold(some))

	of, keys := kind.Draw(t, "kind"), rapid.SliceOfN(noted, 1, 4).Draw(t, "keys")
	values := must(m.s.NotesOf(ctx, of, keys))
	for i, key := range keys {
		want := m.notes[presence.NoteKey{Kind: of, Key: key}]
		for _, got := range [][]byte{values[i], must(m.s.Note(ctx, of, key))} {
			if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Fatalf("note %q %q: got %#v, want %#v", of, key, got, want)
			}
		}
	}
	var notes []presence.Note
	for _, k := range slices.SortedFunc(maps.Keys(m.notes), func(a, b presence.NoteKey) int { return cmp.Compare(a.Key, b.Key) }) {
		if k.Kind == of && k.Key > keys[0] && len(notes) < limit {
			notes = append(notes, presence.Note{Kind: of, Key: k.Key, Value: m.notes[k]})
		}
	}
	agree(t, must(m.s.Notes(ctx, of, keys[0], limit)), notes)

	user := rapid.OneOf(someone, rapid.Just("")).Draw(t, "user")
	from, to := sometime.Draw(t, "from"), someday.Draw(t, "to")
	var visits []presence.Visit
	for _, v := range m.history {
		if (user == "" || v.User == user) && !v.Arrived.Before(from) && v.Arrived.Before(to) && len(visits) < limit {
			visits = append(visits, v)
		}
	}
	agree(t, must(m.s.History(ctx, user, from, to, limit)), visits)
}

func (m *naive) prune(t *rapid.T) {
	before, left := someday.Draw(t, "before"), len(m.history)
	m.history = slices.DeleteFunc(m.history, func(v presence.Visit) bool { return v.Arrived.Before(before) })
	agree(t, must(m.s.Prune(context.Background(), before)), left-len(m.history))
}

func (m *naive) forget(t *rapid.T) {
	user := someone.Draw(t, "user")
	if err := m.s.Forget(context.Background(), user); err != nil {
		t.Fatal(err)
	}
	delete(m.people, user)
	m.history = slices.DeleteFunc(m.history, func(v presence.Visit) bool { return v.User == user })
	maps.DeleteFunc(m.notes, func(k presence.NoteKey, _ []byte) bool { return k.Key == user })
}

func agree[T any](t *rapid.T, got, want T) {
	t.Helper()
	if diff := unlike(got, want); diff != "" {
		t.Fatalf("want (-), got (+):\n%s", diff)
	}
}

// model: whatever is done in whatever order, the store is what maps would be.
func model(t *testing.T, open func(testing.TB) presence.Store, meanwhile []Meanwhile) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &naive{s: open(t), people: map[string]presence.Person{}, notes: map[presence.NoteKey][]byte{}}
		defer func() { end(t, m.s) }()
		steps := map[string]func(*rapid.T){
			"update": m.update, "update more": m.update, "due": m.due, "newly due": m.newlyDue, "read": m.read, "prune": m.prune, "forget": m.forget,
		}
		for _, w := range meanwhile {
			steps[w.Name] = func(t *rapid.T) {
				s, err := w.Do(m.s)
				if err != nil {
					t.Fatal(w.Name, err)
				}
				m.s, m.named = s, nil // it may be another process
				m.read(t)
			}
		}
		rt.Repeat(steps)
	})
}
