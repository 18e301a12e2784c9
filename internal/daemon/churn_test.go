package daemon

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
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

var (
	churnPeople = flag.Int("churn-people", 30, "people of TestTheFileIsSteadyUnderChurn")
	churnDays   = flag.Int("churn-days", 4, "days of TestTheFileIsSteadyUnderChurn, which keeps visits for two")
)

// commuter is somebody who comes every day, roams, and is off the air now and
// then.
type commuter struct {
	user, device string
	sessions     int
	until        time.Time // of the session; or of the gap, if it is not on
	on           bool
	interim      time.Time // of the session, the next
	leaves       time.Time
}

// turn returns what the commuter's controller reports at the time now.
func (c *commuter) turn(now time.Time, chance *rand.Rand) (all []presence.Record) {
	say := func(status presence.Status) {
		ap := fmt.Sprintf("ap-%d", chance.IntN(8))
		all = append(all, presence.Record{
			Client: "wlc", Site: "london", Source: netip.MustParseAddrPort("127.0.0.1:1813"), Heard: now, At: now, AtFrom: "arrival",
			Status: status, Session: fmt.Sprintf("%s-%d", c.device, c.sessions), UserName: c.user, Device: c.device,
			SSID: "Corp", NASID: "wlc", AP: ap,
		})
	}
	within := func(least, most time.Duration) time.Duration {
		return least + time.Duration(chance.Int64N(int64(most-least)))
	}
	switch {
	case now.Before(c.until) && c.on && !now.Before(c.interim):
		c.interim = now.Add(10 * time.Minute)
		say(presence.Interim)
	case now.Before(c.until):
	case c.on && now.After(c.leaves): // until tomorrow
		say(presence.Stop)
		c.on, c.until = false, now.Truncate(24*time.Hour).Add(within(31*time.Hour, 34*time.Hour))
		c.leaves = c.until.Add(within(6*time.Hour, 10*time.Hour))
	case c.on:
		say(presence.Stop)
		c.on, c.until = false, now.Add(within(time.Minute, 15*time.Minute))
	default:
		c.sessions++
		say(presence.Start)
		c.on, c.until, c.interim = true, now.Add(within(20*time.Minute, 2*time.Hour)), now.Add(10*time.Minute)
	}
	return all
}

// TestTheFileIsSteadyUnderChurn has people come and go for days, with the real
// daemon and the real file: once visits grow as old as they are kept, the file
// grows no more. Day by day its size is printed.
func TestTheFileIsSteadyUnderChurn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "presenced.toml")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
		testbed.Write(t, file, strings.Replace(testbed.Read(t, file), "[store]", "[store]\nkeep_visits = \"2d\"", 1))
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		chance := rand.New(rand.NewPCG(seed, 0))
		midnight := time.Now().Truncate(24 * time.Hour)
		var all []*commuter
		for i := range *churnPeople {
			c := &commuter{user: fmt.Sprintf("user%d@example.com", i), device: fmt.Sprintf("02:00:00:%02x:%02x:%02x", i>>16, i>>8&255, i&255)}
			c.until = midnight.Add(7*time.Hour + time.Duration(chance.Int64N(int64(3*time.Hour))))
			c.leaves = c.until.Add(6*time.Hour + time.Duration(chance.Int64N(int64(4*time.Hour))))
			all = append(all, c)
		}
		t.Logf("%3s %8s %7s %8s %8s %9s %6s", "day", "records", "people", "visits", "file", "journals", "free")
		var sizes []int64
		for day := range *churnDays {
			records := 0
			for range 24 * 60 {
				now := time.Now()
				var batch []presence.Record
				for _, c := range all {
					batch = append(batch, c.turn(now, chance)...)
				}
				records += len(batch)
				if len(batch) > 0 {
					if err := w.daemon.Tracker.Record(t.Context(), batch); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Minute)
			}
			s := w.daemon.Store.Stats()
			visits, err := w.daemon.Store.History(t.Context(), "", time.Time{}, time.Now(), 1e9)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(filepath.Join(dir, "presenced.db"))
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, info.Size())
			t.Logf("%3d %8d %7d %8d %7dK %8dK %6d", day+1, records, s.People, len(visits), info.Size()>>10, (s.Size-info.Size())>>10, s.FreePages)
		}
		w.down()
		const kept = 3 // days until the first visits are pruned
		if first := slices.Max(sizes[:kept]); sizes[len(sizes)-1] > first*5/4 {
			t.Errorf("after %d days the file has %d octets, after %d it had %d", len(sizes), sizes[len(sizes)-1], kept, first)
		}
	})
}

// crash has the daemon go on with what was on disk at this moment, as after
// kill -9, once some time has passed. The one that ran ends apart from it.
func (w *week) crash(away time.Duration) {
	w.t.Helper()
	from := filepath.Dir(w.file)
	to := from + "+"
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		w.t.Fatal(err)
	}
	w.down()
	w.file = filepath.Join(to, filepath.Base(w.file))
	time.Sleep(away)
	w.up()
}

// TestHeartbeatsLostInACrashChangeNoConclusion kills the daemon right after
// answering Interims that wait for the next commit, again and again over a day:
// everybody's visits are as they are without any of that. Of cleo, whose last
// sign of life is among what is lost, it is concluded just as well that she has
// left, as of the one before.
func TestHeartbeatsLostInACrashChangeNoConclusion(t *testing.T) {
	const interval = 10 * time.Minute
	run := func(t *testing.T, crashes bool) (visits map[string][]presence.Visit, lost int) {
		dir := filepath.Join(t.TempDir(), "store")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		visits = map[string][]presence.Visit{}
		synctest.Test(t, func(t *testing.T) {
			w := &week{t: t, api: sandbox.New("", ""), file: filepath.Join(dir, "presenced.toml")}
			testbed.WriteConfig(t, w.file, testbed.Settings{Linger: "60m"})
			began := time.Date(2000, 1, 3, 9, 0, 0, 0, time.UTC)
			w.until(began)
			w.up()
			users := []string{"ann@example.com", "bob@example.com", "cleo@example.com"}
			device := func(i int) string { return fmt.Sprintf("02:00:00:00:00:0%d", i) }
			here := func(i, turn int) bool { return i != 2 || turn <= 20 } // cleo falls silent
			for i, user := range users {
				w.hear(presence.Start, user, device(i), fmt.Sprint("s", i), "ap-1")
			}
			for turn := 1; turn <= 40; turn++ {
				w.until(began.Add(time.Duration(turn) * interval))
				for i, user := range users {
					if here(i, turn) {
						w.hear(presence.Interim, user, device(i), fmt.Sprint("s", i), "ap-1")
					}
				}
				if !crashes || turn%4 != 0 {
					continue
				}
				heard := time.Now()
				w.crash(30 * time.Second)
				for i, user := range users {
					p, err := w.daemon.Store.Person(t.Context(), user)
					if err != nil {
						t.Fatal(err)
					}
					if all := p.Sessions(heard, w.daemon.Tracker.World()); here(i, turn) && len(all) == 1 && all[0].Seen.Before(heard) {
						lost++
					}
				}
			}
			w.until(began.Add(41 * interval))
			for i, user := range users[:2] {
				w.hear(presence.Stop, user, device(i), fmt.Sprint("s", i), "ap-1")
			}
			time.Sleep(3 * time.Hour)
			all, err := w.daemon.Store.History(t.Context(), "", time.Time{}, time.Now(), 99)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range all {
				visits[v.User] = append(visits[v.User], v)
			}
			w.down()
		})
		return visits, lost
	}
	calm, _ := run(t, false)
	crashed, lost := run(t, true)
	if lost < 10 {
		t.Errorf("only %d heartbeats were lost: nothing was tested", lost)
	}
	for user, want := range calm {
		got := crashed[user]
		if len(got) != 1 || len(want) != 1 {
			t.Errorf("%s has %d visits, %d without crashes", user, len(got), len(want))
			continue
		}
		early := want[0].Departed.Sub(got[0].Departed)
		if !got[0].Arrived.Equal(want[0].Arrived) || got[0].End != want[0].End || early != 0 && (user != "cleo@example.com" || early != interval) {
			t.Errorf("%s: %+v, without crashes %+v", user, got[0], want[0])
		}
	}
	t.Logf("%d heartbeats lost", lost)
}
