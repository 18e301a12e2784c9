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

func TestArrivalIsCheckedInAndDepartureOut(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		user, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		want := presence.Booking{
			ID: id, UserID: user, Type: "desk", Status: presence.Booked, Begin: at("09:00"), End: at("17:00"),
			Eligible: true, Space: "Desk 01", Made: at("00:00"), Changed: at("00:00"), Via: "web", Read: b.Read,
		}
		if b != want {
			t.Errorf("booking\n got %+v\nwant %+v", b, want)
		}
		in, err := o.CheckIn(context.Background(), "london", b)
		if err != nil || in.Status != presence.CheckedIn || in.Method != "wifi" {
			t.Fatalf("check in: %+v, %v", in, err)
		}
		time.Sleep(8 * time.Hour)
		out, err := o.CheckOut(context.Background(), "london", in)
		if err != nil || out.Status != presence.CheckedOut {
			t.Fatalf("check out: %+v, %v", out, err)
		}
		kept, _ := o.Server.Booking(id)
		if kept.CheckedInBy != user || kept.CheckedOutBy != user || kept.CheckOutMethod != "wifi" {
			t.Errorf("kept as %+v, want both by the user and by wifi", kept)
		}
		if bad := o.Offences(); bad != nil {
			t.Error(bad)
		}
	})
}

func TestOneAddressContainsTheOther(t *testing.T) {
	for _, prefetch := range []bool{true, false} {
		inOffice(t, func(t *testing.T, o *office) {
			if !prefetch {
				o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
			}
			_, joann := o.booked("joann@example.com")
			_, ann := o.booked("Ann@Example.com")
			_, annb := o.booked("ann@example.com.br")
			if got := o.only("ann@example.com").ID; got != ann {
				t.Errorf("prefetch %v: ann's booking is %s, want %s (joann's is %s, ann in Brazil's %s)", prefetch, got, ann, joann, annb)
			}
			if got := o.only("JOANN@example.com").ID; got != joann {
				t.Errorf("prefetch %v: joann's booking is %s, want %s", prefetch, got, joann)
			}
		})
	}
}

func TestActingUser(t *testing.T) {
	const service = "01GTBV1CT3BM8A42SEJ2J5F4EG"
	inOffice(t, func(t *testing.T, o *office) {
		robot := o.AddUser("robot@example.com")
		o.restart(func(c *Config) { c.ActingUser = robot })
		_, id := o.booked("ann@example.com")
		if _, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com")); err != nil {
			t.Fatal(err)
		}
		if b, _ := o.Server.Booking(id); b.CheckedInBy != robot {
			t.Errorf("checked in by %q, want %q", b.CheckedInBy, robot)
		}
		o.restart(func(c *Config) { c.ActingUser = service }) // nobody of this tenant
		_, err := o.CheckOut(context.Background(), "london", o.only("ann@example.com"))
		wantRefused(t, err)
	})
}

func TestDryRunTouchesNothing(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		_, id := o.booked("ann@example.com")
		desk := DryRun(o.Desk)
		all, err := desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		before := len(o.Journal())
		if b, err := desk.CheckIn(context.Background(), "london", all[0]); err != presence.ErrDryRun || b != all[0] {
			t.Errorf("check in: %+v, %v", b, err)
		}
		if b, err := desk.CheckOut(context.Background(), "london", all[0]); err != presence.ErrDryRun || b != all[0] {
			t.Errorf("check out: %+v, %v", b, err)
		}
		if calls := o.routes(before); calls != nil || o.status(id) != sandbox.Booked {
			t.Errorf("calls %v, status %s", calls, o.status(id))
		}
	})
}

func TestOnlyOwnEligibleBookingsOfTheDayAndBuilding(t *testing.T) {
	for i := range 4 {
		prefetch, filters := i%2 == 0, i < 2
		inOffice(t, func(t *testing.T, o *office) {
			if !prefetch {
				o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
			}
			o.Switch(func(s *sandbox.Switches) { s.ListCreated, s.IgnoreFilters = true, !filters })
			o.wire.odd = true // no document has hammocks
			paris := o.AddBuilding("Paris", zone(t, "Europe/Paris"))
			ann, bob := o.AddUser("ann@example.com"), o.AddUser("bob@example.com")
			day := 24 * time.Hour
			add := func(b sandbox.Booking) string {
				if b.Building == "" {
					b.Building = o.london
				}
				if b.Begin.IsZero() {
					b.Begin, b.End = at("09:00"), at("17:00")
				}
				return o.Book(b)
			}
			want := map[string]bool{ // booking id → eligible
				add(sandbox.Booking{User: ann}):                                                          true,
				add(sandbox.Booking{User: ann, Type: "onsite"}):                                          true,
				add(sandbox.Booking{User: ann, Type: "room"}):                                            false,
				add(sandbox.Booking{User: ann, Type: "hammock", Status: "melted"}):                       false,
				add(sandbox.Booking{User: ann, Guest: true}):                                             false,
				add(sandbox.Booking{User: ann, Creator: bob}):                                            true,
				add(sandbox.Booking{User: ann, Begin: at("09:00").Add(-day), End: at("17:00").Add(day)}): true,
				add(sandbox.Booking{User: ann, Begin: at("22:00"), End: at("22:00").Add(8 * time.Hour)}): true,
			}
			// … and these are of other days, people and places:
			add(sandbox.Booking{User: ann, Begin: at("00:00").Add(-time.Hour), End: at("00:00")})
			add(sandbox.Booking{User: ann, Begin: at("00:00").Add(day), End: at("00:00").Add(2 * day)})
			add(sandbox.Booking{User: bob})
			add(sandbox.Booking{User: bob, Creator: ann})
			add(sandbox.Booking{User: ann, Building: paris})
			time.Sleep(12 * time.Hour) // noon: what is around now is of the day
			got := map[string]bool{}
			for _, b := range o.bookings("ann@example.com") {
				got[b.ID] = b.Eligible
				if b.Guest && b.Eligible {
					t.Error("a guest's booking is eligible")
				}
			}
			if len(got) != len(want) {
				t.Errorf("prefetch %v, filters %v: %d bookings, want %d", prefetch, filters, len(got), len(want))
			}
			for id, eligible := range want {
				if e, ok := got[id]; !ok || e != eligible {
					t.Errorf("prefetch %v, filters %v: booking %s: there %v, eligible %v, want %v", prefetch, filters, id, ok, e, eligible)
				}
			}
		})
	}
}

func TestGuestsAndNobodysBookingsAreNotTouched(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		user, id := o.booked("ann@example.com")
		for _, b := range []presence.Booking{
			{ID: id, UserID: user, Guest: true, Read: time.Now()},
			{ID: id, Read: time.Now()},
			{ID: "../" + id, UserID: user, Read: time.Now()},
		} {
			_, in := o.CheckIn(context.Background(), "london", b)
			_, out := o.CheckOut(context.Background(), "london", b)
			wantDenied(t, in, false)
			wantDenied(t, out, false)
		}
		if calls := o.Journal(); calls != nil {
			t.Errorf("calls were made: %v", calls)
		}
	})
}

func TestOldReadingIsReadAgainBeforeThePost(t *testing.T) {
	ctx := context.Background()
	inOffice(t, func(t *testing.T, o *office) {
		_, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		time.Sleep(2 * time.Minute)
		o.Server.Change(id, func(b *sandbox.Booking) { b.Status = sandbox.Cancelled })
		before := len(o.Journal())
		got, err := o.CheckIn(ctx, "london", b)
		if !errors.Is(err, presence.ErrChanged) || got.Status != presence.Cancelled {
			t.Errorf("%+v, %v, want the booking as it is: cancelled", got, err)
		}
		if calls := o.routes(before); !slices.Equal(calls, []string{bookingRoute}) {
			t.Errorf("calls %v, want one read and no post", calls)
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // and one that was read just now is not
		o.booked("ann@example.com")
		b := o.only("ann@example.com")
		before := len(o.Journal())
		if _, err := o.CheckIn(ctx, "london", b); err != nil {
			t.Fatal(err)
		}
		if calls := o.routes(before); !slices.Equal(calls, []string{checkInRoute}) {
			t.Errorf("calls %v, want one post", calls)
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // somebody else has the desk now
		_, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		bob := o.AddUser("bob@example.com")
		time.Sleep(2 * time.Minute)
		o.Server.Change(id, func(b *sandbox.Booking) { b.User = bob })
		_, err := o.CheckIn(ctx, "london", b)
		wantDenied(t, err, false)
		if o.status(id) != sandbox.Booked {
			t.Error("bob's booking was touched")
		}
	})
}
