package kadence

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// One test per doubt about the real API: whichever way it turns out, the desk
// is right, or says what the courier needs to be.

func TestEarlyCheckInRules(t *testing.T) {
	for _, c := range []struct {
		rule sandbox.EarlyCheckIn
		open string // from when on nine o'clock's booking can be checked in
	}{{sandbox.EarlySameDay, "00:00"}, {sandbox.EarlyOnceOpen, "07:30"}, {sandbox.EarlyOff, "09:00"}} {
		inOffice(t, func(t *testing.T, o *office) {
			o.Switch(func(s *sandbox.Switches) { s.EarlyCheckIn, s.Opens = c.rule, 7*time.Hour+30*time.Minute })
			_, id := o.booked("ann@example.com")
			time.Sleep(time.Until(at(c.open)) - time.Second)
			if c.open != "00:00" {
				_, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com"))
				wantRefused(t, err)
			}
			time.Sleep(time.Until(at(c.open)))
			if _, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com")); err != nil || o.status(id) != sandbox.CheckedIn {
				t.Errorf("rule %d at %s: %v", c.rule, c.open, err)
			}
		})
	}
}

func TestSelfCertificationRefusesUntilDone(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Switch(func(s *sandbox.Switches) { s.SelfCertification, s.CertifiedOut = true, true })
		user, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		_, err := o.CheckIn(context.Background(), "london", b)
		wantRefused(t, err)
		o.SelfCertify(user, o.london, time.Now())
		in, err := o.CheckIn(context.Background(), "london", b)
		if err != nil || o.status(id) != sandbox.CheckedIn {
			t.Error(err)
		}
		if _, err := o.CheckOut(context.Background(), "london", in); err != nil {
			t.Error(err)
		}
	})
}

func TestManualCheckInOffRefuses(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Switch(func(s *sandbox.Switches) { s.ManualCheckInOff, s.AutoRelease = true, 15*time.Minute })
		_, id := o.booked("ann@example.com")
		_, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com"))
		wantRefused(t, err)
		time.Sleep(10 * time.Hour)
		if o.status(id) != sandbox.Booked {
			t.Errorf("released all the same: %s", o.status(id))
		}
	})
}

func TestAutoReleasedBookingIsToldAsCancelled(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Switch(func(s *sandbox.Switches) { s.AutoRelease = 15 * time.Minute })
		_, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		time.Sleep(9*time.Hour + 15*time.Minute)
		got, err := o.CheckIn(context.Background(), "london", b)
		if !errors.Is(err, presence.ErrChanged) || got.Status != presence.Cancelled {
			t.Errorf("%+v, %v", got, err)
		}
		kept, _ := o.Server.Booking(id)
		if kept.CancelReason != "autoSpaceRelease" || !kept.AutoReleased.Equal(at("09:15")) {
			t.Errorf("kept as %+v", kept)
		}
	})
	inOffice(t, func(t *testing.T, o *office) { // one that was checked in is not released
		o.Switch(func(s *sandbox.Switches) { s.AutoRelease = 15 * time.Minute })
		_, id := o.booked("ann@example.com")
		if _, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Hour)
		if o.status(id) != sandbox.CheckedIn {
			t.Error(o.status(id))
		}
	})
}

func TestBookingsEndAtTheirEnd(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		_, unused := o.booked("ann@example.com")
		_, used := o.booked("bob@example.com")
		if _, err := o.CheckIn(context.Background(), "london", o.only("bob@example.com")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(17 * time.Hour)
		if o.status(unused) != sandbox.NoCheckIn || o.status(used) != sandbox.Completed {
			t.Errorf("%s and %s", o.status(unused), o.status(used))
		}
		if b := o.only("ann@example.com"); b.Status != presence.NoCheckIn {
			t.Errorf("told as %s", b.Status)
		}
		if b := o.only("bob@example.com"); b.Status != presence.Completed {
			t.Errorf("told as %s", b.Status)
		}
	})
}

func TestReleaseOnCheckOutShortensTheBooking(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Switch(func(s *sandbox.Switches) { s.ReleaseOnCheckOut = true })
		o.booked("ann@example.com")
		in, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Hour)
		out, err := o.CheckOut(context.Background(), "london", in)
		if err != nil || out.Status != presence.CheckedOut || !out.End.Equal(at("12:00")) {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestRepeatsAndReturns(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		_, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		in, err := o.CheckIn(context.Background(), "london", b)
		if err != nil {
			t.Fatal(err)
		}
		_, err = o.CheckIn(context.Background(), "london", b)
		wantRefused(t, err)
		o.Switch(func(s *sandbox.Switches) { s.RepeatAllowed, s.ReturnAllowed = true, true })
		if again, err := o.CheckIn(context.Background(), "london", b); err != nil || again.Status != presence.CheckedIn || len(o.Effects(id)) != 1 {
			t.Errorf("repeat: %+v, %v", again, err)
		}
		if _, err := o.CheckOut(context.Background(), "london", in); err != nil {
			t.Fatal(err)
		}
		if back, err := o.CheckIn(context.Background(), "london", b); err != nil || back.Status != presence.CheckedIn {
			t.Errorf("return: %+v, %v", back, err)
		}
		if len(o.Offences()) == 0 {
			t.Error("the journal does not mind a check-in after a check-out")
		}
	})
}

func TestNullsAndIRIsAreRead(t *testing.T) {
	for _, change := range []func(*sandbox.Switches){
		func(s *sandbox.Switches) { s.ExplicitNulls = true },
		func(s *sandbox.Switches) { s.SpaceAsIRI = true },
		func(s *sandbox.Switches) { s.ExplicitNulls, s.SpaceAsIRI, s.NoView = true, true, true },
	} {
		inOffice(t, func(t *testing.T, o *office) {
			o.wire.odd = true // the document allows neither some of the nulls nor the IRIs
			o.Switch(change)
			o.booked("ann@example.com")
			in, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com"))
			if err != nil || in.Status != presence.CheckedIn || in.Space != "Desk 01" {
				t.Fatalf("%+v, %v", in, err)
			}
			if out, err := o.CheckOut(context.Background(), "london", in); err != nil || out.Status != presence.CheckedOut {
				t.Fatalf("%+v, %v", out, err)
			}
		})
	}
}

func TestStatsSayHowItGoes(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.Fail(sandbox.Fault{Route: checkInRoute, Times: 1, Status: 503})
		b := o.only("ann@example.com")
		_, _ = o.CheckIn(context.Background(), "london", b)
		if s := o.Stats(); s.Error != checkInRoute+": 503 Service Unavailable" || !s.Failure.Equal(time.Now()) {
			t.Errorf("after a failure: %+v", s)
		}
		o.Fail(sandbox.Fault{Route: checkInRoute, Times: 1, Status: 400, Header: map[string][]string{
			"X-Ratelimit-Limit": {"1000"}, "X-Rate-Limit-Remaining": {"17"},
		}})
		time.Sleep(time.Second)
		_, _ = o.CheckIn(context.Background(), "london", b)
		s := o.Stats()
		if s.Error != "" || !s.Success.Equal(time.Now()) || s.Failure.IsZero() {
			t.Errorf("a refusal is an answer: %+v", s)
		}
		if s.Limit == nil || *s.Limit != 1000 || s.Remaining == nil || *s.Remaining != 17 {
			t.Errorf("limits: %+v", s)
		}
		if s.Token.IsZero() {
			t.Error("no token")
		}
		var told []string
		for _, c := range s.Calls {
			told = append(told, c.Route+" "+c.Result+" "+strconv.Itoa(c.Count))
		}
		want := "GET /v1/public/bookings 200 1\nGET /v1/public/buildings 200 1\nPOST /oauth2/token 200 1\n" +
			checkInRoute + " 400 1\n" + checkInRoute + " 503 1"
		if got := strings.Join(told, "\n"); got != want {
			t.Errorf("calls:\n%s\nwant\n%s", got, want)
		}
	})
}

// What the desk does not call, a rehearsal does: it conforms, too.
func TestRestOfTheSandboxConforms(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		user, id := o.booked("ann@example.com")
		call := func(route, path string, body any) string {
			t.Helper()
			b, err := o.client.do(context.Background(), request{route: route, path: path, body: body})
			if err != nil {
				t.Error(err)
			}
			return string(b)
		}
		if got := call("GET /v1/public/users/{id}", "/v1/public/users/"+user, nil); !strings.Contains(got, "ann@example.com") {
			t.Error(got)
		}
		if got := call("GET /v1/public/buildings/{id}", "/v1/public/buildings/"+o.london, nil); !strings.Contains(got, "Europe/London") {
			t.Error(got)
		}
		if call("POST /v1/public/bookings/{id}/cancel", "/v1/public/bookings/"+id+"/cancel", map[string]string{"userId": user}); o.status(id) != sandbox.Cancelled {
			t.Errorf("cancelled, it is %s", o.status(id))
		}
		call("POST /v1/public/bookings", "/v1/public/bookings", map[string]string{
			"userId": user, "buildingId": o.london, "startDateTime": "2000-01-01T10:00:00", "endDateTime": "2000-01-01T16:00:00",
		})
		for path, want := range map[string]string{
			"/v1/public/bookable-days?buildingId=" + o.london + "&userId=" + user:                                                             `"start":"2000-01-01T00:00:00+00:00"`,
			"/v1/public/bookable-onsite-passes?buildingId=" + o.london + "&startDateTime=2000-01-01T10:00:00&endDateTime=2000-01-01T16:00:00": `"available":true`,
		} {
			path, query, _ := strings.Cut(path, "?")
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				b, err := o.client.do(context.Background(), request{route: "GET " + path, path: path, query: values})
				if err != nil || !strings.Contains(string(b), want) {
					t.Errorf("%s: %s, %v, want %s", path, b, err, want)
				}
				o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.Passes = 30 })
			}
		}
		all := o.bookings("ann@example.com")
		if len(all) != 2 || all[1].Type != "onsite" || !all[1].Begin.Equal(at("10:00")) {
			t.Errorf("booked, there are %+v", all)
		}
	})
}
