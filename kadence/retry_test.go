package kadence

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// Every outcome that a check-in or a check-out can have (contract A.10), and
// what the courier gets to know of it. The desk itself repeats nothing but
// what a 401 refused.

func TestCreatedIsTrusted(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		b := o.only("ann@example.com")
		before := len(o.Journal())
		after, err := o.CheckIn(context.Background(), "london", b)
		if err != nil || after.Status != presence.CheckedIn || !after.Eligible || after.Space != "Desk 01" {
			t.Errorf("%+v, %v", after, err)
		}
		if calls := o.routes(before); !slices.Equal(calls, []string{checkInRoute}) {
			t.Errorf("calls %v, want the post alone", calls)
		}
	})
}

func TestUndecodableSuccessIsReadAgain(t *testing.T) {
	for name, fault := range map[string]sandbox.Fault{
		"truncated": {Truncate: true},
		"page":      {HTML: true},
		"huge":      {Huge: true},
		"empty":     {Status: http.StatusNoContent, Body: " "},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			user, id := o.booked("ann@example.com")
			b := o.only("ann@example.com")
			o.Server.Change(id, func(b *sandbox.Booking) { // what a 2xx means
				b.Status, b.CheckInMethod, b.CheckedInBy = sandbox.CheckedIn, "wifi", user
			})
			fault.Route, fault.Times = checkInRoute, 1
			if fault.Truncate { // the only one that the sandbox still carries out
				o.Server.Change(id, func(b *sandbox.Booking) { b.Status, b.CheckInMethod = sandbox.Booked, "" })
			}
			o.Fail(fault)
			before := len(o.Journal())
			after, err := o.CheckIn(context.Background(), "london", b)
			if err != nil || after.Status != presence.CheckedIn || after.Method != "wifi" {
				t.Errorf("%s: %+v, %v", name, after, err)
			}
			if calls := o.routes(before); !slices.Equal(calls, []string{checkInRoute, bookingRoute}) {
				t.Errorf("%s: calls %v, want the post and a read", name, calls)
			}
		})
	}
}

func TestPageInsteadOfAnAnswerIsNoCheckIn(t *testing.T) {
	for name, reading := range map[string]sandbox.Fault{
		"page":      {HTML: true},
		"503":       {Status: 503},
		"forbidden": {Status: 403},
		"gone":      {Status: 404},
		"refused":   {Status: 400},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			_, id := o.booked("ann@example.com")
			b := o.only("ann@example.com")
			o.Fail(sandbox.Fault{Route: checkInRoute, HTML: true, Times: 1}) // a proxy's maintenance page, with 200
			reading.Route, reading.Times = bookingRoute, 1
			o.Fail(reading)
			after, err := o.CheckIn(context.Background(), "london", b)
			wantTemporary(t, err)
			if after.Status != presence.Booked || o.status(id) != sandbox.Booked {
				t.Errorf("%s: said to be %s, is %s", name, after.Status, o.status(id))
			}
			if again := o.only("ann@example.com"); again.Status != presence.Booked {
				t.Errorf("%s: read again as %s", name, again.Status)
			}
		})
	}
	inOffice(t, func(t *testing.T, o *office) { // and if it did happen, the next reading shows that
		o.booked("ann@example.com")
		b := o.only("ann@example.com")
		o.Fail(sandbox.Fault{Route: checkInRoute, Truncate: true, Times: 1})
		o.Fail(sandbox.Fault{Route: bookingRoute, Status: 429, Times: 1})
		_, err := o.CheckIn(context.Background(), "london", b)
		wantThrottled(t, err, time.Now().Add(time.Minute))
		time.Sleep(time.Minute)
		if again := o.only("ann@example.com"); again.Status != presence.CheckedIn || again.Method != "wifi" {
			t.Errorf("read again as %+v", again)
		}
	})
}

func TestFaultsThatMayPassAreNotRepeatedHere(t *testing.T) {
	for name, fault := range map[string]sandbox.Fault{
		"500":            {Status: 500},
		"502":            {Status: 502, Body: "<html>Bad Gateway</html>"},
		"503":            {Status: 503},
		"408":            {Status: 408},
		"406":            {Status: 406},
		"415":            {Status: 415},
		"dropped before": {DropBefore: true},
		"dropped after":  {DropAfter: true},
		"too slow":       {Delay: time.Minute},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			_, id := o.booked("ann@example.com")
			b := o.only("ann@example.com")
			fault.Route, fault.Times = checkInRoute, 1
			o.Fail(fault)
			before := len(o.Journal())
			_, err := o.CheckIn(context.Background(), "london", b)
			wantTemporary(t, err)
			if calls := o.routes(before); !slices.Equal(calls, []string{checkInRoute}) {
				t.Errorf("%s: calls %v, want one post", name, calls)
			}
			// The courier reads before it repeats, and sees what came of it.
			again := o.bookingsAsOf("ann@example.com", time.Now())
			want := presence.Booked
			if fault.DropAfter {
				want = presence.CheckedIn
			}
			if len(again) != 1 || again[0].Status != want || o.status(id) != sandbox.Status(want) {
				t.Errorf("%s: read again as %+v, want it %s", name, again, want)
			}
			if want == presence.CheckedIn && again[0].Method != "wifi" {
				t.Errorf("%s: method %q: the courier will not know it as ours", name, again[0].Method)
			}
		})
	}
}

func TestUnauthorisedRenewsTheTokenOnce(t *testing.T) {
	for _, shape := range []sandbox.Shape{sandbox.Hydra, sandbox.Empty, sandbox.League} {
		inOffice(t, func(t *testing.T, o *office) {
			o.Switch(func(s *sandbox.Switches) { s.Unauthorised = shape })
			_, id := o.booked("ann@example.com")
			b := o.only("ann@example.com")
			o.Revoke()
			before := len(o.Journal())
			if _, err := o.CheckIn(context.Background(), "london", b); err != nil {
				t.Fatal(err)
			}
			want := []string{checkInRoute, sandbox.TokenRoute, checkInRoute}
			if calls := o.routes(before); !slices.Equal(calls, want) || len(o.Effects(id)) != 1 {
				t.Errorf("calls %v, want %v", calls, want)
			}
			before = len(o.Journal())
			o.Fail(sandbox.Fault{Route: checkOutRoute, Status: http.StatusUnauthorized})
			_, err := o.CheckOut(context.Background(), "london", b)
			wantClosed(t, err)
			want = []string{checkOutRoute, sandbox.TokenRoute, checkOutRoute}
			if calls := o.routes(before); !slices.Equal(calls, want) {
				t.Errorf("calls %v, want %v and no more", calls, want)
			}
		})
	}
}

func TestTooManyRequestsWaitsAsTold(t *testing.T) {
	now := at("00:00") // when every bubble begins, and no call here takes any time
	epoch := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for name, c := range map[string]struct {
		header http.Header
		wait   time.Duration
	}{
		"seconds":            {http.Header{"Retry-After": {"37"}}, 37 * time.Second},
		"date":               {http.Header{"Retry-After": {now.Add(90 * time.Second).Format(http.TimeFormat)}}, 90 * time.Second},
		"epoch":              {http.Header{"X-Ratelimit-Retry-After": {epoch(5 * time.Minute)}}, 5 * time.Minute},
		"delta":              {http.Header{"X-Ratelimit-Retry-After": {"240"}}, 4 * time.Minute},
		"other spelling":     {http.Header{"X-Rate-Limit-Retry-After": {epoch(2 * time.Minute)}}, 2 * time.Minute},
		"standard one first": {http.Header{"Retry-After": {"5"}, "X-Ratelimit-Retry-After": {"500"}}, 5 * time.Second},
		"not told":           {nil, time.Minute},
		"nonsense":           {http.Header{"Retry-After": {"soon"}}, time.Minute},
		"the past":           {http.Header{"X-Ratelimit-Retry-After": {epoch(-time.Hour)}}, time.Second},
		"for ever":           {http.Header{"Retry-After": {"99999999999999999999"}}, time.Hour},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			_, id := o.booked("ann@example.com")
			b := o.only("ann@example.com")
			o.Fail(sandbox.Fault{Route: checkInRoute, Times: 1, Status: 429, Header: c.header})
			_, err := o.CheckIn(context.Background(), "london", b)
			wantThrottled(t, err, now.Add(c.wait))
			if got := o.Stats().Throttled; !got.Equal(now.Add(c.wait)) {
				t.Errorf("%s: stats say throttled until %v", name, got)
			}
			before := len(o.Journal())
			time.Sleep(c.wait - time.Millisecond) // nobody calls before
			_, err = o.CheckIn(context.Background(), "london", b)
			wantThrottled(t, err, now.Add(c.wait))
			_, err = o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Now())
			wantThrottled(t, err, now.Add(c.wait))
			if calls := o.routes(before); calls != nil {
				t.Errorf("%s: calls %v while told to wait", name, calls)
			}
			time.Sleep(time.Millisecond)
			if _, err := o.CheckIn(context.Background(), "london", b); err != nil || o.status(id) != sandbox.CheckedIn {
				t.Errorf("%s: after the wait: %v", name, err)
			}
		})
	}
}

func TestRefusalsLeaveTheReasonToTheBooking(t *testing.T) {
	for _, status := range []int{400, 409, 422} {
		for _, shape := range []sandbox.Shape{sandbox.Hydra, sandbox.Problem, sandbox.League, sandbox.Empty} {
			inOffice(t, func(t *testing.T, o *office) {
				o.Switch(func(s *sandbox.Switches) {
					s.RefuseWith, s.Errors, s.EarlyCheckIn = status, shape, sandbox.EarlyOff
				})
				o.booked("ann@example.com")
				b := o.only("ann@example.com")
				_, err := o.CheckIn(context.Background(), "london", b)
				wantRefused(t, err)
				_, err = o.CheckOut(context.Background(), "london", b)
				wantRefused(t, err)
				var refused *presence.RefusedError
				if errors.As(err, &refused) && shape != sandbox.Empty &&
					refused.Reason != "The booking cannot be checked out: it is booked" {
					t.Errorf("reason %q, want what the API said", refused.Reason)
				}
			})
		}
	}
}

func TestForbiddenIsFinal(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.Fail(sandbox.Fault{Route: checkInRoute, Status: 403})
		_, err := o.CheckIn(context.Background(), "london", o.only("ann@example.com"))
		wantDenied(t, err, false)
	})
}

func TestGoneBookingIsFinalAndForgotten(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		_, id := o.booked("ann@example.com")
		b := o.only("ann@example.com")
		o.Server.Remove(id)
		_, err := o.CheckIn(context.Background(), "london", b)
		wantDenied(t, err, true)
		if all := o.bookings("ann@example.com"); len(all) != 0 {
			t.Errorf("still listed: %+v", all)
		}
		b.Read = time.Time{} // and when it is read first
		_, err = o.CheckOut(context.Background(), "london", b)
		wantDenied(t, err, true)
	})
}
