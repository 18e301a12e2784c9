package daemon

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

func want(t *testing.T, where string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: found %q, want %q", where, got, want)
	}
}

// atWork is a made-up day of the real program, with the real file in a folder
// that holds nothing but data.
type atWork struct {
	*week
	data     string // the folder
	building string
	users    map[string]string // in Kadence, by address
	served   http.Handler      // the page, behind a proxy
}

// works runs f in virtual time. The store's settings are added to the
// configuration.
func works(t *testing.T, storeSettings string, f func(*atWork)) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &atWork{week: &week{t: t, api: sandbox.New("week", "secret"), file: filepath.Join(dir, "presenced.toml"), log: &testbed.LogText{}}, data: data}
		w.building = w.api.AddBuilding("HQ", time.UTC)
		w.users = map[string]string{forgetMeNot: w.api.AddUser(forgetMeNot), bob: w.api.AddUser(bob)}
		testbed.WriteConfig(t, w.file, testbed.Settings{API: "http://kadence.test", ClientID: "week", Secret: "secret", Linger: "60m"})
		w.configure(`path = "presenced.db"`, `path = "data/presenced.db"`+"\n"+storeSettings)
		w.until(time.Date(2000, 1, 3, 8, 0, 0, 0, time.UTC))
		w.up()
		f(w)
		w.down()
	})
}

// configure replaces a part of the configuration.
func (w *atWork) configure(old, text string) {
	w.t.Helper()
	all := testbed.Read(w.t, w.file)
	if !strings.Contains(all, old) {
		w.t.Fatalf("the configuration has no %q", old)
	}
	testbed.Write(w.t, w.file, strings.Replace(all, old, text, 1))
}

func (w *atWork) clock(day, hour, minute int) time.Time {
	return time.Date(2000, 1, 3+day, hour, minute, 0, 0, time.UTC)
}

// day plays a day of a user with a booking: phone and laptop are there from nine to
// four, and go from access point to access point.
func (w *atWork) day(day int, user, phone, laptop string) (booking string) {
	w.t.Helper()
	booking = w.api.Book(sandbox.Booking{
		User: w.users[user], Building: w.building, Begin: w.clock(day, 9, 0), End: w.clock(day, 18, 0),
	})
	w.until(w.clock(day, 9, 0))
	w.hear(presence.Start, user, laptop, fmt.Sprint("laptop", day), "ap-desk")
	w.stay(user, phone, fmt.Sprint("phone", day), w.clock(day, 16, 0))
	w.hear(presence.Stop, user, laptop, fmt.Sprint("laptop", day), "ap-desk")
	return booking
}

const (
	forgetMeNot = "forget.me.not@example.com"
	hersPhone   = "02:a1:b2:c3:d4:e5"
	hersLaptop  = "02:f6:07:18:29:3a"
	bob         = "bob@example.com"
	bobsPhone   = "02:0b:0b:1c:1d:1e"
	bobsLaptop  = "02:0b:0b:2c:2d:2e"
)

// TestCase110ForgetLeavesNoByteInTheDataFolder: somebody is there for a day, checked
// in and out, and forgotten the next morning.
func TestCase110ForgetLeavesNoByteInTheDataFolder(t *testing.T) {
	hers := append(testbed.Texts(forgetMeNot, "forget.me"), testbed.Spellings(hersPhone, hersLaptop)...)
	both := testbed.Texts(forgetMeNot, hersPhone, hersLaptop, bob, bobsPhone, bobsLaptop)
	works(t, "", func(w *atWork) {
		booking := w.day(0, forgetMeNot, hersPhone, hersLaptop)
		w.day(1, bob, bobsPhone, bobsLaptop)
		if b, _ := w.api.Booking(booking); b.Status != sandbox.CheckedOut {
			w.t.Fatalf("her booking is %s", b.Status)
		}
		want(w.t, "before", testbed.Kept(w.t, w.data, both), forgetMeNot, hersPhone, hersLaptop, bob, bobsPhone, bobsLaptop)
		if err := w.daemon.Tracker.Forget(w.t.Context(), forgetMeNot); err != nil {
			w.t.Fatal(err)
		}
		want(w.t, "after", testbed.Kept(w.t, w.data, hers))
		want(w.t, "of others", testbed.Kept(w.t, w.data, both), bob, bobsPhone, bobsLaptop)
		w.until(w.clock(2, 9, 0))
		want(w.t, "a day later", testbed.Kept(w.t, w.data, hers))
	})
}

// TestCase110RetentionLeavesNoByteInTheDataFolder: somebody is there on one day, and
// somebody else every day.
func TestCase110RetentionLeavesNoByteInTheDataFolder(t *testing.T) {
	const keep = 3 // days
	works(t, fmt.Sprintf("keep_visits = \"%dd\"", keep), func(w *atWork) {
		booking := w.day(0, forgetMeNot, hersPhone, hersLaptop)
		hers := append(testbed.Texts(forgetMeNot, booking), testbed.Spellings(hersPhone, hersLaptop)...)
		for day := 1; day < keep; day++ {
			w.day(day, bob, bobsPhone, bobsLaptop)
		}
		want(w.t, "as long as visits are kept", testbed.Kept(w.t, w.data, hers), forgetMeNot, hersPhone, hersLaptop, strings.ToLower(booking))
		w.until(w.clock(keep, 11, 0)) // she came at nine, and the store is tidied once an hour
		want(w.t, "later", testbed.Kept(w.t, w.data, hers))
		want(w.t, "of others", testbed.Kept(w.t, w.data, testbed.Texts(bob)), bob)
	})
}

// TestOptingOutAndNotOptingInLeaveNoByte has a person opt out in the middle of
// a day, and then one who did not opt in; and each be heard of again.
func TestOptingOutAndNotOptingInLeaveNoByte(t *testing.T) {
	hers := append(testbed.Texts(forgetMeNot, "forget.me"), testbed.Spellings(hersPhone, hersLaptop)...)
	both := testbed.Texts(forgetMeNot, bob)
	for _, list := range []struct{ key, holds string }{{"opt_out_file", forgetMeNot}, {"opt_in_file", bob}} {
		t.Run(list.key, func(t *testing.T) {
			works(t, "", func(w *atWork) {
				w.day(0, forgetMeNot, hersPhone, hersLaptop)
				w.day(1, bob, bobsPhone, bobsLaptop)
				w.hear(presence.Start, forgetMeNot, hersPhone, "again", "ap-1")
				want(w.t, "before", testbed.Kept(w.t, w.data, both), bob, forgetMeNot)
				people := filepath.Join(filepath.Dir(w.file), "people.txt")
				testbed.Write(w.t, people, list.holds+"\n")
				w.configure(`opt_out_file = "opt-out.txt"`, list.key+` = "people.txt"`)
				w.reload()
				want(w.t, "after", testbed.Kept(w.t, w.data, hers))
				w.hear(presence.Interim, forgetMeNot, hersPhone, "again", "ap-1")
				w.hear(presence.Start, strings.ToUpper(forgetMeNot), hersLaptop, "once more", "ap-1")
				w.until(w.clock(2, 9, 0))
				want(w.t, "when she is heard of again", testbed.Kept(w.t, w.data, hers))
				want(w.t, "of others", testbed.Kept(w.t, w.data, both), bob)
				for _, row := range w.daemon.unmatched() {
					if strings.Contains(strings.ToLower(fmt.Sprint(row)), "forget.me") {
						w.t.Errorf("unmatched: %+v", row)
					}
				}
				want(w.t, "the log", testbed.Found([]byte(w.log.(*testbed.LogText).String()), append(hers, both...)))
			})
		})
	}
}

// TestNoTrailOfAccessPoints has a person roam all day between access points
// that are NASes of their own, as those of many makers are. In the evening no
// file, no listing and no line of the log tells where in the building she was.
func TestNoTrailOfAccessPoints(t *testing.T) {
	aps := []string{"ap-lobby", "ap-kitchen", "ap-library"}
	works(t, "", func(w *atWork) {
		w.api.Book(sandbox.Booking{User: w.users[forgetMeNot], Building: w.building, Begin: w.clock(0, 9, 0), End: w.clock(0, 18, 0)})
		for i := range 8 {
			w.until(w.clock(0, 9+i, 0))
			ap := aps[i%3]
			w.hearAt(presence.Start, forgetMeNot, hersPhone, fmt.Sprint("s", i), ap)
			if i == 4 {
				want(w.t, "while she is there", testbed.Found([]byte(w.told(forgetMeNot)), testbed.Texts(aps...)), ap)
			}
			time.Sleep(50 * time.Minute)
			w.hearAt(presence.Stop, forgetMeNot, hersPhone, fmt.Sprint("s", i), ap)
		}
		w.until(w.clock(0, 19, 30))
		want(w.t, "the file", testbed.Kept(w.t, w.data, testbed.Texts("bssid of", "name of")))
		want(w.t, "her story", testbed.Found([]byte(w.told(forgetMeNot)), testbed.Texts(aps...)))
		want(w.t, "the log", testbed.Found([]byte(w.log.(*testbed.LogText).String()), append(testbed.Texts(aps...), testbed.Texts(forgetMeNot, hersPhone)...)))
	})
}

// hearAt sends a record of a station from an access point that is a NAS.
func (w *atWork) hearAt(status presence.Status, user, device, session, ap string) {
	w.t.Helper()
	now := time.Now()
	err := w.daemon.Tracker.Record(w.t.Context(), []presence.Record{{
		Client: "wlc", Site: "london", Heard: now, At: now, Status: status, Session: session, UserName: user, Device: device,
		SSID: "Corp", NASID: ap, AP: "name of " + ap, BSSID: "bssid of " + ap,
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// told returns all that the listings say of a user: sessions, visits, story.
func (w *atWork) told(user string) string {
	w.t.Helper()
	l := control.Listings{Store: w.daemon.Store, World: w.daemon.Tracker.World}
	story, err := l.Show(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%+v", story)
}
