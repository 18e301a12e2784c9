package page

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

// trouble is something that an operator should know of, and where to look.
type trouble struct {
	Bad  bool // nothing works, or nobody is checked in, while it lasts
	Text string
	Link string
}

// silent is how long a client or NAS may be unheard without a remark.
const silent = 10 * time.Minute

// troubles returns what is amiss, the worst first.
func (s *snapshot) troubles(nases map[string]presence.NAS) (all []trouble) {
	bad := func(link, format string, args ...any) {
		all = append(all, trouble{true, fmt.Sprintf(format, args...), link})
	}
	odd := func(link, format string, args ...any) {
		all = append(all, trouble{false, fmt.Sprintf(format, args...), link})
	}
	if !s.Status.Ready {
		bad("", "Records cannot be kept, so nothing is answered: %s", plain(s.Status.Failing))
	}
	desk := s.Status.Desk
	switch {
	case desk.Mode == "none":
		odd("/calls", "There is no [kadence] in the configuration: nothing is checked in or out.")
	case desk.Error != "":
		bad("/calls", "Kadence does not answer: %s", plain(desk.Error))
	case desk.Mode == "dry_run":
		odd("/calls", "Dry run: bookings are read, but nothing is checked in or out.")
	}
	for _, c := range s.Status.Clients {
		switch r := s.rates[c.Name]; {
		case r.BadSecrets > 0:
			bad("/network", "Client %s sends %s requests a minute that its shared secret does not fit.", plain(c.Name), perMinute(r.BadSecrets))
		case c.LastHeard.IsZero() && s.taken.Sub(s.Status.Started.Time) < silent: // it may yet come
		case c.LastHeard.IsZero():
			odd("/network", "Client %s has not been heard since the start.", plain(c.Name))
		case s.taken.Sub(c.LastHeard.Time) > silent:
			odd("/network", "Client %s has been silent for %s.", plain(c.Name), span(s.taken.Sub(c.LastHeard.Time)))
		}
	}
	quiet, held := 0, 0
	for _, name := range slices.Sorted(maps.Keys(nases)) {
		if n := s.onNAS[name]; n > 0 && s.taken.Sub(nases[name].Heard) > silent {
			quiet, held = quiet+1, held+n
		}
	}
	if quiet > 0 {
		odd("/network", "%s silent for more than %s, with %s live.", count(quiet, "NAS", "NASes")+isAre(quiet), span(silent), count(held, "session", "sessions"))
	}
	if s.Status.Drops > 0 {
		odd("/network", "The kernel had no room for %s since the start.", count(int(s.Status.Drops), "datagram", "datagrams"))
	}
	slices.SortStableFunc(all, func(a, b trouble) int {
		switch {
		case a.Bad == b.Bad:
			return 0
		case a.Bad:
			return -1
		}
		return 1
	})
	return all
}

func isAre(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}
