package office

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/presenced/presenced/presence"
)

// Tell writes all that is known about what somebody got wrong: on that day and
// the evening before, where the person was, what showed it, what was sent, and
// what was concluded.
func (o *Office) Tell(w io.Writer, n Note, visits []Concluded) error {
	site := o.Rules().Sites[n.Site]
	day := interval{site.Day(n.At, 4*time.Hour).Add(-10 * time.Hour), site.NextDay(n.At, 4*time.Hour).Add(2 * time.Hour)}
	fmt.Fprintf(w, "\nseed %d: %s\n", o.Seed, n)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(at time.Time, kind, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", clock(at), kind, fmt.Sprintf(format, args...))
	}
	for _, f := range o.Faults {
		if f.Site == n.Site && f.From.Before(day.to) && day.from.Before(f.To) {
			line(f.From, "fault", "%s %s until %s", f.Kind, f.Where, clock(f.To))
		}
	}
	devices := map[string]bool{}
	for _, s := range o.Truth.Stays {
		if s.User == n.User && s.From.Before(day.to) && day.from.Before(s.To) {
			line(s.From, "there", "at %s until %s", s.Site, clock(s.To))
		}
	}
	for _, h := range o.Truth.Holds {
		if h.User == n.User && day.holds(h.from) {
			line(h.from, "silent", "the NAS, until %s; back %s", clock(h.to), clock(h.Back))
		}
	}
	for _, s := range o.Truth.Signs {
		if s.User != n.User {
			continue
		}
		devices[s.Device] = true
		if s.From.Before(day.to) && day.from.Before(later(s.Until, s.Quiet)) {
			var words []string
			for word, is := range map[string]bool{"told": s.Told, "only its Stop": s.Only, "mute": s.Mute, "vague": s.Vague, "back": s.Back, "idle": s.Idle > 0} {
				if is {
					words = append(words, word)
				}
			}
			slices.Sort(words)
			line(s.From, "sign", "%s at %s until %s, quiet %s, shown %s %s", s.Device, s.Site, clock(s.Until), clock(s.Quiet), clock(s.Shown), strings.Join(words, ", "))
		}
	}
	for _, e := range o.Events {
		r := e.Record
		if day.holds(e.Arrive) && (devices[r.Device] || r.Device == "" && r.Site == n.Site) {
			late := ""
			if d := e.Arrive.Sub(r.At); d > 3*time.Second {
				late = " of " + clock(r.At)
			}
			line(e.Arrive, "sent", "%s %s %q %s at %s %s age %s %s%s", r.Status, r.Session, r.UserName, r.Device, e.AP, r.NASID, r.Age, r.Cause, late)
		}
	}
	for _, v := range visits {
		if v.User == n.User && v.Arrived.Before(day.to) && (v.State != presence.Over || day.from.Before(v.Departed)) {
			line(v.Arrived, "visit", "to %s, noticed %s, %s %s %s, believed %s", v.Site, clock(v.Noticed), v.State, v.End, clock(v.Departed), clock(v.Believed))
			for _, s := range v.Story {
				line(s.At, "story", "%s %s", s.Kind, s.Text)
			}
		}
	}
	return t.Flush()
}

func clock(t time.Time) string { return t.UTC().Format("Mon 15:04:05") }
