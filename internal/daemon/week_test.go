package daemon

import (
	"context"
	"io"
	"net/netip"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// week is a working week of the real program, with the real file, in virtual
// time; only sockets are missing.
type week struct {
	building string // its only one, if a test has to name it
	t        *testing.T
	file     string // configuration
	api      *sandbox.Server
	log      io.Writer // nil: nowhere

	daemon *Daemon
	cancel context.CancelFunc
	done   chan error
}

func (w *week) up() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	log := logrus.New()
	log.SetOutput(io.Discard)
	if w.log != nil {
		log.SetOutput(w.log)
		log.SetLevel(logrus.DebugLevel)
	}
	d, err := Open(ctx, testbed.Load(w.t, w.file), log, w.api.RoundTripper())
	if err != nil {
		w.t.Fatal(err)
	}
	w.daemon, w.cancel, w.done = d, cancel, make(chan error)
	go func() { w.done <- d.Run(ctx, nil, nil) }()
}

func (w *week) down() {
	w.t.Helper()
	w.cancel()
	if err := <-w.done; err != nil {
		w.t.Fatal(err)
	}
}

func (w *week) until(t time.Time) { time.Sleep(time.Until(t)) }

// hear sends a record of a station of the user now.
func (w *week) hear(status presence.Status, user, device, session, ap string) {
	w.t.Helper()
	w.hearAt("wlc", status, user, device, session, ap)
}

func (w *week) hearAt(nas string, status presence.Status, user, device, session, ap string) {
	w.t.Helper()
	now := time.Now()
	err := w.daemon.Tracker.Record(w.t.Context(), []presence.Record{{
		Client: "wlc", Site: "london", Source: netip.MustParseAddrPort("127.0.0.1:1813"), Heard: now, At: now, AtFrom: "arrival",
		Status: status, Session: session, UserName: user, Device: device, SSID: "Corp", NASID: nas, AP: ap,
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// stay keeps the user's device on the network from one moment to another, with
// interims every half hour from one access point or another.
func (w *week) stay(user, device, session string, to time.Time) {
	w.hear(presence.Start, user, device, session, "ap-1")
	for i := 0; time.Until(to) > 30*time.Minute; i++ {
		time.Sleep(30 * time.Minute)
		w.hear(presence.Interim, user, device, session, []string{"ap-2", "ap-1"}[i%2])
	}
	w.until(to)
	w.hear(presence.Stop, user, device, session, "ap-2")
}

// TestWorkingWeek has ann come at nine every day, roam, go to lunch for less
// than linger and leave at half past four, and bob come in without a booking
// and make one at eleven. The daemon is restarted in the middle of a linger on
// Tuesday, and the booking API is down from Wednesday to Thursday morning.
func TestWorkingWeek(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		zone, err := time.LoadLocation("Europe/London")
		if err != nil {
			t.Fatal(err)
		}
		api := sandbox.New("week", "secret")
		building := api.AddBuilding("HQ", zone)
		ann, bob := api.AddUser("ann@example.com"), api.AddUser("bob@example.com")
		joann := api.AddUser("joann@example.com")
		w := &week{t: t, api: api, file: filepath.Join(dir, "presenced.toml")}
		testbed.WriteConfig(t, w.file, testbed.Settings{API: "http://kadence.test", ClientID: "week", Secret: "secret", Linger: "60m"})

		monday := time.Date(2000, 1, 3, 0, 0, 0, 0, zone)
		clock := func(day, hour, minute int) time.Time {
			return monday.AddDate(0, 0, day).Add(time.Duration(hour*60+minute) * time.Minute)
		}
		book := func(user string, day int) string {
			return api.Book(sandbox.Booking{User: user, Building: building, Begin: clock(day, 9, 0), End: clock(day, 18, 0)})
		}
		var anns, bobs, joanns []string
		for day := range 5 {
			anns, joanns = append(anns, book(ann, day)), append(joanns, book(joann, day))
		}
		w.until(clock(0, 7, 0))
		w.up()
		for day := range 5 {
			if day == 2 {
				w.until(clock(day, 8, 0))
				api.Fail(sandbox.Fault{Status: 503})
			}
			if day == 3 {
				w.until(clock(day, 8, 0))
				api.Mend()
			}
			stayed := make(chan bool)
			go func() {
				w.until(clock(day, 10, 0))
				w.stay("bob", "02:00:00:00:00:0b", "b"+clock(day, 10, 0).String(), clock(day, 16, 0))
				stayed <- true
			}()
			go func() {
				w.until(clock(day, 11, 0))
				bobs = append(bobs, book(bob, day))
				stayed <- true
			}()
			w.until(clock(day, 9, 0))
			w.stay("ann@example.com", "02:00:00:00:00:0a", "a"+clock(day, 9, 0).String(), clock(day, 12, 0))
			w.until(clock(day, 12, 40))
			w.stay("ann@example.com", "02:00:00:00:00:0a", "a"+clock(day, 12, 40).String(), clock(day, 16, 30))
			<-stayed
			<-stayed
			if day == 1 {
				w.until(clock(day, 17, 0)) // ann left half an hour ago, which is not believed yet
				w.down()
				time.Sleep(5 * time.Minute)
				w.up()
			}
			w.until(clock(day, 19, 0))
		}
		w.until(clock(5, 5, 0))

		for day := range 5 {
			want := sandbox.CheckedOut
			if day == 2 {
				want = sandbox.NoCheckIn
			}
			for name, id := range map[string]string{"ann": anns[day], "bob": bobs[day]} {
				b, _ := api.Booking(id)
				if b.Status != want {
					t.Errorf("%s on day %d: %s, want %s", name, day, b.Status, want)
				}
				if effects := len(api.Effects(id)); want == sandbox.CheckedOut && effects != 2 {
					t.Errorf("%s on day %d: %d calls took effect, want a check-in and a check-out", name, day, effects)
				}
			}
			if b, _ := api.Booking(joanns[day]); b.Status != sandbox.NoCheckIn {
				t.Errorf("joann on day %d: %s", day, b.Status)
			}
		}
		if offences := api.Offences(); len(offences) > 0 {
			t.Errorf("offences: %v", offences)
		}
		l := control.Listings{Store: w.daemon.Store, World: w.daemon.Tracker.World}
		visits := 0
		for v, err := range l.Visits(t.Context(), control.VisitQuery{User: "ann@example.com"}) {
			if err != nil {
				t.Fatal(err)
			}
			day := visits
			visits++
			if !v.Arrived.Equal(clock(day, 9, 0)) || !v.Departed.Equal(clock(day, 16, 30)) {
				t.Errorf("ann on day %d: from %s to %s", day, v.Arrived, v.Departed)
			}
			if day == 2 && (v.CheckIn.Status != presence.Skipped || v.CheckIn.Reason == "") {
				t.Errorf("ann's check-in during the outage: %+v", v.CheckIn)
			}
		}
		if visits != 5 {
			t.Errorf("ann has %d visits, want 5", visits)
		}
		w.down()
	})
}
