package kadence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

func TestOneReadingServesEverybodyForAMinute(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		var users []string
		for i := range 1200 {
			users = append(users, fmt.Sprintf("user%d@example.com", i))
			o.booked(users[i])
		}
		for _, user := range users {
			o.only(user)
		}
		if n := o.Calls(bookingsRoute); n != 3 {
			t.Errorf("%d calls for 1200 people, want 3 pages of 500", n)
		}
		time.Sleep(readingAge)
		if n := o.Calls(bookingsRoute); n != 3 {
			t.Error("it is read again while nobody asks")
		}
		o.only(users[0])
		if n := o.Calls(bookingsRoute); n != 6 {
			t.Errorf("%d calls after a minute, want 6", n)
		}
		if n := o.Calls(usersRoute) + o.Calls(userBookingsRoute); n != 0 {
			t.Errorf("%d people were looked up one by one", n)
		}
	})
}

func TestKelvinSignsBookingIsNotKims(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("\u212Aim@example.com")
		_, id := o.booked("kim@example.com")
		if b := o.only("Kim@Example.com"); b.ID != id {
			t.Errorf("kim has the booking of somebody else: %+v", b)
		}
	})
}

func TestBookingsOfTwoUsersUnderOneAddressAreNobodys(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.booked("Ann@Example.com")
		for range 3 {
			all, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
			if !errors.Is(err, presence.ErrNoUser) {
				t.Errorf("%+v, %v", all, err)
			}
		}
		if n := o.Calls(usersRoute); n != 1 {
			t.Errorf("%d look-ups for one reading, want one", n)
		}
	})
}

func TestAddressIsOnlyOfTheUserThatItIsKnownToBe(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) { // another user has been given the address, too
		o.AddUser("ann@example.com")
		if _, err := o.ask("ann@example.com"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		o.booked("ann@example.com")
		for range 3 { // readings
			all, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
			if !errors.Is(err, presence.ErrNoUser) {
				t.Errorf("%+v, %v", all, err)
			}
			time.Sleep(readingAge)
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // a booking says Ann's address, and is Bob's
		ann, id := o.booked("ann@example.com")
		_, bobs := o.booked("bob@example.com")
		o.wire.odd = true
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 200, Body: fmt.Sprintf(`{"hydra:member":[
			{"id":%q,"userId":"01GTBV1CT3BM8A42SEJ2J5F4EB","bookingUserEmail":"ann@example.com","building":%q,"type":"desk",
			"status":"booked","startDate":"2000-01-01T09:00:00Z","endDate":"2000-01-01T17:00:00Z"}],"hydra:totalItems":1}`, bobs, o.london)})
		if got, err := o.ask("ann@example.com"); got != ann || err != nil {
			t.Fatal(got, err)
		}
		for range 5 {
			time.Sleep(10 * time.Second)
			if b := o.only("ann@example.com"); b.ID != id {
				t.Errorf("found %+v, want Ann's own", b)
			}
		}
		if n := o.Calls(usersRoute); n != 2 {
			t.Errorf("%d look-ups, want ours and one for the reading", n)
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // another Ann
		old := o.AddUser("ann@example.com")
		if _, err := o.ask("ann@example.com"); err != nil {
			t.Fatal(err)
		}
		o.RemoveUser(old)
		time.Sleep(time.Minute)
		user, id := o.booked("ann@example.com")
		if b := o.only("ann@example.com"); b.ID != id || b.UserID != user {
			t.Errorf("found %+v, want the new Ann's", b)
		}
		before := len(o.Journal())
		o.only("ann@example.com")
		if calls := o.routes(before); calls != nil {
			t.Errorf("calls %v for what has been read", calls)
		}
	})
}

func TestPagesAreFoundWithoutLinks(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Switch(func(s *sandbox.Switches) { s.NoView = true })
		for i := range 1001 {
			o.booked(fmt.Sprintf("user%d@example.com", i))
		}
		o.only("user0@example.com")
		o.only("user1000@example.com")
		if n := o.Calls(bookingsRoute); n != 3 {
			t.Errorf("%d calls, want 3 pages", n)
		}
	})
}

func TestBookingMadeJustNowIsFoundWhenItMatters(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		ann := o.AddUser("ann@example.com")
		if all := o.bookings("ann@example.com"); all != nil {
			t.Fatal(all)
		}
		time.Sleep(10 * time.Second)
		o.today(ann)
		if all := o.bookings("ann@example.com"); all != nil {
			t.Error("an unhurried look asked again after ten seconds")
		}
		before := len(o.Journal())
		if all := o.bookingsAsOf("ann@example.com", time.Now()); len(all) != 1 {
			t.Errorf("as of now: %v", all)
		}
		if calls := o.routes(before); !slices.Equal(calls, []string{userBookingsRoute}) {
			t.Errorf("calls %v, want one look-up and not all pages", calls)
		}
		if all := o.bookingsAsOf("ann@example.com", time.Now().Add(time.Hour)); len(all) != 1 { // a clock that is ahead
			t.Errorf("as of the future: %v", all)
		}
	})
}

func TestWhatWeDidOutdatesTheReading(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		if _, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com")); err != nil {
			t.Fatal(err)
		}
		if b := o.only("ann@example.com"); b.Status != presence.CheckedIn {
			t.Errorf("still told to be %s", b.Status)
		}
	})
}

func TestBookingsWithoutAddressesAreFoundOneByOne(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Switch(func(s *sandbox.Switches) { s.HideEmails = true })
		_, id := o.booked("ann@example.com")
		if b := o.only("ann@example.com"); b.ID != id {
			t.Errorf("found %+v", b)
		}
	})
}

func TestUnlistedBuildingIsReadPersonByPerson(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.booked("bob@example.com")
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 403})
		for range 5 {
			o.only("ann@example.com")
			o.only("bob@example.com")
			time.Sleep(readingRetryTime)
		}
		if n := o.Calls(bookingsRoute); n != 5 {
			t.Errorf("the list was tried %d times in 5 minutes, want once a minute", n)
		}
		if n := o.logged.count("people are looked up one by one"); n != 1 {
			t.Errorf("said %d times, want once:\n%s", n, o.logged)
		}
		o.Mend()
		o.only("ann@example.com")
		if o.logged.count("lists the building's bookings again") != 1 {
			t.Errorf("not said that it is over:\n%s", o.logged)
		}
	})
}

func TestOneBadBookingHidesNobodyElses(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		ann, _ := o.booked("ann@example.com")
		o.wire.odd = true
		o.Book(sandbox.Booking{User: ann, Building: o.london, ID: "not an id", Begin: at("09:00"), End: at("10:00")})
		o.Book(sandbox.Booking{User: ann, Building: o.london}) // at no time
		o.only("ann@example.com")
		o.bookingsAsOf("ann@example.com", time.Now())
		time.Sleep(time.Hour)
		o.only("ann@example.com")
		if o.Stats().Skipped == 0 || o.logged.count("cannot be decoded") != 1 {
			t.Errorf("skipped %d, said:\n%s", o.Stats().Skipped, o.logged)
		}
	})
}

func TestUnknownUserIsToldFromOneWithoutBooking(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddUser("ann@example.com")
		o.booked("bob@example.com")
		if all := o.bookings("ann@example.com"); all != nil {
			t.Error(all)
		}
		for range 3 {
			_, err := o.Desk.Bookings(context.Background(), "carl@example.com", "london", time.Time{})
			if err == nil || !strings.Contains(err.Error(), presence.ErrNoUser.Error()) {
				t.Errorf("error %v, want %v", err, presence.ErrNoUser)
			}
		}
		if n := o.Calls(usersRoute); n != 3 {
			t.Errorf("%d look-ups, want one for ann, and two filters for carl, once", n)
		}
	})
}

func TestYesterdaysReadingsAreDropped(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddUser("ann@example.com")
		for range 10 {
			o.bookings("ann@example.com")
			time.Sleep(24 * time.Hour)
		}
		if n := len(o.readings); n > 2 {
			t.Errorf("%d readings are kept", n)
		}
	})
}

// TestEverybodysBookingsAreTheReadingThatIsMadeAnyway: whoever looks at them again and
// again, and while they cannot be read, asks no more than that.
func TestEverybodysBookingsAreTheReadingThatIsMadeAnyway(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.booked("Bob@Example.com")
		roll := func() presence.Roll { return o.Desk.Roll(t.Context(), "london", time.Now().Add(-5*time.Minute)) }
		o.only("ann@example.com")
		for range 100 {
			if r := roll(); len(r.Of["ann@example.com"]) != 1 || len(r.Of["bob@example.com"]) != 1 || r.At.IsZero() || r.Why != "" {
				t.Fatalf("it has %+v", r)
			}
			time.Sleep(time.Second)
		}
		if n := o.Calls(bookingsRoute); n != 1 {
			t.Errorf("it was read %d times, want once", n)
		}
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 403})
		time.Sleep(5 * time.Minute)
		for range 600 {
			if r := roll(); len(r.Of) != 2 || r.At.IsZero() || !strings.Contains(r.Why, "denied") {
				t.Fatalf("while it fails it has %+v", r)
			}
			time.Sleep(time.Second)
		}
		if n := o.Calls(bookingsRoute); n > 12 {
			t.Errorf("it was tried %d times in ten minutes", n)
		}
		if r := o.Desk.Roll(t.Context(), "nowhere", time.Now()); !r.At.IsZero() || r.Why == "" {
			t.Errorf("of no site: %+v", r)
		}
	})
}

// A reading of everybody tells of whom it does not list that they have no booking, and
// costs no look-up; that nobody has asked whether there is such a user, it tells too.
func TestWhoIsInNoReadingIsNotLookedUpForThat(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		for range 3 {
			l, err := o.Desk.Listed(t.Context(), "nobody@example.com", "london", time.Now().Add(-time.Minute))
			if err != nil || len(l.Bookings) > 0 || l.At.IsZero() || !l.Unasked {
				t.Errorf("%+v, %v", l, err)
			}
		}
		if n := o.Calls(usersRoute); n != 0 {
			t.Errorf("%d look-ups", n)
		}
		if _, err := o.Desk.Bookings(t.Context(), "nobody@example.com", "london", time.Time{}); !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("asked: %v", err)
		}
		if l, err := o.Desk.Listed(t.Context(), "nobody@example.com", "london", time.Now()); !errors.Is(err, presence.ErrNoUser) || l.Unasked {
			t.Errorf("after that: %+v, %v", l, err)
		}
	})
}
