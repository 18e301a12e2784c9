package office

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

// tracker returns an Engine that is presence's real tracker over a store that
// open opens, in time that runs as the office's does.
func tracker(t *testing.T, open func() presence.Store) Engine {
	return func(o *Office, rules presence.Rules) (visits []Concluded, err error) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(o.Begins))
			w := &witness{Store: open(), believed: map[string]time.Time{}}
			tr := presence.NewTracker(w, o.Mapping(), rules, slog.New(slog.DiscardHandler))
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- tr.Run(ctx) }()
			for events := o.Events; len(events) > 0 && events[0].Arrive.Before(o.Truth.Ends); {
				at := events[0].Arrive
				time.Sleep(time.Until(at))
				var batch []presence.Record
				for ; len(events) > 0 && events[0].Arrive.Equal(at); events = events[1:] {
					batch = append(batch, events[0].Record)
				}
				if err = tr.Record(ctx, batch); err != nil {
					break
				}
			}
			time.Sleep(time.Until(o.Truth.Ends))
			stop()
			if e := <-done; err == nil {
				err = e
			}
			if len(tr.Unmatched()) > 0 {
				for _, u := range tr.Unmatched() {
					if !strings.HasPrefix(u.Key, "host/") {
						t.Errorf("led nowhere: %+v", u)
					}
				}
			}
			visits = w.visits(t)
			if s, ok := w.Store.(io.Closer); ok {
				err = errors.Join(err, s.Close())
			}
		})
		return visits, err
	}
}

// witness is a Store that notes when a departure is first stored.
type witness struct {
	presence.Store
	mu       sync.Mutex // guards believed
	believed map[string]time.Time
}

func (w *witness) Update(ctx context.Context, changes []presence.Change, notes []presence.Note) error {
	seen := slices.Clone(changes)
	over := make([][]presence.Visit, len(changes)) // what the run that counts, the last, saw
	for i, c := range changes {
		seen[i].Apply = func(p *presence.Person) []presence.Visit {
			settled := c.Apply(p)
			over[i] = over[i][:0]
			for _, v := range slices.Concat(settled, p.Visits) {
				if v.State == presence.Over {
					over[i] = append(over[i], v)
				}
			}
			return settled
		}
	}
	if err := w.Store.Update(ctx, seen, notes); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, visits := range over {
		for _, v := range visits {
			if _, ok := w.believed[v.ID]; !ok {
				w.believed[v.ID] = time.Now()
			}
		}
	}
	return nil
}

// visits returns all visits, settled or not.
func (w *witness) visits(t *testing.T) (all []Concluded) {
	settled, err := w.History(t.Context(), "", time.Time{}, time.Now().Add(time.Hour), 1e9)
	if err != nil {
		t.Fatal(err)
	}
	for after := ""; ; {
		people, err := w.People(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			settled = append(settled, p.Visits...)
			after = p.User
		}
		if len(people) == 0 {
			break
		}
	}
	for _, v := range settled {
		all = append(all, Concluded{v, w.believed[v.ID]})
	}
	return all
}

// memory is a Store that forgets everything when the test is over, and is
// fast enough for weeks.
type memory struct {
	mu      sync.Mutex // guards all
	people  map[string]presence.Person
	notes   map[string]map[string][]byte // by kind, then key
	history []presence.Visit
}

func newMemory() presence.Store {
	return &memory{people: map[string]presence.Person{}, notes: map[string]map[string][]byte{}}
}

func cloned(p presence.Person) presence.Person {
	p.Sessions, p.Devices = slices.Clone(p.Sessions), slices.Clone(p.Devices)
	p.Visits, p.Story = slices.Clone(p.Visits), slices.Clone(p.Story)
	return p
}

func (m *memory) load(user string) presence.Person {
	p := m.people[user]
	p.User = user
	return cloned(p)
}

func (m *memory) Update(_ context.Context, changes []presence.Change, notes []presence.Note) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range changes {
		p := m.load(c.User)
		m.history = append(m.history, c.Apply(&p)...)
		m.people[c.User] = p
	}
	for _, n := range notes {
		if m.notes[n.Kind] == nil {
			m.notes[n.Kind] = map[string][]byte{}
		}
		if n.Value == nil {
			delete(m.notes[n.Kind], n.Key)
		} else {
			m.notes[n.Kind][n.Key] = n.Value
		}
	}
	return nil
}

func (m *memory) Person(_ context.Context, user string) (presence.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load(user), nil
}

func (m *memory) People(_ context.Context, after string, limit int) (all []presence.Person, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, user := range slices.Sorted(maps.Keys(m.people)) {
		if user > after && len(all) < limit {
			all = append(all, m.load(user))
		}
	}
	return all, nil
}

func (m *memory) Due(_ context.Context, q presence.Queue, by time.Time, limit int) (users []string, next time.Time, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for user, p := range m.people {
		due := p.Wake
		if q == presence.Errands {
			due = p.Errand
		}
		switch {
		case due.IsZero():
		case !due.After(by) && len(users) < limit:
			users = append(users, user)
		case next.IsZero() || due.Before(next):
			next = due
		}
	}
	return users, next, nil
}

func (m *memory) Note(_ context.Context, kind, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notes[kind][key], nil
}

func (m *memory) Notes(_ context.Context, kind, after string, limit int) (all []presence.Note, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(m.notes[kind])) {
		if key > after && len(all) < limit {
			all = append(all, presence.Note{Kind: kind, Key: key, Value: m.notes[kind][key]})
		}
	}
	return all, nil
}

func (m *memory) History(_ context.Context, user string, from, to time.Time, limit int) (all []presence.Visit, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.history {
		if (user == "" || v.User == user) && !v.Arrived.Before(from) && v.Arrived.Before(to) && len(all) < limit {
			all = append(all, v)
		}
	}
	return all, nil
}

func (m *memory) Forget(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.people, user)
	m.history = slices.DeleteFunc(m.history, func(v presence.Visit) bool { return v.User == user })
	return nil
}

func (m *memory) Prune(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.history)
	m.history = slices.DeleteFunc(m.history, func(v presence.Visit) bool { return v.Arrived.Before(before) })
	return n - len(m.history), nil
}
