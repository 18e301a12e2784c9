package presence

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// memory is a Store for tests: documents in a map, as text, so that nothing
// is shared with who wrote it.
type memory struct {
	mu      sync.Mutex
	people  map[string][]byte
	due     map[string][2]time.Time // by queue: a hint that is not moved later before it has been named
	asked   [2]time.Time            // by queue: up to when Due may have named somebody
	notes   map[string][]byte
	history []Visit
	fail    error // what Update returns
	writes  int   // updates that changed something
}

func newMemory() *memory {
	return &memory{people: map[string][]byte{}, due: map[string][2]time.Time{}, notes: map[string][]byte{}}
}

// fails has Update return err from now on.
func (m *memory) fails(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memory) load(user string) Person {
	p := Person{User: user}
	if data, ok := m.people[user]; ok {
		if err := json.Unmarshal(data, &p); err != nil {
			panic(err)
		}
	}
	return p
}

func (m *memory) Update(_ context.Context, changes []Change, notes []Note) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	news := len(notes) > 0
	for _, c := range changes {
		for range 2 { // a Change may run twice: the first is thrown away
			p := m.load(c.User)
			c.Apply(&p)
		}
		p := m.load(c.User)
		m.history = append(m.history, c.Apply(&p)...)
		data, err := json.Marshal(p)
		if err != nil {
			return err
		}
		news = news || !bytes.Equal(data, m.people[c.User])
		m.people[c.User] = data
		due := m.due[c.User]
		for q, at := range [2]time.Time{Wakes: p.Wake, Errands: p.NextErrand} {
			if was := due[q]; was.IsZero() || at.IsZero() || at.Before(was) || !was.After(m.asked[q]) {
				due[q] = at
			}
		}
		m.due[c.User] = due
	}
	for _, n := range notes {
		if key := n.Kind + "\x00" + n.Key; n.Value == nil {
			delete(m.notes, key)
		} else {
			m.notes[key] = n.Value
		}
	}
	if news {
		m.writes++
	}
	return nil
}

func (m *memory) Person(_ context.Context, user string) (Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load(user), nil
}

func (m *memory) People(_ context.Context, after string, limit int) (people []Person, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, user := range slices.Sorted(maps.Keys(m.people)) {
		if user > after && len(people) < limit {
			people = append(people, m.load(user))
		}
	}
	return people, nil
}

func (m *memory) Due(_ context.Context, q Queue, by time.Time, limit int) (users []string, next time.Time, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked[q] = later(m.asked[q], by)
	for user, moments := range m.due {
		if due := moments[q]; !due.IsZero() && !due.After(by) {
			users = append(users, user)
		} else {
			next = earlier(next, due)
		}
	}
	slices.SortFunc(users, func(a, b string) int { return m.due[a][q].Compare(m.due[b][q]) })
	if len(users) > limit {
		next = m.due[users[limit]][q]
		users = users[:limit]
	}
	return users, next, nil
}

func (m *memory) Note(_ context.Context, kind, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.notes[kind+"\x00"+key], nil
}

func (m *memory) Notes(_ context.Context, kind, after string, limit int) (notes []Note, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range slices.Sorted(maps.Keys(m.notes)) {
		if key, ok := strings.CutPrefix(k, kind+"\x00"); ok && key > after && len(notes) < limit {
			notes = append(notes, Note{Kind: kind, Key: key, Value: m.notes[k]})
		}
	}
	return notes, nil
}

func (m *memory) History(_ context.Context, user string, from, to time.Time, limit int) (visits []Visit, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.history {
		if (user == "" || v.User == user) && !v.Arrived.Before(from) && v.Arrived.Before(to) && len(visits) < limit {
			visits = append(visits, v)
		}
	}
	return visits, nil
}

func (m *memory) Forget(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.people, user)
	delete(m.due, user)
	m.history = slices.DeleteFunc(m.history, func(v Visit) bool { return v.User == user })
	return nil
}

func (m *memory) Prune(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.history)
	m.history = slices.DeleteFunc(m.history, func(v Visit) bool { return v.Arrived.Before(before) })
	return n - len(m.history), nil
}

// written returns how many commits there were.
func (m *memory) written() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}
