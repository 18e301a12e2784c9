package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// holding is what a store holds, in words that no version's types have a part
// in: holds.json is one.
type holding struct {
	People  []person `json:"people"`
	History []visit  `json:"history"`
	Notes   []note   `json:"notes"`
}

type person struct {
	User     string    `json:"user"`
	Sessions []session `json:"sessions,omitempty"`
	Visits   []visit   `json:"visits,omitempty"`
	Story    []string  `json:"story,omitempty"`
}

type session struct {
	ID     string    `json:"id"`
	Device string    `json:"device"`
	Site   string    `json:"site"`
	State  string    `json:"state"`
	Began  time.Time `json:"began"`
	Seen   time.Time `json:"seen"`
	Ended  time.Time `json:"ended,omitzero"`
	Cause  string    `json:"cause,omitempty"`
}

type visit struct {
	ID       string    `json:"id"`
	User     string    `json:"user"`
	Site     string    `json:"site"`
	State    string    `json:"state"`
	Arrived  time.Time `json:"arrived"`
	Departed time.Time `json:"departed,omitzero"`
	End      string    `json:"end,omitempty"`
	CheckIn  errand    `json:"check_in"`
	CheckOut errand    `json:"check_out"`
	Claims   []claim   `json:"claims,omitempty"`
	Story    []string  `json:"story,omitempty"`
}

type errand struct {
	Status   string    `json:"status"`
	At       time.Time `json:"at,omitzero"`
	Bookings []string  `json:"bookings,omitempty"`
	Next     time.Time `json:"next,omitzero"`
	Reason   string    `json:"reason,omitempty"`
}

type claim struct {
	Booking string    `json:"booking"`
	Tried   time.Time `json:"tried,omitzero"`
	In      time.Time `json:"in,omitzero"`
	Out     time.Time `json:"out,omitzero"`
	Next    time.Time `json:"next,omitzero"`
	Refused string    `json:"refused,omitempty"`
	DryRun  bool      `json:"dry_run,omitempty"`
}

type note struct{ Kind, Key, Value string }

// noteKinds are the kinds of notes that version 1 wrote.
var noteKinds = []string{"device", "kadence-user", "nas", "reset"}

// most is more than a kept store holds of anything.
const most = 1 << 10

// held reads all that the store holds.
func (k keptStore) held(t *testing.T, s *store.Store) (h holding) {
	t.Helper()
	people, err := s.People(t.Context(), "", most)
	if err != nil {
		t.Fatal(err)
	}
	w, err := presence.Remembered(t.Context(), s, k.configured(t).Rules)
	if err != nil {
		t.Fatal(err)
	}
	for i := range people {
		p, err := s.Person(t.Context(), people[i].User)
		if err != nil {
			t.Fatal(err)
		}
		h.People = append(h.People, personOf(p.View(k.closed, w)))
	}
	for _, v := range history(t, s) {
		h.History = append(h.History, visitOf(&v))
	}
	for _, kind := range noteKinds {
		notes, err := s.Notes(t.Context(), kind, "", most)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notes {
			h.Notes = append(h.Notes, note{n.Kind, n.Key, string(n.Value)})
		}
	}
	return h
}

func history(t *testing.T, s *store.Store) []presence.Visit {
	t.Helper()
	visits, err := s.History(t.Context(), "", v1.closed.AddDate(0, 0, -7), v1.closed.AddDate(0, 0, 7), most)
	if err != nil {
		t.Fatal(err)
	}
	return visits
}

func personOf(p presence.View) person {
	known := person{User: p.User, Story: lines(p.Story)}
	for i := range p.Sessions {
		s := &p.Sessions[i]
		known.Sessions = append(known.Sessions, session{
			ID: s.ID, Device: s.Device, Site: s.Site, State: string(s.State),
			Began: s.Began, Seen: s.Seen, Ended: s.Ended, Cause: s.Cause.String(),
		})
	}
	slices.SortFunc(known.Sessions, func(a, b session) int {
		return strings.Compare(a.Device+a.ID+a.Began.String(), b.Device+b.ID+b.Began.String())
	})
	for i := range p.Visits {
		known.Visits = append(known.Visits, visitOf(&p.Visits[i]))
	}
	return known
}

func visitOf(v *presence.Visit) visit {
	known := visit{
		ID: v.ID, User: v.User, Site: v.Site, State: string(v.State), Arrived: v.Arrived, Departed: v.Departed,
		End: string(v.End), CheckIn: errandOf(v.CheckIn), CheckOut: errandOf(v.CheckOut), Story: lines(v.Story),
	}
	for _, c := range v.Claims {
		known.Claims = append(known.Claims, claim{
			Booking: c.Booking, Tried: c.Tried, In: c.In, Out: c.Out, Next: c.Next, Refused: c.Refused, DryRun: c.DryRun,
		})
	}
	return known
}

func errandOf(e presence.Errand) errand {
	return errand{Status: string(e.Status), At: e.At, Bookings: e.Bookings, Next: e.Next, Reason: e.Reason}
}

func lines(story []presence.Entry) (all []string) {
	for _, e := range story {
		all = append(all, fmt.Sprintf("%s %s: %s", e.At.UTC().Format(time.DateTime), e.Kind, e.Text))
	}
	return all
}
