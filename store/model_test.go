package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/presenced/presenced/presence"
)

type noteKey struct{ kind, key string }

// naive is a store beside what it promises, in maps.
type naive struct {
	s       *Store
	people  map[string]presence.Person
	notes   map[noteKey][]byte
	history map[string]presence.Visit // by arrival, user and id
}

var (
	someone = rapid.SampledFrom([]string{"a", "ann", "ann@example.com", "b", "bob", "ann\xff"})
	kind    = rapid.SampledFrom([]string{"k", "kk", "l"})
	noted   = rapid.SampledFrom([]string{"", "a", "ann", "b", "b\x00c"})
	// Few moments, so that they meet; one is before 1970.
	someday = rapid.Map(rapid.IntRange(-1, 12), func(n int) time.Time {
		if n < 0 {
			return time.Unix(-5, 0).UTC()
		}
		return monday.Add(time.Duration(n) * time.Minute)
	})
	sometime = rapid.OneOf(someday, rapid.Just(time.Time{}))
)

// drawChange draws a change that only depends on the person.
func drawChange(t *rapid.T) presence.Change {
	at, other, text := sometime.Draw(t, "at"), someday.Draw(t, "other"), rapid.StringN(0, 3, -1).Draw(t, "text")
	all := []func(*presence.Person) []presence.Visit{
		func(p *presence.Person) []presence.Visit { p.Wake = at; return nil },
		func(p *presence.Person) []presence.Visit { p.NextErrand = at; return nil },
		func(p *presence.Person) []presence.Visit {
			p.Story = append(p.Story, presence.Entry{At: at, Text: text})
			p.Wake, p.NextErrand = other, at
			return nil
		},
		func(p *presence.Person) []presence.Visit {
			p.Visits = append(p.Visits, presence.Visit{ID: text, User: p.User, Arrived: other, CheckIn: presence.Errand{Next: at}})
			return nil
		},
		func(p *presence.Person) []presence.Visit { settled := p.Visits; p.Visits = nil; return settled },
		func(p *presence.Person) []presence.Visit { *p = presence.Person{}; return nil },
		func(p *presence.Person) []presence.Visit { return nil },
	}
	return presence.Change{User: someone.Draw(t, "user"), Apply: rapid.SampledFrom(all).Draw(t, "change")}
}

func (m *naive) update(t *rapid.T) {
	changes := rapid.SliceOfN(rapid.Custom(drawChange), 0, 5).Draw(t, "changes")
	var set []presence.Note
	for range rapid.IntRange(0, 2).Draw(t, "notes") {
		set = append(set, presence.Note{
			Kind: kind.Draw(t, "kind"), Key: noted.Draw(t, "key"),
			Value: rapid.SampledFrom([][]byte{nil, {}, []byte("x"), []byte("y")}).Draw(t, "value"),
		})
	}
	if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
		changes = append(changes, presence.Change{User: "ann", Apply: func(*presence.Person) []presence.Visit { panic("on purpose") }})
		if err := m.s.Update(context.Background(), changes, set); err == nil || !strings.Contains(err.Error(), "on purpose") {
			t.Fatalf("a panic went unnoticed: %v", err)
		}
		return
	}
	if err := m.s.Update(context.Background(), changes, set); err != nil {
		t.Fatal(err)
	}
	changed := map[string]presence.Person{}
	for _, c := range changes {
		p, ok := changed[c.User]
		if !ok {
			p = m.person(c.User)
		}
		p.Story, p.Visits = slices.Clone(p.Story), slices.Clone(p.Visits)
		for _, v := range c.Apply(&p) {
			v.User = c.User
			m.history[string(historyKey(v.User, v.Arrived, v.ID))] = v
		}
		p.User = c.User
		changed[c.User] = p
	}
	for user, p := range changed {
		if len(p.Story)+len(p.Visits) == 0 {
			delete(m.people, user)
		} else {
			m.people[user] = p
		}
	}
	for _, n := range set {
		if n.Value == nil {
			delete(m.notes, noteKey{n.Kind, n.Key})
		} else {
			m.notes[noteKey{n.Kind, n.Key}] = n.Value
		}
	}
}

func (m *naive) person(user string) presence.Person {
	if p, ok := m.people[user]; ok {
		return p
	}
	return presence.Person{User: user}
}

// due asks, and does with the answer what the tracker and the courier do.
func (m *naive) due(t *rapid.T) {
	q := rapid.SampledFrom([]presence.Queue{presence.Wakes, presence.Errands}).Draw(t, "queue")
	by, limit := someday.Draw(t, "by"), rapid.IntRange(0, 4).Draw(t, "limit")
	is := func(user string) time.Time {
		p := m.person(user)
		return [...]time.Time{presence.Wakes: p.Wake, presence.Errands: p.NextErrand}[q]
	}
	users, next, err := m.s.Due(context.Background(), q, by, limit)
	if err != nil || len(users) > limit {
		t.Fatalf("%q, %v", users, err)
	}
	for user := range m.people {
		at := is(user)
		switch {
		case at.IsZero() || slices.Contains(users, user):
		case next.IsZero() || next.After(at):
			t.Fatalf("%q is due at %v, and the next that is told of is at %v", user, at, next)
		case len(users) < limit && !at.After(by):
			t.Fatalf("%q, due at %v, is not named by %v, only %q", user, at, by, users)
		}
	}
	var touch []presence.Change
	for _, user := range users {
		touch = append(touch, presence.Change{User: user, Apply: func(*presence.Person) []presence.Visit { return nil }})
	}
	if err := m.s.Update(context.Background(), touch, nil); err != nil {
		t.Fatal(err)
	}
	again, _, err := m.s.Due(context.Background(), q, by, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range again {
		if slices.Contains(users, user) && is(user).After(by) {
			t.Fatalf("%q is named for ever by %v, and is due at %v", user, by, is(user))
		}
	}
}

func (m *naive) read(t *rapid.T) {
	ctx := context.Background()
	after, limit := someone.Draw(t, "after"), rapid.IntRange(0, 5).Draw(t, "limit")
	var people []presence.Person
	for _, user := range slices.Sorted(maps.Keys(m.people)) {
		if user > after && len(people) < limit {
			people = append(people, m.people[user])
		}
	}
	agree(t, must(m.s.People(ctx, after, limit)), people)
	agree(t, must(m.s.Person(ctx, after)), m.person(after))
	agree(t, m.s.Stats().People, len(m.people))

	of, key := kind.Draw(t, "kind"), noted.Draw(t, "key")
	got, want := must(m.s.Note(ctx, of, key)), m.notes[noteKey{of, key}]
	if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Fatalf("note %q %q: got %#v, want %#v", of, key, got, want)
	}
	var notes []presence.Note
	for _, k := range slices.SortedFunc(maps.Keys(m.notes), func(a, b noteKey) int { return cmp.Compare(a.key, b.key) }) {
		if k.kind == of && k.key > key && len(notes) < limit {
			notes = append(notes, presence.Note{Kind: of, Key: k.key, Value: m.notes[k]})
		}
	}
	agree(t, must(m.s.Notes(ctx, of, key, limit)), notes)

	user := rapid.OneOf(someone, rapid.Just("")).Draw(t, "user")
	from, to := sometime.Draw(t, "from"), someday.Draw(t, "to")
	var visits []presence.Visit
	for _, k := range slices.Sorted(maps.Keys(m.history)) {
		v := m.history[k]
		if (user == "" || v.User == user) && !v.Arrived.Before(from) && v.Arrived.Before(to) && len(visits) < limit {
			visits = append(visits, v)
		}
	}
	agree(t, must(m.s.History(ctx, user, from, to, limit)), visits)
}

func (m *naive) prune(t *rapid.T) {
	before, left := someday.Draw(t, "before"), len(m.history)
	maps.DeleteFunc(m.history, func(_ string, v presence.Visit) bool { return v.Arrived.Before(before) })
	agree(t, must(m.s.Prune(context.Background(), before)), left-len(m.history))
}

func (m *naive) forget(t *rapid.T) {
	user := someone.Draw(t, "user")
	if err := m.s.Forget(context.Background(), user); err != nil {
		t.Fatal(err)
	}
	delete(m.people, user)
	maps.DeleteFunc(m.history, func(_ string, v presence.Visit) bool { return v.User == user })
	maps.DeleteFunc(m.notes, func(k noteKey, _ []byte) bool { return k.key == user })
}

func (m *naive) restart(t *rapid.T) {
	if err := m.s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(m.s.Path())
	if err != nil {
		t.Fatal(err)
	}
	m.s = hurried(s)
}

// kill goes on with what a process that was killed would have left.
func (m *naive) kill(t *rapid.T) {
	path := m.s.Path() + "'"
	if err := copyFiles(m.s.Path(), path); err != nil {
		t.Fatal(err)
	}
	left := m.s
	defer left.Close()
	read, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	m.s = read
	m.read(t)
	if err := errors.Join(whole(read), read.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m.s = hurried(s)
}

func (m *naive) checkpoint(t *rapid.T) {
	if err := m.s.kv.Checkpoint(); err != nil {
		t.Fatal(err)
	}
}

// hurried has journals for a few updates.
func hurried(s *Store) *Store { return s.withJournals(4 << 10) }

func agree[T any](t *rapid.T, got, want T) {
	t.Helper()
	if diff := gocmp.Diff(want, got, differing); diff != "" {
		t.Fatalf("want (-), got (+):\n%s", diff)
	}
}

// Whatever is done in whatever order, the store is what maps would be.
func TestTheStoreIsWhatMapsWouldBe(t *testing.T) {
	t.Parallel()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		s, err := Open(filepath.Join(t.TempDir(), fmt.Sprint(n)))
		if err != nil {
			rt.Fatal(err)
		}
		m := &naive{s: hurried(s), people: map[string]presence.Person{}, notes: map[noteKey][]byte{}, history: map[string]presence.Visit{}}
		defer func() { m.s.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"update": m.update, "update more": m.update, "due": m.due, "read": m.read, "prune": m.prune, "forget": m.forget,
			"restart": m.restart, "kill": m.kill, "checkpoint": m.checkpoint,
		})
		if err := whole(m.s); err != nil {
			rt.Fatal(err)
		}
	})
}

// The clock in a bubble stands still while the disk works, and a simulated
// week of deadlines passes at once.
func TestAWeekPassesInABubble(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presenced.db")
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		started, looked := time.Now(), 0
		advance := func(user string) presence.Change {
			now := time.Now()
			return put(user, func(p *presence.Person) {
				looked++
				p.Story = append(p.Story[:0], presence.Entry{At: now})
				p.Wake = now.Add(7 * time.Hour)
			})
		}
		put1(t, s, advance("ann"), advance("bob"))
		for time.Since(started) < 7*24*time.Hour {
			users, next, err := s.Due(t.Context(), presence.Wakes, time.Now(), 9)
			if err != nil {
				t.Fatal(err)
			}
			for _, user := range users {
				put1(t, s, advance(user))
			}
			if len(users) == 0 {
				time.Sleep(time.Until(next))
			}
		}
		same(t, looked, 2*(7*24/7))
	})
}
