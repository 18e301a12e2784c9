package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// timeline is a day of one person's as a picture: what was heard of each
// device, above it the visits that were concluded from that, and above those
// the bookings and the calls that followed. Places are in percent of the width.
type timeline struct {
	From, To time.Time
	Zone     *time.Location
	Ticks    []tick
	Now      percent // negative if it is outside
	Tracks   []track
	Bands    []band // what happened to the system meanwhile
	Empty    bool
}

type percent float64

func (p percent) String() string { return fmt.Sprintf("%.3f%%", float64(p)) }

type tick struct {
	At    percent
	Label string
	Minor bool // has no label where there is little room
}

// track is one line of the picture.
type track struct {
	Kind   string // "bookings", "calls", "visit", "device"
	Label  string
	Detail string
	Spans  []stretch
	Marks  []mark
}

// Says is the track in words.
func (t track) Says() string {
	var words []string
	for _, s := range t.Spans {
		words = append(words, s.Title)
	}
	for _, m := range t.Marks {
		words = append(words, m.Title)
	}
	return t.Label + ": " + strings.Join(words, "; ")
}

// stretch is something that lasts. Its kind is how it looks.
type stretch struct {
	Kind     string
	At, Wide percent
	Title    string
	from, to time.Time
}

// mark is something that happens.
type mark struct {
	Kind  string
	At    percent
	Aside int // pixels by which it stands to the right of that, so that it is not printed on the one before
	Title string
	when  time.Time
}

// day is what is known of a person's day at a site.
type day struct {
	from, to, now time.Time
	zone          *time.Location // of the axis
	rules         presence.Rules
	facts         []presence.Facts
	sessions      []presence.Session
	visits        []presence.Visit
	outlooks      map[string]presence.Outlook // of open visits, by id
	bands         []band
}

// draw returns the picture of the day.
func (d *day) draw() timeline {
	t := timeline{Zone: d.zone}
	t.Tracks = append(t.Tracks, d.bookings()...)
	t.Tracks = append(t.Tracks, d.visitTracks()...)
	t.Tracks = append(t.Tracks, d.devices()...)
	t.place(d)
	t.Bands = placeBands(d.bands, t.From, t.To)
	return t
}

// bookings returns the bookings that were tried, and the calls.
func (d *day) bookings() []track {
	bookings := track{Kind: "bookings", Label: "Bookings", Detail: "that were tried"}
	calls := track{Kind: "calls", Label: "Calls", Detail: "to Kadence"}
	seen := map[string]bool{}
	for _, v := range d.visits {
		for _, c := range v.Claims {
			if seen[c.Booking] || !d.overlaps(c.Begin, c.End) {
				continue
			}
			seen[c.Booking] = true
			bookings.Spans = append(bookings.Spans, stretch{
				Kind: "booking", from: c.Begin, to: c.End, Title: "booking " + booking(c.Booking) + ", " + d.clocks(c.Begin, c.End),
			})
		}
		for _, c := range callsOf(v, d.zone) {
			if c.Result == pending {
				c.At = maxTime(c.At, d.now) // it is due
			}
			if !d.overlaps(c.At, c.At) {
				continue
			}
			title := d.clock(c.At) + " " + c.Verb
			if c.Booking != "" {
				title += " of booking " + booking(c.Booking)
			}
			title += ": " + string(c.Result)
			if c.Reason != "" {
				title += ", " + plain(c.Reason)
			}
			calls.Marks = append(calls.Marks, mark{Kind: c.Mark(), when: c.At, Title: title})
		}
	}
	var tracks []track
	for _, t := range []track{bookings, calls} {
		if len(t.Spans)+len(t.Marks) > 0 {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

// visitTracks returns the visits, a track for each site.
func (d *day) visitTracks() (tracks []track) {
	for _, v := range d.visits {
		i := slices.IndexFunc(tracks, func(t track) bool { return t.Label == "Visits to "+plain(v.Site) })
		if i < 0 {
			i = len(tracks)
			tracks = append(tracks, track{Kind: "visit", Label: "Visits to " + plain(v.Site), Detail: "concluded"})
		}
		tracks[i].Spans = append(tracks[i].Spans, d.visit(v)...)
	}
	return tracks
}

// visit returns a visit: where a device was there, where none was and leaving
// was not believed, and how long it was waited for one to come back in the end.
func (d *day) visit(v presence.Visit) (parts []stretch) {
	end := v.Departed
	if v.State != presence.Over {
		end = d.now
	}
	add := func(kind string, from, to time.Time, why string) {
		if to.After(from) {
			parts = append(parts, stretch{Kind: kind, from: from, to: to, Title: d.clocks(from, to) + " " + why})
		}
	}
	here := string(presence.Present)
	if v.State == presence.Arriving {
		here = string(presence.Arriving)
	}
	at := v.Arrived
	alive := d.alive(v.Site)
	if len(alive) > 0 && alive[0].from.After(at) { // older sessions are not remembered
		until := minTime(alive[0].from, end)
		add(here, at, until, here)
		at = until
	}
	for _, a := range alive {
		from, to := maxTime(a.from, at), minTime(a.to, end)
		if !to.After(from) {
			continue
		}
		add("linger", at, from, "no device: not gone for long enough, so the visit went on")
		add(here, from, to, here)
		at = to
	}
	switch {
	case v.State == presence.Leaving:
		add("linger", at, end, "no device: leaving")
		add("ahead", end, d.outlooks[v.ID].Until, "leaving is believed at the end of this, if no device comes back")
	case v.State != presence.Over, len(alive) == 0:
		add(here, at, end, here)
	default:
		add("linger", at, end, "no device")
	}
	switch {
	case v.State == presence.Over && v.End == presence.Left:
		add("believed", end, v.Believed, "no device: only then leaving was believed, as of "+d.clock(end))
	case v.State == presence.Over && v.End == presence.Unknown:
		add("unknown", end, v.Believed, "no sign of life until max_session ended it: when they left is unknown")
	}
	return parts
}

// alive returns when some device was at the site, as far as sessions are
// remembered.
func (d *day) alive(site string) (all []stretch) {
	for i := range d.sessions {
		s := &d.sessions[i]
		to := s.Ended
		if s.Live() {
			to = d.now
		}
		if s.Site == site && to.After(s.Began) {
			all = append(all, stretch{from: s.Began, to: to})
		}
	}
	slices.SortFunc(all, func(a, b stretch) int { return a.from.Compare(b.from) })
	merged := all[:0]
	for _, a := range all {
		if n := len(merged); n > 0 && !a.from.After(merged[n-1].to) {
			merged[n-1].to = maxTime(merged[n-1].to, a.to)
			continue
		}
		merged = append(merged, a)
	}
	return merged
}

// devices returns the sessions, a track for each device, and what was heard of
// it as marks.
func (d *day) devices() (tracks []track) {
	for i := range d.sessions {
		s := &d.sessions[i]
		parts := d.session(s)
		if len(parts) == 0 {
			continue
		}
		j := slices.IndexFunc(tracks, func(t track) bool { return t.Label == plain(s.Device) })
		if j < 0 {
			j = len(tracks)
			tracks = append(tracks, track{Kind: "device", Label: plain(s.Device), Detail: "heard"})
		}
		tracks[j].Spans = append(tracks[j].Spans, parts...)
	}
	for i := range tracks {
		for j := range d.facts {
			if f := &d.facts[j]; plain(f.Device) == tracks[i].Label {
				tracks[i].Marks = append(tracks[i].Marks, d.heard(f)...)
			}
		}
		slices.SortStableFunc(tracks[i].Marks, func(a, b mark) int { return a.when.Compare(b.when) })
	}
	return tracks
}

// heard returns when sessions were heard to begin and end.
func (d *day) heard(f *presence.Facts) (marks []mark) {
	for _, m := range f.Marks {
		if m.Status != presence.Start && m.Status != presence.Stop || m.Whose == presence.Another || !d.overlaps(m.At, m.At) {
			continue
		}
		title := d.clock(m.At) + " " + m.Status.String()
		if cause := m.Cause.String(); cause != "" {
			title += " " + cause
		}
		marks = append(marks, mark{Kind: "heard", when: m.At, Title: title})
	}
	return marks
}

// session returns a session: how long it was heard of, and what was made of it
// since.
func (d *day) session(s *presence.Session) (parts []stretch) {
	add := func(kind string, from, to time.Time, why string) {
		if d.overlaps(from, to) && (to.After(from) || !s.Live()) {
			parts = append(parts, stretch{Kind: kind, from: from, to: to, Title: d.clocks(from, to) + " " + why})
		}
	}
	about := ""
	if !s.Exact() {
		about = ", its start worked out"
	}
	cause := ""
	if c := s.Cause.String(); c != "" {
		cause = ": " + c
	}
	switch s.State {
	case presence.Open:
		add("session", s.Began, s.Seen, "heard"+about)
		add("unheard", s.Seen, d.now, "open, not heard since")
	case presence.Suspect:
		add("session", s.Began, s.Ended, "heard"+about)
		add("suspect", s.Ended, d.now, "suspect, held as present"+cause)
	case presence.Expired:
		add("session", s.Began, s.Ended, "heard"+about)
		add("expired", s.Seen, minTime(s.Found(), d.now), "expired"+cause+"; when it ended is unknown")
	default:
		add("session", s.Began, s.Ended, "ended"+cause+about)
	}
	return parts
}

// overlaps reports whether some of it is in the day.
func (d *day) overlaps(from, to time.Time) bool {
	return !to.Before(from) && from.Before(d.to) && !to.Before(d.from)
}

func (d *day) clock(t time.Time) string { return at(t, d.zone, d.from).Text }

func (d *day) clocks(from, to time.Time) string { return d.clock(from) + "–" + d.clock(to) }

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
