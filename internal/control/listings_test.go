package control

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/presenced/presenced/presence"
)

// TestRowsHaveTheirFields holds the names that scripts rely on.
func TestRowsHaveTheirFields(t *testing.T) {
	l := listings(office())
	ctx := t.Context()
	errand := "status,at,bookings,attempts,next,reason"
	for _, tt := range []struct {
		row  any
		want string
	}{
		{all(t, l.People(ctx, ""))[0], "user,site,state,since,deadline,until,why,held_by,devices,check_in,visit"},
		{all(t, l.Sessions(ctx, SessionQuery{}))[0], "user,device,site,ssid,nas,ap,session_id,state,started,seen,ended,interim,cause"},
		{all(t, l.Visits(ctx, VisitQuery{}))[0], "id,user,site,arrived,departed,state,until,end,why,check_in,check_out"},
		{all(t, l.Visits(ctx, VisitQuery{}))[0].CheckIn, errand},
	} {
		text, err := json.Marshal(tt.row)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		want := strings.Split(tt.want, ",")
		slices.Sort(want)
		var got []string
		for name := range fields {
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%T has other fields (-want +got):\n%s", tt.row, diff)
		}
	}
}

func TestPeopleAreWhoIsHere(t *testing.T) {
	silent := nine.Add(time.Hour + 3*10*time.Minute + 150*time.Second) // ann's phone, by then, unless it is heard
	got := all(t, listings(office()).People(t.Context(), ""))
	want := []Person{
		{User: "ann@example.com", Site: "london", State: presence.Present, Since: Time{nine.Add(-time.Hour)}, Until: Time{silent}, Why: "a device is here", Devices: 1, Visit: "v2",
			CheckIn: Errand{Status: presence.Effected, At: Time{nine.Add(time.Second)}, Bookings: []string{"b1"}, Next: Time{nine.Add(2 * time.Hour)}}},
		{User: "bob@example.com", Site: "paris", State: presence.Leaving, Since: Time{nine}, Deadline: Time{nine.Add(2 * time.Hour)}, Until: Time{nine.Add(2 * time.Hour)},
			Why: "every device is gone, not yet for linger", HeldBy: presence.HeldByLinger, Visit: "v3",
			CheckIn: Errand{Status: presence.Pending, Bookings: []string{}, Attempts: 3, Next: Time{nine.Add(time.Minute)}, Reason: "503"}},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
}

func TestSessionsAreTheLiveOnesUnlessAllAreAsked(t *testing.T) {
	l := listings(office())
	if got := all(t, l.Sessions(t.Context(), SessionQuery{})); len(got) != 1 || got[0].ID != "a1" {
		t.Errorf("live sessions: %v", got)
	}
	if got := all(t, l.Sessions(t.Context(), SessionQuery{All: true})); len(got) != 3 {
		t.Errorf("all sessions: %v", got)
	}
	if got := all(t, l.Sessions(t.Context(), SessionQuery{All: true, NAS: "wlc-2"})); len(got) != 1 || got[0].User != "bob@example.com" {
		t.Errorf("sessions of a NAS: %v", got)
	}
}

func TestVisitsAreHistoryAndPresent(t *testing.T) {
	l := listings(office())
	ids := func(q VisitQuery) string {
		var ids []string
		for _, v := range all(t, l.Visits(t.Context(), q)) {
			ids = append(ids, v.ID)
		}
		return strings.Join(ids, " ")
	}
	for q, want := range map[VisitQuery]string{
		{}:                             "v1 v2 v3",
		{User: "ann@example.com"}:      "v1 v2",
		{Since: nine.Add(-time.Hour)}:  "v2 v3",
		{Site: "london"}:               "v1 v2",
		{Pending: true}:                "v3",
		{Since: nine.Add(time.Second)}: "",
		{Until: nine}:                  "v1 v2",
		{Until: nine.Add(-time.Hour)}:  "v1",
	} {
		if got := ids(q); got != want {
			t.Errorf("visits %+v: %q, want %q", q, got, want)
		}
	}
}

// TestListingsReadPageByPage has more people and visits than one read copies
// out, many of which arrived at the same moment.
func TestListingsReadPageByPage(t *testing.T) {
	m := &memory{}
	for i := range 3*page + 7 {
		user := fmt.Sprintf("user%05d@example.com", i)
		m.people = append(m.people, presence.Person{User: user, Visits: []presence.Visit{{ID: "open" + user, User: user, Arrived: nine.Add(time.Hour), State: presence.Present}}})
		arrived := nine
		if i > 2*page {
			arrived = nine.Add(time.Duration(i) * time.Millisecond)
		}
		m.history = append(m.history, presence.Visit{ID: user, User: user, Arrived: arrived, State: presence.Over})
	}
	l := listings(m)
	if got, want := len(all(t, l.People(t.Context(), ""))), len(m.people); got != want {
		t.Errorf("%d people, want %d", got, want)
	}
	visits := all(t, l.Visits(t.Context(), VisitQuery{}))
	if got, want := len(visits), 2*len(m.people); got != want {
		t.Errorf("%d visits, want %d", got, want)
	}
	slices.SortFunc(visits, func(a, b Visit) int { return cmp.Compare(a.ID, b.ID) })
	if got := len(slices.CompactFunc(visits, func(a, b Visit) bool { return a.ID == b.ID })); got != 2*len(m.people) {
		t.Errorf("%d different visits, want %d", got, 2*len(m.people))
	}
}

// TestVisitArchivedMeanwhileIsListedOnce has a visit among the open and,
// by the time the history is read, there too.
func TestVisitArchivedMeanwhileIsListedOnce(t *testing.T) {
	m := office()
	m.history = append(m.history, m.people[0].Visits[0])
	if got := len(all(t, listings(m).Visits(t.Context(), VisitQuery{}))); got != 3 {
		t.Errorf("%d visits, want 3", got)
	}
}

func TestShowTellsTheStoryInOrder(t *testing.T) {
	s, err := listings(office()).Show(t.Context(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	want := []presence.Entry{
		{At: nine.AddDate(0, 0, -7), Kind: presence.Concluded, Text: "arrived at london"},
		{At: nine, Kind: presence.Concluded, Text: "arrived at london"},
		{At: nine.Add(time.Second), Kind: presence.Done, Text: "check-in of booking b1"},
	}
	if diff := gocmp.Diff(want, s.Story); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
	if len(s.Visits) != 2 || len(s.Sessions) != 2 || s.Sessions[0].ID != "a0" {
		t.Errorf("visits %v, sessions %v", s.Visits, s.Sessions)
	}
	if len(s.Next) != 2 || !s.Next[0].At.Equal(s.People[0].Until.Time) || !s.Next[1].At.Equal(nine.Add(2*time.Hour)) {
		t.Errorf("next: %v", s.Next)
	}
	bob, err := listings(office()).Show(t.Context(), "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if len(bob.Next) != 2 || !strings.Contains(bob.Next[1].What, "leaving paris") {
		t.Errorf("bob's next: %v", bob.Next)
	}
}

// The Kelvin sign is not kim's k, and bob is BOB.
func TestUsersAreComparedAsPresenceDoes(t *testing.T) {
	m := office()
	m.people[0].User, m.history[0].User = "kim@example.com", "kim@example.com"
	l, kelvin := listings(m), "\u212Aim@example.com"
	if s, err := l.Show(t.Context(), kelvin); !errors.Is(err, ErrUnknown) {
		t.Errorf("show: %+v, %v", s, err)
	}
	if rows := all(t, l.Visits(t.Context(), VisitQuery{User: kelvin})); len(rows) != 0 {
		t.Errorf("visits: %+v", rows)
	}
	if (SessionQuery{User: kelvin}).Match("kim@example.com", presence.Session{State: presence.Open}) {
		t.Error("kim's session would be ended")
	}
	if s, err := l.Show(t.Context(), "BOB@example.com"); err != nil || s.User != "bob@example.com" {
		t.Errorf("show: %+v, %v", s, err)
	}
}

func TestShowOfAStranger(t *testing.T) {
	d, _ := serve(t, &Server{Listings: listings(office())})
	_, err := d.Show(t.Context(), "eve@example.com")
	if !errors.Is(err, ErrUnknown) || err.Error() != "eve@example.com: nothing is remembered" {
		t.Errorf("show a stranger: %v", err)
	}
}

// TestBrokenListingIsNoWholeListing has the store fail after the first page:
// a reader must not take the half for the whole.
func TestBrokenListingIsNoWholeListing(t *testing.T) {
	m := office()
	m.fails = errors.New("input/output error")
	d, _ := serve(t, &Server{Listings: listings(m)})
	var last error
	for _, err := range d.People(t.Context(), "") {
		last = err
	}
	if last == nil {
		t.Error("a listing that broke off ended without an error")
	}
	last = nil
	for _, err := range d.Sessions(t.Context(), SessionQuery{User: "ann@example.com"}) {
		last = err
	}
	if last == nil || last.Error() != "input/output error" {
		t.Errorf("a listing that could not begin: %v", last)
	}
}

// TestFindTakesWhatAnOperatorHas: an address, a name of the network, a device in any
// spelling, a visit that is open or archived, how an address begins.
func TestFindTakesWhatAnOperatorHas(t *testing.T) {
	l := listings(office())
	l.Names = Names{
		User: func(name string) string {
			if name, ok := strings.CutPrefix(name, `CORP\`); ok {
				return name + "@example.com"
			}
			return ""
		},
		Device: func(text string) (mac, kept string) {
			switch text {
			case "02-00-00-00-00-02":
				return "02:00:00:00:00:02", ""
			case "06-00-00-00-00-01": // kept as a hash
				return "06:00:00:00:00:01", "02:00:00:00:00:01"
			}
			return text, ""
		},
	}
	for who, want := range map[string]string{
		"Ann@Example.com": "ann@example.com", `CORP\bob`: "bob@example.com", "02-00-00-00-00-02": "bob@example.com",
		"02:00:00:00:00:01": "ann@example.com", "06-00-00-00-00-01": "ann@example.com",
		"v3": "bob@example.com", "v1": "ann@example.com", "an": "ann@example.com", "Bob": "bob@example.com",
	} {
		users, err := l.Find(t.Context(), who)
		if got := strings.Join(users, " "); got != want || err != nil {
			t.Errorf("%s is %q, %v; want %s", who, got, err, want)
		}
	}
	for who, want := range map[string]string{
		"anne@example.com": "anne@example.com: nothing is remembered; there is ann@example.com",
		`CORP\eve`:         "eve@example.com: nothing is remembered",
		"":                 ": nothing is remembered",
	} {
		users, err := l.Find(t.Context(), who)
		if err == nil || err.Error() != want || !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v, %v; want %s", who, users, err, want)
		}
	}
}

// TestADeviceIsChosenInAnySpelling, also where devices are kept as hashes.
func TestADeviceIsChosenInAnySpelling(t *testing.T) {
	l := listings(office())
	l.Names.Device = func(string) (mac, kept string) { return "06:00:00:00:00:01", "02:00:00:00:00:01" }
	if got := all(t, l.Sessions(t.Context(), SessionQuery{Device: "0600.0000.0001"})); len(got) != 1 || got[0].User != "ann@example.com" {
		t.Errorf("sessions of the device: %v", got)
	}
}
