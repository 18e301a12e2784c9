package daemon

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestTheRosterTellsOfNobodyWhoOptedOut, although a reading has their bookings, and of
// nobody once it is turned off.
func TestTheRosterTellsOfNobodyWhoOptedOut(t *testing.T) {
	inBuilding(t, "", func(w *week, clock func(h, m int) time.Time) {
		for _, user := range []string{"ann@example.com", "gus@example.com", "dan@example.com"} {
			w.api.Book(sandbox.Booking{User: w.api.AddUser(user), Building: w.building, Begin: clock(9, 0), End: clock(17, 0)})
		}
		testbed.Write(t, filepath.Join(filepath.Dir(w.file), "opt-out.txt"), "gus@example.com\n")
		w.until(clock(9, 0))
		w.hear(presence.Start, "ann", annsLaptop, "a", "ap-1")
		w.until(clock(9, 10))
		roster := func() (told string, err error) {
			for r, err := range w.daemon.listings().Rosters(w.t.Context(), control.RosterQuery{}) {
				if err != nil {
					return "", err
				}
				for _, e := range r.People {
					told += e.User + " " + string(e.Became) + ", "
				}
			}
			return told, nil
		}
		if told, err := roster(); told != "ann@example.com checked_in, dan@example.com not_seen, " || err != nil {
			w.t.Errorf("the roster has %s%v", told, err)
		}
		testbed.Write(t, w.file, strings.Replace(testbed.Read(t, w.file), "[control]", "[control]\nroster = false", 1))
		w.reload()
		if told, err := roster(); !errors.Is(err, control.ErrNoRoster) {
			w.t.Errorf("turned off, the roster has %s%v", told, err)
		}
		w.metric(`presenced_checked_in_by_others_total{site="london"} 0`)
	})
}
