package kadence

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

const (
	daysRoute   = "GET /v1/public/bookable-days"
	passesRoute = "GET /v1/public/bookable-onsite-passes"
	bookRoute   = "POST /v1/public/bookings"
	cancelRoute = "POST /v1/public/bookings/{id}/cancel"
)

// opens has the building open from eight to six, with so many passes; 0: without
// limit.
func (o *office) opens(passes int) {
	o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.Opens, b.Closes, b.Passes = 8*time.Hour, 18*time.Hour, passes })
}

func (o *office) pass(user string) presence.Pass {
	o.t.Helper()
	p, err := o.Desk.Pass(context.Background(), user, "london")
	if err != nil {
		o.t.Fatalf("pass of %s: %v", user, err)
	}
	return p
}

func TestAPassIsBookedAndCheckedInTo(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.opens(3)
		user := o.AddUser("ann@example.com")
		time.Sleep(9*time.Hour + 20*time.Minute + 20*time.Second)
		p := o.pass("ann@example.com")
		if want := (presence.Pass{UserID: user, Begin: at("09:20"), End: at("18:00")}); p != want {
			t.Errorf("pass %+v, want %+v", p, want)
		}
		b, err := o.Desk.BookPass(context.Background(), "london", p)
		if err != nil || b.Type != "onsite" || b.Status != presence.Booked || !b.Eligible || b.Via != "publicApi" || b.Maker != "" {
			t.Fatalf("booked %+v, %v", b, err)
		}
		all, err := o.Desk.Today(context.Background(), "ann@example.com", "london")
		if err != nil || len(all) != 1 || all[0].ID != b.ID {
			t.Errorf("today: %+v, %v", all, err)
		}
		if in, err := o.CheckIn(context.Background(), "london", b); err != nil || in.Status != presence.CheckedIn {
			t.Errorf("checked in: %+v, %v", in, err)
		}
		if bad := o.Offences(); bad != nil {
			t.Error(bad)
		}
	})
}

func TestBeforeTheBuildingOpensThePassBeginsAsItDoes(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.opens(0)
		o.AddUser("ann@example.com")
		time.Sleep(7 * time.Hour)
		if p := o.pass("ann@example.com"); !p.Begin.Equal(at("08:00")) || p.None != "" {
			t.Errorf("pass %+v", p)
		}
	})
}

// A building that never closes has a day that runs over midnight elsewhere.
func TestTodayIsTheBuildingsDay(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		tokyo := o.AddBuilding("Tokyo", zone(t, "Asia/Tokyo"))
		o.restart(func(c *Config) { c.Buildings["tokyo"] = tokyo })
		user := o.AddUser("ann@example.com")
		o.Book(sandbox.Booking{User: user, Building: tokyo, Begin: at("00:00").Add(-10 * time.Hour), End: at("00:00").Add(-9*time.Hour - time.Minute)}) // yesterday's there
		early := o.Book(sandbox.Booking{User: user, Building: tokyo, Begin: at("00:00").Add(-9 * time.Hour), End: at("00:00").Add(-8 * time.Hour), Status: sandbox.CheckedOut})
		time.Sleep(14*time.Hour + 30*time.Minute) // half past eleven at night there
		all, err := o.Desk.Today(context.Background(), "ann@example.com", "tokyo")
		if err != nil || len(all) != 1 || all[0].ID != early {
			t.Errorf("today: %+v, %v, want what was checked out in the first hour of the day", all, err)
		}
		p, err := o.Desk.Pass(context.Background(), "ann@example.com", "tokyo")
		if err != nil || !p.Begin.Equal(at("14:30")) || !p.End.Equal(at("15:00")) {
			t.Errorf("pass %+v, %v", p, err)
		}
	})
}

func TestWhyThereIsNoPassIsSaid(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(o *office, user string)
		want   string
	}{
		{"a tenant without passes", func(o *office, _ string) {
			o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.NoPasses = true })
		}, "there are no onsite passes at this building"},
		{"full", func(o *office, _ string) {
			o.opens(1)
			o.Book(sandbox.Booking{User: o.AddUser("bob@example.com"), Building: o.london, Type: "onsite", Begin: at("09:00"), End: at("17:00")})
		}, "there is no onsite pass: noCapacity"},
		{"a holiday", func(o *office, _ string) {
			o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.Closures = []string{"2000-01-01"} })
		}, "the building is closed today, or the person may not book there"},
		{"shut", func(o *office, _ string) {
			o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.Shut = true })
		}, "the building is closed today, or the person may not book there"},
		{"without the right", func(o *office, user string) {
			o.ChangeUser(user, func(u *sandbox.User) { u.Barred = map[string]struct{}{o.london: {}} })
		}, "the building is closed today, or the person may not book there"},
		{"evening", func(*office, string) { time.Sleep(10 * time.Hour) }, "the building is closed today, or the person may not book there"},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			o.opens(0)
			user := o.AddUser("ann@example.com")
			time.Sleep(9 * time.Hour)
			c.change(o, user)
			if p := o.pass("ann@example.com"); p.None != c.want {
				t.Errorf("%s: %+v, want %q", c.what, p, c.want)
			}
		})
	}
}

// What holds for the building is asked once for everybody, and again some minutes
// later.
func TestAFullBuildingIsNotAskedForEachPerson(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.opens(1)
		taken := o.Book(sandbox.Booking{User: o.AddUser("bob@example.com"), Building: o.london, Type: "onsite", Begin: at("09:00"), End: at("17:00")})
		for _, user := range []string{"a@example.com", "b@example.com", "c@example.com"} {
			o.AddUser(user)
		}
		time.Sleep(9 * time.Hour)
		for _, user := range []string{"a@example.com", "b@example.com", "c@example.com"} {
			o.pass(user)
		}
		if n := o.Calls(passesRoute); n != 1 {
			t.Errorf("asked %d times", n)
		}
		o.Server.Change(taken, func(b *sandbox.Booking) { b.Status = sandbox.Cancelled })
		time.Sleep(nopassTime)
		if p := o.pass("a@example.com"); p.None != "" {
			t.Errorf("given back, it is %q", p.None)
		}
	})
}

// What an answer to the booking of a pass means for whoever would ask again.
func TestOnlyWhatCannotHaveBookedIsSaidNotToHave(t *testing.T) {
	refused := func(err error) bool { var e *presence.RefusedError; return errors.As(err, &e) }
	denied := func(err error) bool { var e *presence.DeniedError; return errors.As(err, &e) }
	throttled := func(err error) bool { var e *presence.ThrottledError; return errors.As(err, &e) }
	unclear := func(err error) bool {
		var closed *presence.ClosedError
		return err != nil && !refused(err) && !denied(err) && !throttled(err) && !errors.As(err, &closed) && !errors.Is(err, presence.ErrNotSent)
	}
	for _, c := range []struct {
		what  string
		fault sandbox.Fault
		is    func(error) bool
		made  bool
	}{
		{"400", sandbox.Fault{Status: 400}, refused, false},
		{"422", sandbox.Fault{Status: 422}, refused, false},
		{"403", sandbox.Fault{Status: 403}, denied, false},
		{"429", sandbox.Fault{Status: 429}, throttled, false},
		{"500", sandbox.Fault{Status: 500}, unclear, false},
		{"503", sandbox.Fault{Status: 503}, unclear, false},
		{"a redirect", sandbox.Fault{Redirect: "https://evil.example/"}, unclear, false},
		{"a page", sandbox.Fault{HTML: true}, unclear, false},
		{"dropped before", sandbox.Fault{DropBefore: true}, unclear, false},
		{"dropped after", sandbox.Fault{DropAfter: true}, unclear, true},
		{"cut", sandbox.Fault{Truncate: true}, unclear, true},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			o.opens(0)
			o.AddUser("ann@example.com")
			time.Sleep(9 * time.Hour)
			p := o.pass("ann@example.com")
			c.fault.Route = bookRoute
			o.Fail(c.fault)
			if _, err := o.Desk.BookPass(context.Background(), "london", p); !c.is(err) {
				t.Errorf("%s: %v", c.what, err)
			}
			if n := o.Calls(bookRoute); n != 1 {
				t.Errorf("%s: called %d times", c.what, n)
			}
			o.Mend()
			time.Sleep(2 * time.Hour) // for whom is throttled
			all, err := o.Desk.Today(context.Background(), "ann@example.com", "london")
			if err != nil || (len(all) == 1) != c.made {
				t.Errorf("%s: today there are %+v, %v", c.what, all, err)
			}
		})
	}
	inOffice(t, func(t *testing.T, o *office) { // no connection
		o.opens(0)
		o.AddUser("ann@example.com")
		time.Sleep(9 * time.Hour)
		p := o.pass("ann@example.com")
		o.wire.fail(func(*http.Request) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		})
		if _, err := o.Desk.BookPass(context.Background(), "london", p); !errors.Is(err, presence.ErrNotSent) {
			t.Errorf("not sent: %v", err)
		}
		time.Sleep(2 * time.Hour) // the token has run out
		o.wire.fail(func(*http.Request) error { return errors.New("read: connection reset") })
		if _, err := o.Desk.BookPass(context.Background(), "london", p); !errors.Is(err, presence.ErrNotSent) {
			t.Errorf("without a token: %v", err)
		}
	})
}

func TestADryRunBooksNothingAndCancelsNothing(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.opens(0)
		_, id := o.booked("ann@example.com")
		time.Sleep(9 * time.Hour)
		dry := DryRun(o.Desk).(presence.Passes)
		p, err := dry.Pass(context.Background(), "ann@example.com", "london")
		if err != nil || p.None != "" {
			t.Fatal(p, err)
		}
		if _, err := dry.BookPass(context.Background(), "london", p); err != presence.ErrDryRun {
			t.Error(err)
		}
		if _, err := dry.Cancel(context.Background(), "london", o.only("ann@example.com")); err != presence.ErrDryRun {
			t.Error(err)
		}
		if o.Calls(bookRoute)+o.Calls(cancelRoute) > 0 || o.status(id) != sandbox.Booked {
			t.Error("it did")
		}
	})
}

func TestCancellingReadsFirstAndNamesWhoActs(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		user, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		time.Sleep(2 * time.Minute)
		after, err := o.Desk.Cancel(context.Background(), "london", b)
		if err != nil || after.Status != presence.Cancelled {
			t.Fatalf("%+v, %v", after, err)
		}
		if got := o.routes(len(o.Journal()) - 2); !slices.Equal(got, []string{bookingRoute, cancelRoute}) {
			t.Errorf("calls %v", got)
		}
		if kept, _ := o.Server.Booking(id); kept.CancelledBy != user {
			t.Errorf("cancelled by %q", kept.CancelledBy)
		}
		if sent := string(o.wire.seen[len(o.wire.seen)-1].sent); strings.Contains(sent, "method") {
			t.Errorf("sent %s", sent)
		}
	})
}

func TestWhoTookABookingIsTold(t *testing.T) {
	for cause, taken := range map[string]bool{
		"byUser": false, "byUserInBulk": false, "": false, "removedFromCalendarByProvider": false, "somethingNew": false,
		"autoSpaceRelease": true, "buildingClosure": true, "permanentDesk": true,
	} {
		w := booking{Status: "cancelled", Cause: text(cause)}
		if got := (&Desk{}).domain(w, time.Time{}).Taken; got != taken {
			t.Errorf("%q: taken %v, want %v", cause, got, taken)
		}
	}
}
