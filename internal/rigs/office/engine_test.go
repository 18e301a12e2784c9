package office

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/replay"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// tracker returns an Engine that is presence's real tracker over a store that
// open opens, in time that runs as the office's does.
func tracker(t *testing.T, open func() presence.Store) Engine {
	return func(o *Office, rules presence.Rules) (visits []Concluded, err error) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(o.Begins))
			w := replay.NewWitness(open())
			var tr *presence.Tracker
			var stop func() error
			start := func() {
				tr = presence.NewTracker(w, o.Mapping(), rules, slog.New(slog.DiscardHandler))
				stop = run(t.Context(), tr, func() { tr.Reload(o.Mapping(), rules) }, o.looks)
			}
			start()
			downs := o.downs
			rest := func(until time.Time) { // with the daemon, or without it
				for ; len(downs) > 0 && downs[0].from.Before(until); downs = downs[1:] {
					time.Sleep(time.Until(downs[0].from))
					err = errors.Join(err, stop())
					time.Sleep(time.Until(downs[0].to))
					start()
				}
				time.Sleep(time.Until(until))
			}
			for events := o.Events; len(events) > 0 && events[0].Arrive.Before(o.Truth.Ends); {
				at := events[0].Arrive
				rest(at)
				var batch []presence.Record
				for ; len(events) > 0 && events[0].Arrive.Equal(at); events = events[1:] {
					batch = append(batch, o.sent(t, events[0]))
				}
				if e := tr.Record(t.Context(), batch); e != nil {
					err = errors.Join(err, e)
					break
				}
			}
			rest(o.Truth.Ends)
			err = errors.Join(err, stop())
			if len(o.Makes) == 0 { // of what is met in the field, much leads nowhere
				for _, u := range tr.Unmatched() {
					if !strings.HasPrefix(u.Key, "host/") {
						t.Errorf("led nowhere: %+v", u)
					}
				}
			}
			all, e := w.Visits(t.Context())
			for _, v := range all {
				visits = append(visits, Concluded{v.Visit, v.Noticed, v.Believed})
			}
			err = errors.Join(err, e)
			if s, ok := w.Store.(io.Closer); ok {
				err = errors.Join(err, s.Close())
			}
		})
		return visits, err
	}
}

// run runs the tracker until stop is called. If there is an every, it is had
// look at everybody as often as that.
func run(ctx context.Context, tr *presence.Tracker, look func(), every time.Duration) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- tr.Run(ctx) }()
	looks := make(chan struct{})
	go func() {
		defer close(looks)
		for every > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
				look()
			}
		}
	}()
	return func() error {
		cancel()
		<-looks
		return <-done
	}
}

// sent returns what the daemon's own decoder makes of an event: when it was
// follows from what was sent, at a site with equipment whose clock may be off.
func (o *Office) sent(t *testing.T, e Event) presence.Record {
	if len(o.Makes) == 0 || e.moved {
		return e.Record
	}
	packet, err := Packet(e, []byte("secret"), 0)
	if err != nil {
		t.Fatal(err)
	}
	client := radiusacct.Client{Name: e.Record.Client, Site: e.Record.Site}
	r, err := radiusacct.Decode(packet, client, netip.AddrPort{}, e.Arrive, radiusacct.DefaultSkew)
	if err != nil {
		t.Fatal(err)
	}
	r.From = nil
	return r
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
	p.Facts, p.Devices, p.Floors = slices.Clone(p.Facts), slices.Clone(p.Devices), slices.Clone(p.Floors)
	for i := range p.Facts {
		p.Facts[i].Marks = slices.Clone(p.Facts[i].Marks)
	}
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
			due = p.NextErrand
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
