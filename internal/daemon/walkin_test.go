package daemon

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// inBuilding runs a day of the real program, with the real file, the real client and
// a tenant with passes, in virtual time.
func inBuilding(t *testing.T, kadence string, f func(w *week, clock func(h, m int) time.Time)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("week", "secret")
		building := api.AddBuilding("HQ", time.UTC)
		api.ChangeBuilding(building, func(b *sandbox.Building) { b.Opens, b.Closes, b.Passes = 8*time.Hour, 18*time.Hour, 5 })
		w := &week{t: t, api: api, building: building, file: filepath.Join(dir, "presenced.toml")}
		testbed.WriteConfig(t, w.file, testbed.Settings{
			API: "http://kadence.test", ClientID: "week", Secret: "secret", Linger: "60m", Building: "HQ",
			Site: "walk_ins = \"onsite\"\nwalk_ins_undo = true", Presence: "lunch = \"never\"",
		})
		if kadence != "" {
			testbed.Write(t, w.file, strings.Replace(testbed.Read(t, w.file), "dry_run = false", kadence, 1))
		}
		clock := func(h, m int) time.Time { return time.Date(2000, 1, 3, h, m, 0, 0, time.UTC) }
		w.until(clock(7, 0))
		w.up()
		f(w, clock)
		w.down()
		if bad := api.Offences(); bad != nil {
			t.Error(bad)
		}
	})
}

const annsLaptop = "02:00:5e:00:00:01"

func (w *week) tenantHas(want ...sandbox.Status) {
	w.t.Helper()
	var got []sandbox.Status
	for _, b := range w.api.Bookings() {
		got = append(got, b.Status)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s: the tenant's bookings are %v, want %v", time.Now().Format("15:04"), got, want)
	}
}

func (w *week) metric(line string) {
	w.t.Helper()
	out := httptest.NewRecorder()
	w.daemon.metrics.Handler().ServeHTTP(out, httptest.NewRequestWithContext(w.t.Context(), "GET", "/metrics", nil))
	if !strings.Contains(out.Body.String(), line+"\n") {
		w.t.Errorf("no %s among the metrics", line)
	}
}

func TestAWalkInIsServedFromThePacketToTheDeskAndBack(t *testing.T) {
	inBuilding(t, "", func(w *week, clock func(h, m int) time.Time) {
		w.api.AddUser("ann@example.com")
		w.until(clock(9, 0))
		w.hear(presence.Start, "ann", annsLaptop, "a", "ap-1")
		w.until(clock(9, 14))
		w.tenantHas()
		w.until(clock(9, 16))
		w.tenantHas(sandbox.CheckedIn)
		w.metric(`presenced_walk_ins_total{result="booked",site="london"} 1`)
		w.metric(`presenced_walk_ins_today{site="london"} 1`)
		p, err := w.daemon.Store.Person(w.t.Context(), "ann@example.com")
		if err != nil || len(p.Visits) != 1 || !strings.HasPrefix(p.Visits[0].CheckIn.Reason, "walk-in: an onsite pass from 2000-01-03T09:15:00Z to 2000-01-03T18:00:00Z") {
			w.t.Errorf("told: %+v, %v", p.Visits, err)
		}
		w.hear(presence.Stop, "ann", annsLaptop, "a", "ap-1")
		w.until(clock(10, 20))
		w.tenantHas(sandbox.CheckedOut)
		note := func() []byte {
			note, err := w.daemon.Store.Note(w.t.Context(), "walk-in", "ann@example.com")
			if err != nil {
				w.t.Fatal(err)
			}
			return note
		}
		if !json.Valid(note()) {
			w.t.Errorf("noted: %q", note())
		}
		w.until(clock(24*2+12, 0))
		if got := note(); got != nil {
			w.t.Errorf("after two days it is noted: %s", got)
		}
	})
}

// An API that accepts and answers 500, breaks off or sends half; and one that lists
// what it made an hour later.
func TestAPassIsBookedOnceWhateverTheAnswer(t *testing.T) {
	const book = "POST /v1/public/bookings"
	for _, fault := range []sandbox.Fault{{Route: book, DropAfter: true}, {Route: book, Truncate: true}, {Route: book, Status: 500}, {Route: book, DropBefore: true}} {
		for _, late := range []bool{false, true} {
			inBuilding(t, "", func(w *week, clock func(h, m int) time.Time) {
				w.api.AddUser("ann@example.com")
				w.api.Fail(fault)
				w.api.Switch(func(s *sandbox.Switches) { s.CreatedUnlisted, s.OverlapAllowed = late, true })
				w.until(clock(9, 0))
				w.hear(presence.Start, "ann", annsLaptop, "a", "ap-1")
				w.until(clock(9, 40))
				w.down()
				w.up()
				w.until(clock(10, 30))
				w.api.Switch(func(s *sandbox.Switches) { s.CreatedUnlisted = false })
				w.until(clock(12, 0))
				switch made := fault.DropAfter || fault.Truncate; {
				case made:
					w.tenantHas(sandbox.CheckedIn)
				default:
					w.tenantHas()
				}
				if n := w.api.Calls(book); n != 1 {
					w.t.Errorf("%s, late %v: asked %d times", fault.String(), late, n)
				}
			})
		}
	}
}

// Two daemons hear the same, each with a store of its own, as while one moves house.
func TestTwoDaemonsDoNotBookTwice(t *testing.T) {
	inBuilding(t, "", func(w *week, clock func(h, m int) time.Time) {
		w.api.AddUser("ann@example.com")
		other := &week{t: w.t, api: w.api, file: filepath.Join(filepath.Dir(w.file), "other.toml")}
		testbed.Write(w.t, other.file, strings.NewReplacer("presenced.db", "other.db", "presenced.sock", "other.sock").Replace(testbed.Read(w.t, w.file)))
		other.up()
		w.until(clock(9, 0))
		for _, d := range []*week{w, other} {
			d.hear(presence.Start, "ann", annsLaptop, "a", "ap-1")
		}
		w.until(clock(9, 40))
		w.tenantHas(sandbox.CheckedIn)
		for _, d := range []*week{w, other} {
			d.hear(presence.Stop, "ann", annsLaptop, "a", "ap-1")
		}
		w.until(clock(10, 50))
		w.tenantHas(sandbox.CheckedOut)
		other.down()
	})
}

func TestADryRunSaysWhoWouldBeBooked(t *testing.T) {
	inBuilding(t, "dry_run = true", func(w *week, clock func(h, m int) time.Time) {
		w.api.AddUser("ann@example.com")
		w.until(clock(9, 0))
		w.hear(presence.Start, "ann", annsLaptop, "a", "ap-1")
		w.until(clock(9, 40))
		w.tenantHas()
		w.metric(`presenced_walk_ins_total{result="dry_run",site="london"} 1`)
		p, err := w.daemon.Store.Person(context.Background(), "ann@example.com")
		if err != nil || !strings.Contains(p.Visits[0].CheckIn.Reason, "would have been booked (dry run)") {
			w.t.Errorf("told: %+v, %v", p.Visits, err)
		}
	})
}

// Who has not self-certified is booked, refused, told of with a perhaps, and the pass
// is given back on leaving.
func TestAPassThatNobodyMayCheckInToIsGivenBack(t *testing.T) {
	inBuilding(t, "", func(w *week, clock func(h, m int) time.Time) {
		w.api.AddUser("ann@example.com")
		w.api.Switch(func(s *sandbox.Switches) { s.SelfCertification = true })
		w.until(clock(9, 0))
		w.hear(presence.Start, "ann", annsLaptop, "a", "ap-1")
		w.until(clock(9, 40))
		w.tenantHas(sandbox.Booked)
		p, err := w.daemon.Store.Person(context.Background(), "ann@example.com")
		if err != nil || !strings.Contains(p.Visits[0].CheckIn.Reason, "perhaps they have not self-certified for today") {
			w.t.Errorf("told: %+v, %v", p.Visits, err)
		}
		w.hear(presence.Stop, "ann", annsLaptop, "a", "ap-1")
		w.until(clock(11, 0))
		w.tenantHas(sandbox.Cancelled)
	})
}
