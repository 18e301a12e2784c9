package kadence

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
)

func TestFiftyCallersFetchOneToken(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: sandbox.TokenRoute, Delay: 3 * time.Second})
		var all sync.WaitGroup
		for i := range 50 {
			user := fmt.Sprintf("user%d@example.com", i)
			o.booked(user)
			all.Go(func() {
				if _, err := o.Desk.Bookings(context.Background(), user, "london", time.Time{}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := o.Calls(sandbox.TokenRoute); n != 1 {
			t.Errorf("%d tokens were fetched, want 1", n)
		}
		if n := o.Calls(bookingsRoute); n != 1 {
			t.Errorf("the building's bookings were read %d times, want 1", n)
		}
		if n := o.Calls(buildingsRoute); n != 1 {
			t.Errorf("the buildings were read %d times, want 1", n)
		}
	})
}

func TestFiftyRefusedCallersRenewOneToken(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		var all sync.WaitGroup
		users := make([]string, 50)
		for i := range users {
			users[i] = fmt.Sprintf("user%d@example.com", i)
			o.booked(users[i])
		}
		o.bookings(users[0])
		o.Revoke()
		o.Fail(sandbox.Fault{Route: checkInRoute, Delay: time.Second}) // so that all go out with the old one
		for _, user := range users {
			b := o.only(user)
			all.Go(func() {
				if _, err := o.CheckIn(context.Background(), "london", b); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := o.Calls(sandbox.TokenRoute); n != 2 {
			t.Errorf("%d tokens were fetched, want 2", n)
		}
		if bad := o.Offences(); bad != nil {
			t.Error(bad)
		}
	})
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	for life, uses := range map[time.Duration]time.Duration{ // lifetime → how long it is used
		time.Hour:        54 * time.Minute, // a tenth early
		5 * time.Minute:  4 * time.Minute,  // a minute early
		time.Minute:      45 * time.Second, // a quarter early, and not a minute
		20 * time.Second: 15 * time.Second,
	} {
		inOffice(t, func(t *testing.T, o *office) {
			o.Switch(func(s *sandbox.Switches) { s.TokenLife = life })
			get := func() {
				t.Helper()
				if _, err := o.client.tokens.get(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			get()
			time.Sleep(uses - time.Millisecond)
			get()
			if n := o.Calls(sandbox.TokenRoute); n != 1 {
				t.Errorf("life %s: fetched %d times within %s, want once", life, n, uses)
			}
			time.Sleep(time.Millisecond)
			get()
			if n := o.Calls(sandbox.TokenRoute); n != 2 {
				t.Errorf("life %s: fetched %d times by %s, want twice", life, n, uses)
			}
		})
	}
}

func TestOneCallersEndDoesNotEndTheFetch(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: sandbox.TokenRoute, Delay: 5 * time.Second})
		hasty, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := o.client.tokens.get(hasty); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the hasty caller got %v", err)
		}
		if since := time.Since(at("00:00")); since != time.Second {
			t.Errorf("the hasty caller waited %s, want its own second", since)
		}
		if _, err := o.client.tokens.get(context.Background()); err != nil {
			t.Errorf("the patient caller got %v", err)
		}
		if n := o.Calls(sandbox.TokenRoute); n != 1 {
			t.Errorf("fetched %d times, want once", n)
		}
	})
}

func TestHangingTokenEndpointEndsInTime(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: sandbox.TokenRoute, Delay: time.Hour})
		_, err := o.client.tokens.get(context.Background())
		wantTemporary(t, err)
		if since := time.Since(at("00:00")); since > tokenTime {
			t.Errorf("waited %s, want at most %s", since, tokenTime)
		}
		synctest.Wait()
	})
}

func TestWrongSecretIsSaidLoudlyOnceAndTriedRarely(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.secret = "wr0ng"
		ask := func() error {
			_, err := o.Desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
			return err
		}
		for range 119 { // an hour less a little, twice a minute
			wantClosed(t, ask())
			time.Sleep(30 * time.Second)
		}
		if n := o.Calls(sandbox.TokenRoute); n != 12 {
			t.Errorf("tried %d times in an hour, want every five minutes", n)
		}
		if n := o.logged.count("level=ERROR"); n != 1 || !strings.Contains(o.logged.String(), "invalid_client") {
			t.Errorf("said %d times, want once, with the cause:\n%s", n, o.logged)
		}
		if s := o.Stats(); !strings.Contains(s.Refused, "invalid_client") {
			t.Errorf("stats say refused: %q", s.Refused)
		}
		time.Sleep(31 * time.Second)
		wantClosed(t, ask())
		o.secret = "s3cret" // the file was mended: no need to wait
		if err := ask(); err != nil {
			t.Errorf("with the right secret: %v", err)
		}
		if o.logged.count("accepts the credentials again") != 1 || o.Stats().Refused != "" {
			t.Errorf("not said that it is over:\n%s", o.logged)
		}
	})
}

func TestRotatedSecretCountsAtTheNextFetch(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		o.booked("ann@example.com")
		o.bookings("ann@example.com")
		o.SetSecret(credentials, "n3w")
		o.secret = "n3w"
		time.Sleep(2 * time.Hour)
		o.bookings("ann@example.com")
		if o.logged.count("level=ERROR") != 0 {
			t.Errorf("rotation was noticed: %s", o.logged)
		}
	})
}

func TestUnreadableSecretMayPass(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		_, err := o.client.tokens.get(context.Background())
		wantTemporary(t, err)
		if !strings.Contains(err.Error(), "read client secret") {
			t.Errorf("error %q does not say what could not be read", err)
		}
	}, func(c *Config) {
		c.Secret = func() (string, error) { return "", errors.New("open /etc/presenced/kadence: permission denied") }
	})
}

func TestTokenEndpointsFaults(t *testing.T) {
	for name, fault := range map[string]sandbox.Fault{
		"500":      {Status: 500},
		"html":     {HTML: true},
		"redirect": {Redirect: "https://evil.example/oauth2/token"},
		"dropped":  {DropBefore: true},
		"empty":    {Status: 200, Body: "{}"},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			fault.Route = sandbox.TokenRoute
			o.Fail(fault)
			_, err := o.client.tokens.get(context.Background())
			wantTemporary(t, err)
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: the error tells the secret: %v", name, err)
			}
			o.Mend()
			if _, err := o.client.tokens.get(context.Background()); err != nil {
				t.Errorf("%s: after the fault: %v", name, err)
			}
		})
	}
	inOffice(t, func(t *testing.T, o *office) {
		o.Fail(sandbox.Fault{Route: sandbox.TokenRoute, Status: 429, Header: http.Header{"Retry-After": {"90"}}})
		_, err := o.client.tokens.get(context.Background())
		wantThrottled(t, err, at("00:00").Add(90*time.Second))
	})
}

func TestTokenRequestIsAsDocumented(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		_, _ = o.client.tokens.get(context.Background())
		e := o.wire.seen[0]
		if e.request.URL.String() != "https://login.example.test/oauth2/token" ||
			e.request.Header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
			string(e.sent) != "client_id=daemon&client_secret=s3cret&grant_type=client_credentials&scope=public" {
			t.Errorf("%s %v\n%s", e.request.URL, e.request.Header, e.sent)
		}
		if e.request.Header.Get("Authorization") != "" || e.request.Header.Get("User-Agent") != "presenced" {
			t.Errorf("headers %v", e.request.Header)
		}
	})
}
