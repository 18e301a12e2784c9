package daemon

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestASiteThatKadenceRefusesIsItsOwnTrouble: 403, 404 or 503 for whatever lists the
// bookings of one building holds up nobody at another, is told of its site, and
// is made up for when it is over. Who is there meanwhile is not held for unknown,
// nor given up when they leave.
func TestASiteThatKadenceRefusesIsItsOwnTrouble(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "presenced.toml")
			testbed.WriteConfig(t, file, testbed.Settings{
				API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "10m", Presence: "lunch = \"never\"\nbrief = \"0s\"",
				More: "[[site]]\nname = \"paris\"\nbuilding = \"Paris\"\nnas = [\"paris-*\"]\nhours = \"00:00-24:00\"\n",
			})
			synctest.Test(t, func(t *testing.T) {
				api := sandbox.New("test", "secret")
				hq, paris := api.AddBuilding("HQ", time.UTC), api.AddBuilding("Paris", time.UTC)
				time.Sleep(10 * time.Hour)
				book := func(user, building string) string {
					return api.Book(sandbox.Booking{User: api.AddUser(user + "@example.com"), Building: building, Begin: time.Now().Add(-time.Hour), End: time.Now().Add(8 * time.Hour)})
				}
				w := &week{t: t, api: api, file: file}
				w.up()
				is := func(booking string) sandbox.Status { b, _ := api.Booking(booking); return b.Status }
				hear := func(status presence.Status, user, nas string, n int) {
					w.hearAt(nas, status, user, fmt.Sprintf("02:00:00:00:%02x:%02x", n>>8, n&255), "s"+user, nas)
				}
				const there = 40 // at the site that is refused
				var booked, others []string
				for i := range there {
					booked = append(booked, book(fmt.Sprint("paul", i), paris))
				}
				// One of them was checked in before, and is to be checked out.
				hear(presence.Start, "paul0", "paris-0", 0)
				time.Sleep(time.Minute)
				if is(booked[0]) != sandbox.CheckedIn {
					t.Fatalf("before: %s", is(booked[0]))
				}
				api.Fail(sandbox.Fault{Of: paris, Status: status})
				for i := 1; i < there; i++ {
					hear(presence.Start, fmt.Sprint("paul", i), fmt.Sprint("paris-", i), i)
					time.Sleep(2 * time.Second)
				}
				hear(presence.Stop, "paul0", "paris-0", 0)
				for i := range 30 { // others arrive, now and then
					user := fmt.Sprint("ann", i)
					booking := book(user, hq)
					others = append(others, booking)
					hear(presence.Start, user, fmt.Sprint("hq-", i), 1000+i)
					time.Sleep(5 * time.Second)
					if is(booking) != sandbox.CheckedIn {
						t.Errorf("%s came %s after the site was refused, and is %s after 5s", user, time.Duration(i)*time.Minute, is(booking))
					}
					hear(presence.Stop, user, fmt.Sprint("hq-", i), 1000+i)
					time.Sleep(55 * time.Second)
				}
				time.Sleep(15 * time.Minute)
				for _, b := range others {
					if is(b) != sandbox.CheckedOut {
						t.Errorf("who left the other site is %s", is(b))
					}
				}
				for _, site := range w.daemon.status(nil).Sites {
					if refused := strings.Contains(site.Doubt, `Kadence denies the bookings of building "Paris" and of its people`); refused != (site.Name == "paris" && status != http.StatusServiceUnavailable) {
						t.Errorf("the trouble of %s is %q", site.Name, site.Doubt)
					}
				}
				denied := 0
				for _, c := range api.Journal() {
					if c.Fault != "" {
						denied++
					}
				}
				if denied > 200 {
					t.Errorf("%d calls were denied in three quarters of an hour", denied)
				}
				api.Mend()
				time.Sleep(8 * time.Minute)
				for i, b := range booked {
					want := sandbox.CheckedIn
					if i == 0 {
						want = sandbox.CheckedOut
					}
					if is(b) != want {
						t.Errorf("when it was over: the booking of paul%d is %s, not %s", i, is(b), want)
					}
				}
				for _, site := range w.daemon.status(nil).Sites {
					if site.Doubt != "" {
						t.Errorf("when it was over: the trouble of %s is %q", site.Name, site.Doubt)
					}
				}
				w.down()
			})
		})
	}
}

// TestARestoredBackupChecksNobodyIn before they are heard again: who was there
// when it was made may have left since.
func TestARestoredBackupChecksNobodyIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "10m", Presence: "lunch = \"never\"\nbrief = \"0s\""})
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		hq := api.AddBuilding("HQ", time.UTC)
		time.Sleep(9 * time.Hour)
		booked := map[string]string{}
		for _, user := range []string{"ann", "bob"} {
			booked[user] = api.Book(sandbox.Booking{User: api.AddUser(user + "@example.com"), Building: hq, Begin: time.Now().Add(4 * time.Hour), End: time.Now().Add(9 * time.Hour)})
		}
		w := &week{t: t, api: api, file: file}
		is := func(user string, want sandbox.Status) {
			t.Helper()
			if b, _ := api.Booking(booked[user]); b.Status != want {
				t.Errorf("%s: the booking of %s is %s, want %s", time.Now().Format(time.TimeOnly), user, b.Status, want)
			}
		}
		w.up()
		for i := range 5 {
			for n, user := range []string{"ann", "bob"} {
				w.hear([]presence.Status{presence.Start, presence.Interim}[min(i, 1)], user, fmt.Sprint("02:00:00:00:00:0", n), "s"+user, "lobby")
			}
			time.Sleep(10 * time.Minute)
		}
		copied := filepath.Join(t.TempDir(), "backup.db")
		if err := w.daemon.Store.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		w.hear(presence.Stop, "ann", "02:00:00:00:00:00", "sann", "lobby")
		path := w.daemon.Store.Path()
		time.Sleep(3*time.Hour + 20*time.Minute)
		w.down()
		data, err := os.ReadFile(copied)
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.up()
		time.Sleep(5 * time.Minute)
		is("ann", sandbox.Booked)
		is("bob", sandbox.Booked)
		w.hear(presence.Interim, "bob", "02:00:00:00:00:01", "sbob", "lobby")
		time.Sleep(10 * time.Second)
		is("bob", sandbox.CheckedIn)
		time.Sleep(3 * time.Hour)
		is("ann", sandbox.Booked)
		w.down()
	})
}
