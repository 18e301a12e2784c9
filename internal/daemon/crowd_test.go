package daemon

import (
	"flag"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

var crowdPeople = flag.Int("crowd-people", 18_000/fewer, "people whom Kadence does not know of TestStrangersAreNobodysLoss")

// TestStrangersAreNobodysLoss has thousands of people come for the day whom Kadence does
// not know. Who has a booking is checked in and out as if they were not there, and
// hardly a call is spent on them; one of them who is given an account and a booking in
// the afternoon is checked in soon.
func TestStrangersAreNobodysLoss(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "10m", Presence: "lunch = \"never\"\nbrief = \"0s\""})
	const visits = 10 * 4
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		hq := api.AddBuilding("HQ", time.UTC)
		w := &week{t: t, api: api, file: file}
		clock := func(hour, minute int) time.Time {
			return testbed.BubbleBegins.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
		}
		strangers := func(status presence.Status, from, to int) {
			for ; from < to; from += 500 {
				var batch []presence.Record
				for i := from; i < min(from+500, to); i++ {
					now := time.Now()
					batch = append(batch, presence.Record{
						Client: "wlc", Site: "london", Source: netip.MustParseAddrPort("127.0.0.1:1813"), Heard: now, At: now, AtFrom: "arrival",
						Status: status, Session: fmt.Sprint("s", i), UserName: fmt.Sprint("stranger", i), Device: fmt.Sprintf("02:00:01:%02x:%02x:%02x", i>>16, i>>8&255, i&255),
						SSID: "Corp", NASID: "hall", AP: "hall-1",
					})
				}
				if err := w.daemon.Tracker.Record(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
			}
		}
		within := func(what, booking string, want sandbox.Status, most time.Duration) {
			from := time.Now()
			for time.Since(from) < time.Hour {
				if b, _ := api.Booking(booking); b.Status == want {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(from); took > most {
				b, _ := api.Booking(booking)
				t.Errorf("%s %s: %s after %s", from.Format(time.TimeOnly), what, b.Status, took)
			}
		}
		var booked []string
		for i := range visits {
			booked = append(booked, api.Book(sandbox.Booking{User: api.AddUser(fmt.Sprintf("ann%d@example.com", i)), Building: hq, Begin: clock(8, 0), End: clock(20, 0)}))
		}
		api.Fail(sandbox.Fault{Delay: 50 * time.Millisecond})
		w.until(clock(7, 0))
		w.up()
		n := *crowdPeople
		for i := range visits { // from eight to six
			w.until(clock(8, 15*i))
			switch { // half of them within the first quarter of an hour, all in the same moment; then the others, one after the other
			case i == 0:
				strangers(presence.Start, 0, n/2)
			case i <= 8:
				go func() {
					for j := range 100 {
						strangers(presence.Start, n/2+(i-1)*n/16+j*n/1600, n/2+(i-1)*n/16+(j+1)*n/1600)
						time.Sleep(9 * time.Second)
					}
				}()
			}
			user, device := fmt.Sprint("ann", i), fmt.Sprintf("02:00:00:00:00:%02x", i)
			booking := booked[i]
			w.hear(presence.Start, user, device, "s"+user, "ap-1")
			within(user+" came", booking, sandbox.CheckedIn, 2*time.Second)
			w.hear(presence.Stop, user, device, "s"+user, "ap-1")
			within(user+" left", booking, sandbox.CheckedOut, 10*time.Minute+2*time.Second)
		}
		late := api.Book(sandbox.Booking{User: api.AddUser("stranger7@example.com"), Building: hq, Begin: clock(18, 0), End: clock(20, 0)})
		within("stranger7 has a booking", late, sandbox.CheckedIn, 6*time.Minute)
		questions, all := api.Calls("GET /v1/public/users"), len(api.Journal())
		t.Logf("%d people unknown: %d calls about them, %d in all", n, questions, all)
		if budget := 5 * int(time.Since(clock(8, 0)).Seconds()); questions > budget/25 {
			t.Errorf("%d questions about nobody, of a budget of %d", questions, budget)
		}
		w.down()
	})
}
