package control

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// Store is what the listings read. Each call is one short read.
type Store interface {
	Person(ctx context.Context, user string) (presence.Person, error)
	People(ctx context.Context, after string, limit int) ([]presence.Person, error)
	History(ctx context.Context, user string, from, to time.Time, limit int) ([]presence.Visit, error)
	Notes(ctx context.Context, kind, after string, limit int) ([]presence.Note, error)
	NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error)
}

// Listings reads rows from a store, page by page.
type Listings struct {
	Store Store
	World func() presence.World // what decisions know at this moment beside the person
	Names Names

	// Roll returns the bookings at a site's building as they were read last, or
	// [ErrNoRoster].
	Roll func(ctx context.Context, site string) (presence.Roll, error)
}

// Rules returns the rules in force now.
func (l Listings) Rules() presence.Rules { return l.World().Rules }

// View returns how the person stands now.
func (l Listings) View(p *presence.Person) presence.View { return p.View(time.Now(), l.World()) }

// page is how many visits one read of the store copies out.
const page = 1000

// ErrUnknown is returned for a user or visit of which nothing is remembered.
var ErrUnknown = errors.New("nothing is remembered")

// SessionQuery chooses sessions; what is empty chooses all.
type SessionQuery struct {
	User   string
	Device string // as it is listed, or in any other spelling
	NAS    string // whole, or one of its parts: client, NAS-Identifier, address
	Site   string
	All    bool // ended and expired ones too

	kept string // what Device is where devices are kept as hashes; "": as it is
}

// VisitQuery chooses visits; what is empty chooses all.
type VisitQuery struct {
	User    string
	Site    string
	Since   time.Time // arrived at or after
	Until   time.Time // arrived before; zero: whenever
	Pending bool      // only those on which a check-in or check-out is pending
	Open    bool      // only those that are not archived: something may yet happen
}

// People yields the open visits at site, or everywhere if it is empty, by user.
func (l Listings) People(ctx context.Context, site string) iter.Seq2[Person, error] {
	return func(yield func(Person, error) bool) {
		for p, err := range l.people(ctx, "") {
			if err != nil {
				yield(Person{}, err)
				return
			}
			for _, row := range PersonRows(l.View(&p)) {
				if (site == "" || row.Site == site) && !yield(row, nil) {
					return
				}
			}
		}
	}
}

// Sessions yields the sessions that q chooses, by user.
func (l Listings) Sessions(ctx context.Context, q SessionQuery) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		q.Device, q.kept = l.Names.device(q.Device)
		for p, err := range l.people(ctx, q.User) {
			if q.All && q.User == "" && err == nil { // those of long ago, too
				p, err = l.Store.Person(ctx, p.User)
			}
			if err != nil {
				yield(Session{}, err)
				return
			}
			for _, s := range l.View(&p).Sessions {
				if q.Match(p.User, s) && !yield(SessionRow(p.User, s), nil) {
					return
				}
			}
		}
	}
}

// Match reports whether q chooses the user's session.
func (q SessionQuery) Match(user string, s presence.Session) bool {
	return (q.All || s.Live()) && (q.User == "" || presence.Fold(user) == presence.Fold(q.User)) &&
		(q.Device == "" || strings.EqualFold(s.Device, q.Device) || s.Device == q.kept) && (q.Site == "" || s.Site == q.Site) &&
		(q.NAS == "" || s.NAS.Is(q.NAS))
}

// Visits yields the visits that q chooses: the archived ones, and then those
// on which something may yet happen, each oldest first.
func (l Listings) Visits(ctx context.Context, q VisitQuery) iter.Seq2[Visit, error] {
	return func(yield func(Visit, error) bool) {
		for v, err := range l.visits(ctx, q) {
			if !yield(VisitRow(v), err) {
				return
			}
		}
	}
}

func (l Listings) visits(ctx context.Context, q VisitQuery) iter.Seq2[presence.Visit, error] {
	return func(yield func(presence.Visit, error) bool) {
		// The open are read first: a visit that is archived meanwhile is
		// met again in the history and not lost between the two.
		var open []presence.Visit
		seen := map[string]bool{}
		for p, err := range l.people(ctx, q.User) {
			if err != nil {
				yield(presence.Visit{}, err)
				return
			}
			outlooks := l.View(&p).Outlooks
			for _, v := range p.Visits {
				if q.matches(v) {
					if o, is := outlooks[v.ID]; is { // what was stored is of the last look
						v.Outlook = o
					}
					open = append(open, v)
					seen[v.ID] = true
				}
			}
		}
		if !q.Pending && !q.Open { // an archived visit has nothing pending
			for v, err := range l.history(ctx, q.User, q.Since, q.Until) {
				if err != nil {
					yield(presence.Visit{}, err)
					return
				}
				if q.matches(v) && !seen[v.ID] && !yield(v, nil) {
					return
				}
			}
		}
		slices.SortStableFunc(open, func(a, b presence.Visit) int { return a.Arrived.Compare(b.Arrived) })
		for _, v := range open {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (q VisitQuery) matches(v presence.Visit) bool {
	return (q.Site == "" || v.Site == q.Site) && !v.Arrived.Before(q.Since) && (q.Until.IsZero() || v.Arrived.Before(q.Until)) &&
		(!q.Pending || v.CheckIn.Status == presence.Pending || v.CheckOut.Status == presence.Pending)
}

// people yields the user, or everybody if it is empty.
func (l Listings) people(ctx context.Context, user string) iter.Seq2[presence.Person, error] {
	return func(yield func(presence.Person, error) bool) {
		if user != "" {
			p, err := l.Store.Person(ctx, presence.Fold(user))
			yield(p, err)
			return
		}
		for people, err := range presence.Everybody(ctx, l.Store, "") {
			if err != nil {
				yield(presence.Person{}, err)
				return
			}
			for i := range people {
				if !yield(people[i], nil) {
					return
				}
			}
		}
	}
}

// history yields the archived visits that arrived in [from, to), oldest first; a zero
// to is for ever.
func (l Listings) history(ctx context.Context, user string, from, to time.Time) iter.Seq2[presence.Visit, error] {
	return func(yield func(presence.Visit, error) bool) {
		if to.IsZero() {
			to = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		seen := map[string]bool{} // of those that arrived at from
		for limit := page; ; {
			visits, err := l.Store.History(ctx, presence.Fold(user), from, to, limit)
			if err != nil {
				yield(presence.Visit{}, err)
				return
			}
			for _, v := range visits {
				if seen[v.ID] {
					continue
				}
				if !yield(v, nil) {
					return
				}
				if !v.Arrived.Equal(from) {
					clear(seen)
					from = v.Arrived
				}
				seen[v.ID] = true
			}
			if len(visits) < limit {
				return
			}
			limit = max(page, 2*len(seen)) // more than a page may have arrived at once
		}
	}
}

// Zones returns the time zone of each site where it is known, by its IANA name.
func (l Listings) Zones(context.Context) (map[string]string, error) {
	zones := map[string]string{}
	for name, site := range l.Rules().Sites {
		if site.Zone != nil {
			zones[name] = site.Zone.String()
		}
	}
	return zones, nil
}

// Show returns everything about the user, or [ErrUnknown].
func (l Listings) Show(ctx context.Context, user string) (Story, error) {
	user = presence.Fold(user)
	p, err := l.Store.Person(ctx, user)
	if err != nil {
		return Story{}, err
	}
	story := Story{
		User: user, People: []Person{}, Sessions: []Session{}, Visits: []Visit{}, Story: append([]presence.Entry{}, p.Story...), Next: []Next{}, Held: []string{},
	}
	for v, err := range l.visits(ctx, VisitQuery{User: user}) {
		if err != nil {
			return Story{}, err
		}
		story.Visits = append(story.Visits, VisitRow(v))
		story.Story = append(story.Story, v.Story...)
		for _, id := range v.Held(time.Now()) {
			if !slices.Contains(story.Held, id) { // a later visit took it over
				story.Held = append(story.Held, id)
			}
		}
	}
	view := l.View(&p)
	for _, s := range view.Sessions {
		story.Sessions = append(story.Sessions, SessionRow(user, s))
	}
	slices.SortStableFunc(story.Sessions, func(a, b Session) int { return a.Started.Compare(b.Started.Time) })
	story.Story = inOrder(story.Story)
	story.People = append(story.People, PersonRows(view)...)
	asked, err := presence.Asked(ctx, l.Store, user, time.Now())
	if err != nil {
		return Story{}, err
	}
	story.Rests.Time = l.restsUntil(story.LastSite(), asked, time.Now())
	if len(story.Sessions)+len(story.Visits)+len(story.Story) == 0 && story.Rests.IsZero() {
		return Story{}, l.unknown(ctx, user)
	}
	story.Next = append(story.Next, nexts(story)...)
	return story, nil
}

// inOrder sorts a story that was put together from several, and leaves out
// what two of them tell.
func inOrder(story []presence.Entry) []presence.Entry {
	slices.SortStableFunc(story, func(a, b presence.Entry) int { return a.At.Compare(b.At) })
	told := map[presence.Entry]bool{}
	return slices.DeleteFunc(story, func(e presence.Entry) bool {
		e.At = e.At.UTC()
		again := told[e]
		told[e] = true
		return again
	})
}

// nexts returns what the story is waiting for.
func nexts(story Story) (next []Next) {
	for _, row := range story.People {
		switch {
		case row.Until.IsZero():
		case row.State == presence.Leaving:
			next = append(next, Next{row.Until, "leaving " + row.Site + " will be believed, if no device comes back"})
		case row.State == presence.Arriving:
			next = append(next, Next{row.Until, "the arrival at " + row.Site + " will be believed"})
		default:
			next = append(next, Next{row.Until, "being at " + row.Site + " ends, if nothing more is heard"})
		}
	}
	for _, v := range story.Visits {
		switch {
		case v.State != presence.Over && v.State != presence.Arriving && !v.CheckIn.Next.IsZero():
			next = append(next, Next{v.CheckIn.Next, "the bookings will be looked at for a check-in"})
		case v.State == presence.Over && !v.CheckOut.Next.IsZero():
			next = append(next, Next{v.CheckOut.Next, "the bookings will be looked at for a check-out"})
		}
	}
	slices.SortStableFunc(next, func(a, b Next) int { return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.What, b.What)) })
	return next
}
