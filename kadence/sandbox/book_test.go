package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBookableDaysAreTheBuildingsAndTheUsers(t *testing.T) { overBoth(t, bookableDays) }

func bookableDays(t *testing.T, s *tenant) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	s.now = time.Date(2026, 3, 6, 14, 30, 20, 0, time.UTC) // 9:30 there, two days before its clocks change
	s.login()
	office, ann := s.AddBuilding("New York", zone), s.AddUser("ann@example.com")
	change := func(f func(*Building)) { s.ChangeBuilding(office, f) }
	change(func(b *Building) { b.Opens, b.Closes = 8*time.Hour, 18*time.Hour })
	s.Switch(func(s *Switches) { s.DaysAhead = 3 })
	days := func() string {
		t.Helper()
		var all []string
		members, _ := s.want(200, "GET", "/v1/public/bookable-days?buildingId="+office+"&userId="+ann, "")["hydra:member"].([]any)
		for _, m := range members {
			start, end := m.(map[string]any)["start"].(string), m.(map[string]any)["end"].(string)
			all = append(all, start[8:10]+" "+start[11:16]+"-"+end[11:16])
		}
		return strings.Join(all, ", ")
	}
	want := func(what, want string) {
		t.Helper()
		if got := days(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	want("open, from now on", "06 14:30-23:00, 07 13:00-23:00, 08 12:00-22:00, 09 12:00-22:00")
	change(func(b *Building) { b.Closures = []string{"2026-03-07"} })
	want("closed tomorrow", "06 14:30-23:00, 08 12:00-22:00, 09 12:00-22:00")
	s.now = s.now.Add(9 * time.Hour)
	s.login()
	want("after closing time", "08 12:00-22:00, 09 12:00-22:00")
	s.ChangeUser(ann, func(u *User) { u.Barred = map[string]struct{}{office: {}} })
	want("without the right", "")
	s.ChangeUser(ann, func(u *User) { u.Barred = nil })
	change(func(b *Building) { b.Shut = true })
	want("shut", "")
	s.want(204, "GET", "/v1/public/bookable-days/1", "")
}

func TestPassesRunOutAndSayWhyThereAreNone(t *testing.T) { overBoth(t, passesRunOut) }

func passesRunOut(t *testing.T, s *tenant) {
	office, ann, bob := s.AddBuilding("HQ", time.UTC), s.AddUser("ann@example.com"), s.AddUser("bob@example.com")
	change := func(f func(*Building)) { s.ChangeBuilding(office, f) }
	want := func(what, begin, end, want string) {
		t.Helper()
		status, o, err := s.ask("GET", fmt.Sprintf("/v1/public/bookable-onsite-passes?buildingId=%s&startDateTime=2026-03-06T%s:00&endDateTime=2026-03-06T%s:00", office, begin, end), "")
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(status, " ", o["available"], " ", o["numPassesAvailable"], " ", o["unavailabilityReason"]); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	want("without limit", "09:00", "17:00", "200 true <nil> <nil>")
	change(func(b *Building) { b.Passes, b.Opens, b.Closes = 2, 8*time.Hour, 18*time.Hour })
	at := func(h int) time.Time { return time.Date(2026, 3, 6, h, 0, 0, 0, time.UTC) }
	s.Book(Booking{User: ann, Building: office, Type: "onsite", Begin: at(9), End: at(12)})
	left := s.Book(Booking{User: bob, Building: office, Type: "onsite", Begin: at(10), End: at(17)})
	s.Book(Booking{User: bob, Building: office, Type: "desk", Begin: at(9), End: at(17)})
	want("one of two", "09:00", "10:00", "200 true 1 <nil>")
	want("none of two", "09:00", "17:00", "200 false 0 noCapacity")
	s.Change(left, func(b *Booking) { b.Status = CheckedOut })
	want("one given back", "09:00", "17:00", "200 true 1 <nil>")
	want("after closing time", "09:00", "19:00", "200 false 0 openingHours")
	change(func(b *Building) { b.Closures = []string{"2026-03-06"} })
	want("a holiday", "09:00", "17:00", "200 false 0 buildingClosure")
	change(func(b *Building) { b.Shut = true })
	want("shut", "09:00", "17:00", "200 false 0 buildingClosed")
	change(func(b *Building) { b.NoPasses = true })
	want("without passes", "09:00", "17:00", "404 <nil> <nil> <nil>")
}

func TestBookingIsRefusedForWhatTheAPIWouldRefuse(t *testing.T) { overBoth(t, bookingIsRefused) }

func bookingIsRefused(t *testing.T, s *tenant) {
	s.now = time.Date(2026, 3, 6, 9, 30, 0, 0, time.UTC)
	s.login()
	office, ann := s.AddBuilding("HQ", time.UTC), s.AddUser("ann@example.com")
	s.ChangeBuilding(office, func(b *Building) { b.Opens, b.Closes, b.Passes = 8*time.Hour, 18*time.Hour, 1 })
	book := func(want int, user, more string) map[string]any {
		t.Helper()
		return s.want(want, "POST", "/v1/public/bookings", `{"userId":"`+user+`",`+more+`}`)
	}
	const times = `"startDateTime":"2026-03-06T10:00:00","endDateTime":"2026-03-06T17:00:00"`
	here := `"buildingId":"` + office + `",`
	s.ChangeUser(ann, func(u *User) { u.Barred = map[string]struct{}{office: {}} })
	book(400, ann, here+times)
	s.ChangeUser(ann, func(u *User) { u.Barred = nil })
	for what, body := range map[string]string{
		"a desk":       `"spaceId":"01GTBV1CT3",` + times,
		"both":         `"spaceId":"01GTBV1CT3",` + here + times,
		"nowhere":      times,
		"no end":       here + `"startDateTime":"2026-03-06T10:00:00"`,
		"no begin":     here + `"endDateTime":"2026-03-06T10:00:00"`,
		"backwards":    here + `"startDateTime":"2026-03-06T10:00:00","endDateTime":"2026-03-06T09:00:00"`,
		"after hours":  here + `"startDateTime":"2026-03-06T10:00:00","endDateTime":"2026-03-06T19:00:00"`,
		"in the past":  here + `"startDateTime":"2026-03-06T08:00:00","endDateTime":"2026-03-06T09:00:00"`,
		"with a zone":  here + `"startDateTime":"2026-03-06T10:00:00Z","endDateTime":"2026-03-06T17:00:00Z"`,
		"without user": here + times,
	} {
		user := ann
		if what == "without user" {
			user = ""
		}
		book(422, user, body)
	}
	if made := book(201, ann, here+times); made["source"] != "publicApi" || made["type"] != "onsite" || made["status"] != "booked" {
		t.Errorf("made: %v", made)
	}
	book(422, ann, here+times)
	if said := book(422, s.AddUser("bob@example.com"), here+times); !strings.Contains(fmt.Sprint(said), "noCapacity") {
		t.Errorf("one too many: %v", said)
	}
	if bad := s.Offences(); bad != nil {
		t.Error(bad)
	}
	s.Switch(func(s *Switches) { s.OverlapAllowed = true })
	s.ChangeBuilding(office, func(b *Building) { b.Passes = 0 })
	book(201, ann, here+times)
	if bad := s.Offences(); len(bad) != 1 || !strings.Contains(bad[0], "a second time") {
		t.Errorf("a second booking of one day is no offence: %v", bad)
	}
}
