package daemon

import (
	"fmt"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// TestTheNumbersOfADayStay: seven come and go; fewer than five are never told; a
// restart loses none that was kept, and the erasure of one of them changes none.
func TestTheNumbersOfADayStay(t *testing.T) {
	inBuilding(t, "", func(w *week, clock func(h, m int) time.Time) {
		numbers := func(every time.Duration) (told map[string]string) {
			w.t.Helper()
			told = map[string]string{}
			few := func(n control.Number) string {
				if n == nil {
					return "<5"
				}
				return fmt.Sprint(*n)
			}
			for r, err := range w.daemon.listings().Occupancy(w.t.Context(), control.OccupancyQuery{Since: clock(7, 0), Every: every}) {
				if err != nil {
					w.t.Fatal(err)
				}
				told[r.Begin.Format("15:04")] = few(r.Present) + " " + few(r.Arrived) + " " + few(r.Left)
			}
			return told
		}
		w.until(clock(9, 1))
		for i := range 7 {
			w.hear(presence.Start, fmt.Sprint("u", i), fmt.Sprintf("02:00:00:00:00:%02x", i), fmt.Sprint("s", i), fmt.Sprint("ap-", i))
		}
		w.until(clock(9, 30))
		w.metric(`presenced_arrivals_total{site="london"} 7`)
		w.down()
		w.until(clock(9, 41))
		w.up()
		w.until(clock(10, 1))
		for i := range 3 {
			w.hear(presence.Stop, fmt.Sprint("u", i), fmt.Sprintf("02:00:00:00:00:%02x", i), fmt.Sprint("s", i), fmt.Sprint("ap-", i))
			w.until(clock(10, 1+5*(i+1)))
		}
		w.until(clock(12, 1))
		w.metric(`presenced_departures_total{reason="left",site="london"} 3`)
		slots, hours := numbers(5*time.Minute), numbers(time.Hour)
		for at, want := range map[string]string{"08:55": "<5 <5 <5", "09:00": "7 7 <5", "09:05": "7 <5 <5", "10:00": "7 <5 <5", "11:30": "<5 <5 <5", "09:30": ""} {
			if slots[at] != want {
				w.t.Errorf("at %s it tells %q, want %q", at, slots[at], want)
			}
		}
		if hours["09:00"] != "7 7 <5" || hours["11:00"] != "6 <5 <5" {
			w.t.Errorf("by hours it tells %v", hours)
		}
		if err := w.daemon.Tracker.Forget(w.t.Context(), "u5@example.com"); err != nil {
			w.t.Fatal(err)
		}
		for at, was := range slots {
			if is := numbers(5 * time.Minute)[at]; is != was {
				w.t.Errorf("after somebody was erased it tells %q of %s, and %q before", is, at, was)
			}
		}
	})
}
