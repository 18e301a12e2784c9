package kadence

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// ask looks somebody up without the building's list.
func (o *office) ask(email string) (string, error) {
	known, err := o.userID(context.Background(), email)
	return known.ID, err
}

func TestUsersAreRememberedOverRestarts(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		ann := o.AddUser("ann@example.com")
		for range 3 {
			if id, err := o.ask("Ann@Example.com"); id != ann || err != nil {
				t.Errorf("%q, %v", id, err)
			}
			if _, err := o.ask("nobody@example.com"); !errors.Is(err, presence.ErrNoUser) {
				t.Error(err)
			}
			o.restart()
		}
		if n := o.Calls(usersRoute); n != 3 {
			t.Errorf("%d look-ups, want one for ann and two for nobody", n)
		}
		time.Sleep(userUnknown)
		o.AddUser("nobody@example.com") // who is somebody now
		if _, err := o.ask("nobody@example.com"); err != nil {
			t.Errorf("still unknown after %s: %v", userUnknown, err)
		}
		before := o.Calls(usersRoute)
		if _, err := o.ask("ann@example.com"); err != nil || o.Calls(usersRoute) != before {
			t.Errorf("ann was asked for again after %s", userUnknown)
		}
		time.Sleep(userKnown)
		if _, err := o.ask("ann@example.com"); err != nil || o.Calls(usersRoute) != before+1 {
			t.Errorf("ann was not asked for again after %s", userKnown)
		}
	})
}

func TestOlderServersAreAskedByThePartialFilter(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Switch(func(s *sandbox.Switches) { s.IgnoreEmailExact = true })
		for range 120 {
			o.AddUser("somebody@example.com")
		}
		o.AddUser("joann@example.com")
		ann := o.AddUser("ann@example.com")
		if id, err := o.ask("ann@example.com"); id != ann || err != nil {
			t.Errorf("%q, %v, want ann's", id, err)
		}
		if n := o.Calls(usersRoute); n != 2 {
			t.Errorf("%d calls, want one page by each filter", n)
		}
		if _, err := o.ask("nn@example.com"); !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("a part of an address finds %v", err)
		}
		if o.logged.count("ignores the filter emailExact") != 1 {
			t.Errorf("not said once:\n%s", o.logged)
		}
	})
}

func TestAddressOfTwoUsersIsNobodys(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddUser("ann@example.com")
		o.AddUser("ANN@example.com")
		if _, err := o.ask("ann@example.com"); !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUserOnTwoPagesIsOneUser(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.wire.odd = true
		ann := o.AddUser("ann@example.com")
		o.Fail(sandbox.Fault{Route: usersRoute, Times: 1, Status: 200, Body: `{"hydra:member":[],"hydra:totalItems":0}`})
		o.Fail(sandbox.Fault{Route: usersRoute, Times: 2, Status: 200,
			Body: `{"hydra:member":[{"id":"` + ann + `","email":"ann@example.com"}],"hydra:totalItems":2}`})
		if id, err := o.ask("ann@example.com"); id != ann || err != nil {
			t.Errorf("%q, %v, want ann's", id, err)
		}
		if n := o.Calls(usersRoute); n != 3 {
			t.Errorf("%d calls, want one by the exact filter and two pages", n)
		}
	})
}

// Servers that fold letters more freely than presence does find kim.
func TestKelvinSignIsNotAnnsK(t *testing.T) {
	const kelvin = "\u212Aim@example.com"
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("kim@example.com")
		if id, err := o.ask(presence.Fold(kelvin)); !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("%q, %v: somebody else", id, err)
		}
		if all, err := o.Desk.Bookings(context.Background(), kelvin, "london", time.Time{}); !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("somebody else's bookings: %v, %v", all, err)
		}
		o.only("Kim@example.com")
	})
}

func TestWhatIsNoAddressIsNotAsked(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddUser("ann@example.com")
		for _, user := range []string{"", "ann", "%"} {
			if _, err := o.ask(user); !errors.Is(err, presence.ErrNoUser) {
				t.Errorf("%q is %v", user, err)
			}
		}
		if calls := o.Journal(); calls != nil {
			t.Errorf("asked %v", calls)
		}
	})
}

func TestPlusInAnAddress(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		ann := o.AddUser("ann+desk@example.com")
		if id, err := o.ask("ann+desk@example.com"); id != ann || err != nil {
			t.Errorf("%q, %v", id, err)
		}
	})
}

func TestDeletedUserIsLookedUpAgain(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
		old, _ := o.booked("ann@example.com")
		o.only("ann@example.com")
		o.RemoveUser(old)
		_, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
		if !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("deleted: %v", err)
		}
		time.Sleep(userUnknown)
		user, id := o.booked("ann@example.com") // another Ann
		if b := o.only("ann@example.com"); b.ID != id || b.UserID != user {
			t.Errorf("found %+v, want the new Ann's", b)
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // where the API says nothing but "no bookings"
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
		o.Switch(func(s *sandbox.Switches) { s.NoUserNoBookings = true })
		old, _ := o.booked("ann@example.com")
		o.only("ann@example.com")
		o.RemoveUser(old)
		_, id := o.booked("ann@example.com")
		time.Sleep(userEmpty + time.Minute)
		o.bookings("ann@example.com") // empty: whose id this is, is asked again
		if b := o.only("ann@example.com"); b.ID != id {
			t.Errorf("found %+v, want the new Ann's", b)
		}
	})
}

func TestPersonWithoutBookingsIsNotLookedUpEachTime(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
		o.AddUser("ann@example.com")
		for range 36 { // three hours of being there, asked for every five minutes
			o.bookings("ann@example.com")
			time.Sleep(5 * time.Minute)
		}
		if n := o.Calls(usersRoute); n > 3 {
			t.Errorf("ann's id was asked for %d times in three hours", n)
		}
	})
}

// nobody is a well-formed answer that has no users.
const nobody = `{"@type":"hydra:Collection","hydra:member":[],"hydra:totalItems":0}`

// TestAnEmptyAnswerIsNotNews: somebody who was known and is not found is a
// user until that has been so for a day.
func TestAnEmptyAnswerIsNotNews(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		ann := o.AddUser("ann@example.com")
		o.ask("ann@example.com")
		time.Sleep(userKnown)
		if err := Tidy(context.Background(), &o.memory); err != nil {
			t.Fatal(err)
		}
		o.Fail(sandbox.Fault{Route: usersRoute, Status: 200, Body: nobody})
		for range 3 {
			if id, err := o.ask("ann@example.com"); id != ann || err != nil {
				t.Errorf("found nobody: %q, %v", id, err)
			}
			time.Sleep(userMissed)
			o.restart()
		}
		o.Mend()
		o.ask("ann@example.com")
		before := o.Calls(usersRoute)
		time.Sleep(userKnown - time.Minute)
		if id, err := o.ask("ann@example.com"); id != ann || err != nil || o.Calls(usersRoute) != before {
			t.Errorf("found again: %q, %v", id, err)
		}
		o.RemoveUser(ann)
		time.Sleep(time.Minute)
		o.ask("ann@example.com")
		time.Sleep(userGone)
		if _, err := o.ask("ann@example.com"); !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("gone for a day: %v", err)
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // whose bookings are read one by one
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
		ann := o.AddUser("ann@example.com")
		o.bookings("ann@example.com")
		time.Sleep(userEmpty + time.Minute)
		o.Fail(sandbox.Fault{Route: usersRoute, Status: 200, Body: nobody})
		o.bookings("ann@example.com") // none, so that who that is is asked again
		booking := o.today(ann)
		if b := o.only("ann@example.com"); b.ID != booking {
			t.Errorf("found %+v, want ann's", b)
		}
	})
}

// TestTwoFaultsAreNotNews: even if the bookings of somebody who was known are not
// found and nobody is found of the address either, that is not remembered for
// hours; nor is it if only the bookings are not, of whoever it is.
func TestTwoFaultsAreNotNews(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
		_, booking := o.booked("ann@example.com")
		o.only("ann@example.com")
		o.Fail(sandbox.Fault{Route: userBookingsRoute, Status: 404})
		var gone *presence.DeniedError
		if _, err := o.Desk.Bookings(t.Context(), "ann@example.com", "london", time.Time{}); !errors.As(err, &gone) {
			t.Errorf("not found, and listed: %v", err)
		}
		o.Fail(sandbox.Fault{Route: usersRoute, Status: 200, Body: `{"hydra:member":[]}`})
		if _, err := o.Desk.Bookings(t.Context(), "ann@example.com", "london", time.Time{}); !errors.Is(err, presence.ErrNoUser) {
			t.Errorf("neither found nor listed: %v", err)
		}
		o.Mend()
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
		if b := o.only("ann@example.com"); b.ID != booking {
			t.Errorf("found %+v, want ann's", b)
		}
	})
}

// TestOnesDenialIsNotTheBuildings: where people are looked up one by one, the
// questions about somebody whose bookings we may not see keep nobody else's
// from being asked, however often they come.
func TestOnesDenialIsNotTheBuildings(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 403})
		o.booked("ann@example.com")
		o.AddUser("eve@example.com")
		for range 5 {
			o.Fail(sandbox.Fault{Route: userBookingsRoute, Status: 403, Times: 1})
			if _, err := o.Desk.Bookings(t.Context(), "eve@example.com", "london", time.Time{}); err == nil {
				t.Error("eve's bookings are not denied")
			}
		}
		o.only("ann@example.com")
	})
}

func TestForgetfulMemoryIsAnError(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddUser("ann@example.com")
		o.memory.err = errors.New("disk full")
		_, err := o.ask("ann@example.com")
		wantTemporary(t, err)
		if calls := o.routes(0); slices.Contains(calls, usersRoute) {
			t.Errorf("asked all the same: %v", calls)
		}
	})
}

func TestUsersNoLongerBelievedAreErased(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.AddUser("ann@example.com")
		o.AddUser("bob@example.com")
		o.ask("ann@example.com")
		o.ask("nobody@example.com")
		time.Sleep(userUnknown)
		o.ask("bob@example.com")
		if err := Tidy(context.Background(), &o.memory); err != nil {
			t.Fatal(err)
		}
		if got := o.memory.noted(t); !slices.Equal(got, []string{"ann@example.com", "bob@example.com"}) {
			t.Errorf("noted: %q", got)
		}
		time.Sleep(userKept - userUnknown)
		if err := Tidy(context.Background(), &o.memory); err != nil {
			t.Fatal(err)
		}
		if got := o.memory.noted(t); !slices.Equal(got, []string{"bob@example.com"}) {
			t.Errorf("noted later: %q", got)
		}
	})
}
