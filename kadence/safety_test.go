package kadence

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

func TestNoTokenLeavesForAnotherHost(t *testing.T) {
	const evil = "https://evil.example"
	ours := []string{"api.example.test", "login.example.test"}
	for _, route := range []string{sandbox.TokenRoute, buildingsRoute, usersRoute, userBookingsRoute, bookingsRoute, bookingRoute, checkInRoute, checkOutRoute} {
		inOffice(t, func(t *testing.T, o *office) {
			user, id := o.booked("ann@example.com")
			o.Fail(sandbox.Fault{Route: route, Redirect: evil + "/v1/public/anything"})
			if route == userBookingsRoute || route == usersRoute { // the way around the reading of the building
				o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 503})
			}
			_, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
			b := presence.Booking{ID: id, UserID: user, Read: time.Now()}
			if route == bookingRoute {
				b.Read = time.Time{}
			}
			_, in := o.CheckIn(context.Background(), "london", b)
			_, out := o.CheckOut(context.Background(), "london", b)
			if !slices.Equal(o.wire.hosts(), ours) && !slices.Equal(o.wire.hosts(), ours[1:]) {
				t.Errorf("%s: called %v, want only %v", route, o.wire.hosts(), ours)
			}
			said := errors.Join(err, in, out)
			if route != bookingsRoute && (said == nil || route != sandbox.TokenRoute && !strings.Contains(said.Error(), "evil.example is not followed")) {
				t.Errorf("%s: error %v does not name the host", route, said)
			}
		})
	}
	inOffice(t, func(t *testing.T, o *office) { // links to further pages
		o.Switch(func(s *sandbox.Switches) { s.NextHost = evil })
		o.wire.odd = true
		user := o.AddUser("ann@example.com")
		for range 501 {
			o.today(user)
		}
		_, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
		wantTemporary(t, err)
		if !slices.Equal(o.wire.hosts(), ours) {
			t.Errorf("called %v, want only %v", o.wire.hosts(), ours)
		}
		if !strings.Contains(o.logged.String(), "evil.example/v1/public/bookings is not followed") {
			t.Errorf("not said:\n%s", o.logged)
		}
	})
}

func TestNothingSecretIsLogged(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.Switch(func(s *sandbox.Switches) { s.IgnoreEmailExact = true })
		o.Fail(sandbox.Fault{Route: bookingsRoute, Times: 1, Status: 502, Body: "<html>\x1b[31mBad\ngateway"})
		o.bookings("ann@example.com")
		o.secret = "wr0ng-s3cret"
		o.Revoke()
		time.Sleep(2 * time.Hour)
		_, _ = o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
		for _, secret := range []string{"s3cret", "sandbox-", "\x1b", "Bearer"} {
			if strings.Contains(o.logged.String(), secret) {
				t.Errorf("the log holds %q:\n%s", secret, o.logged)
			}
		}
		if o.logged.count("\n") < 2 {
			t.Errorf("little was logged at all:\n%s", o.logged)
		}
	})
}

func TestHugeAndForeignAnswersAreRefused(t *testing.T) {
	for name, fault := range map[string]sandbox.Fault{
		"huge":        {Huge: true},
		"page":        {HTML: true},
		"truncated":   {Truncate: true},
		"no members":  {Status: 200, Body: `{}`},
		"null":        {Status: 200, Body: `{"hydra:member":null}`},
		"other shape": {Status: 200, Body: `[]`},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			o.booked("ann@example.com")
			fault.Route = userBookingsRoute
			o.Fail(fault)
			o.Fail(sandbox.Fault{Route: bookingsRoute, Status: 500})
			_, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
			wantTemporary(t, err)
			if err == nil {
				t.Errorf("%s: taken for no bookings", name)
			}
		})
	}
}

func TestErrorsOfAnOutageStayTheSame(t *testing.T) {
	port := 40000
	reset := func(r *http.Request) error {
		port++ // as every connection has its own
		return &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: port},
			Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 443}, Err: errors.New("connection reset by peer"),
		}
	}
	inOffice(t, func(t *testing.T, o *office) {
		said := map[string]bool{}
		for _, user := range []string{"ann@example.com", "bob@example.com"} {
			o.booked(user)
			b := o.only(user)
			o.wire.fail(reset)
			for range 2 {
				_, err := o.CheckIn(context.Background(), "london", b)
				wantTemporary(t, err)
				var op *net.OpError
				var asked *url.Error
				if !errors.As(err, &op) || !errors.As(err, &asked) {
					t.Errorf("%v lost its cause", err)
				}
				said[err.Error()] = true
			}
			o.wire.fail(nil)
			time.Sleep(time.Minute)
		}
		if len(said) != 1 {
			t.Errorf("one outage is told in %d ways: %v", len(said), said)
		}
	})
}

func TestConfigurationIsChecked(t *testing.T) {
	good := func() Config {
		return Config{ClientID: "id", Secret: func() (string, error) { return "", nil }}
	}
	for name, change := range map[string]func(*Config){
		"region":      func(c *Config) { c.Region = "mars" },
		"api url":     func(c *Config) { c.APIURL = "api.example.com" },
		"auth url":    func(c *Config) { c.AuthURL = "ftp://login.example.com" },
		"credentials": func(c *Config) { c.APIURL = "https://me:secret@api.example.com" },
		"acting user": func(c *Config) { c.ActingUser = "ann@example.com" },
		"client id":   func(c *Config) { c.ClientID = "" },
		"secret":      func(c *Config) { c.Secret = nil },
	} {
		cfg := good()
		change(&cfg)
		if _, err := New(cfg, presence.NewMemory(), quiet); err == nil {
			t.Errorf("a wrong %s is taken", name)
		}
	}
	for region, host := range map[string]string{"": "api.onkadence.co", "eu": "api.onkadence.co", "us": "api.us.onkadence.co"} {
		cfg := good()
		cfg.Region = region
		d, err := New(cfg, presence.NewMemory(), quiet)
		if err != nil || d.client.base.Host != host || strings.Contains(d.client.tokens.conf.TokenURL, ".us.") != (region == "us") {
			t.Errorf("region %q: %v, %+v", region, err, d)
		}
	}
}
