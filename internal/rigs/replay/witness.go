package replay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/presenced/presenced/presence"
)

// Witness is a store that remembers when each visit was first stored as one
// that had begun, and as over.
type Witness struct {
	presence.Store

	mu       sync.Mutex // guards the rest
	noticed  map[string]time.Time
	believed map[string]time.Time
}

// NewWitness returns a witness of what is stored in s from now on.
func NewWitness(s presence.Store) *Witness {
	return &Witness{Store: s, noticed: map[string]time.Time{}, believed: map[string]time.Time{}}
}

// Also returns the store as another daemon has it, of which the witness remembers too what
// is stored.
func (w *Witness) Also(s presence.Store) presence.Store { return watched{s, w} }

type watched struct {
	presence.Store
	w *Witness
}

// Update implements [presence.Store].
func (a watched) Update(ctx context.Context, changes []presence.Change) error {
	return a.Store.Update(ctx, Watched(changes, a.w.saw))
}

// Update implements [presence.Store].
func (w *Witness) Update(ctx context.Context, changes []presence.Change) error {
	return w.Store.Update(ctx, Watched(changes, w.saw))
}

// Watched returns the changes such that saw is told of the visits of each person whom
// they changed, the archived ones first, once that is durable.
func Watched(changes []presence.Change, saw func([]presence.Visit)) []presence.Change {
	watched := slices.Clone(changes)
	for i, c := range changes {
		if c.User == "" {
			continue
		}
		watched[i].Apply = func(p *presence.Person, notes [][]byte) presence.Outcome {
			o := c.Apply(p, notes)
			visits, then := slices.Concat(o.Archived, p.Visits), o.Then
			o.Then = func() {
				saw(visits)
				if then != nil {
					then()
				}
			}
			return o
		}
	}
	return watched
}

func (w *Witness) saw(visits []presence.Visit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range visits {
		first := w.noticed
		switch visits[i].State {
		case presence.Arriving:
			continue
		case presence.Over:
			first = w.believed
		}
		if _, ok := first[visits[i].ID]; !ok {
			first[visits[i].ID] = time.Now()
		}
	}
}

// Visits returns everybody's visits, archived or not, each with when its begin
// was believed, and its end.
func (w *Witness) Visits(ctx context.Context) (all []Visit, err error) {
	visits, err := w.History(ctx, "", time.Time{}, time.Now().Add(time.Hour), 1e9)
	if err != nil {
		return nil, err
	}
	everybody, err := w.people(ctx)
	for _, p := range everybody {
		visits = append(visits, p.Visits...)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range visits {
		all = append(all, Visit{v, w.noticed[v.ID], w.believed[v.ID]})
	}
	slices.SortStableFunc(all, func(a, b Visit) int { return a.Arrived.Compare(b.Arrived) })
	return all, err
}

// people returns everybody.
func (w *Witness) people(ctx context.Context) (all []presence.Person, err error) {
	for some, err := range presence.Everybody(ctx, w, "") {
		if err != nil {
			return all, err
		}
		for i := range some {
			p, err := w.Person(ctx, some[i].User) // with the story
			if err != nil {
				return all, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// tell returns everybody's visits and stories, by user.
func (w *Witness) tell(ctx context.Context) (visits map[string][]Visit, stories map[string][]presence.Entry, err error) {
	all, err := w.Visits(ctx)
	if err != nil {
		return nil, nil, err
	}
	everybody, err := w.people(ctx)
	visits, stories = map[string][]Visit{}, map[string][]presence.Entry{}
	tell := func(user string, story []presence.Entry) { // that of an archived visit is also what is kept of the person's
		for _, e := range story {
			if !slices.Contains(stories[user], e) {
				stories[user] = append(stories[user], e)
			}
		}
	}
	for _, v := range all {
		visits[v.User] = append(visits[v.User], v)
		tell(v.User, v.Story)
	}
	for _, p := range everybody {
		tell(p.User, p.Story)
	}
	return visits, stories, err
}
