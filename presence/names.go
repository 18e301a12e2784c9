package presence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What comes in: whom a device was named for, and when. What goes out: whose it is at a
// moment. Which user a device was named for is a fact of the device, and is joined like
// marks: a record that comes late finds its place between the names before and after it.
// Records that came before anybody was named are kept with the device.

// devices is the kind of the notes that hold the names of a device.
const devices = "device"

// names are the users that a device was named for, or the records of a device that
// was named for nobody yet.
type names struct {
	Claims  []claim `json:"claims,omitempty"`  // by event time
	Waiting []Facts `json:"waiting,omitempty"` // of a device that nobody has been named for
}

// claim says that from an event time on a device was named for a user, until
// the next claim.
type claim struct {
	User  string    `json:"user"`
	Since time.Time `json:"since"`
}

const (
	claimsKept  = 4 // claims of one device, the latest
	waitingKept = 4 // ids of one device that was named for nobody, the latest
)

// parseNames reads a note: most hold one claim, as the time in nanoseconds and
// the user.
func parseNames(note []byte) (n names, err error) {
	if len(note) == 0 {
		return n, nil
	}
	if note[0] == '{' {
		if err := json.Unmarshal(note, &n); err != nil {
			return n, fmt.Errorf("the note of a device's names: %w", err)
		}
		return n, nil
	}
	var ns int64
	since, user, ok := strings.Cut(string(note), " ")
	if _, err := fmt.Sscan(since, &ns); !ok || err != nil {
		return n, fmt.Errorf("the note of a device's names reads %q", note)
	}
	return names{Claims: []claim{{user, time.Unix(0, ns).UTC()}}}, nil
}

func (n names) note() []byte {
	switch {
	case len(n.Claims)+len(n.Waiting) == 0:
		return nil
	case len(n.Claims) == 1 && len(n.Waiting) == 0:
		return fmt.Appendf(nil, "%d %s", n.Claims[0].Since.UnixNano(), n.Claims[0].User)
	}
	value, err := json.Marshal(n)
	if err != nil {
		panic(err) // texts and times
	}
	return value
}

// at returns the index of the claim that holds at t; the first if t is before
// all, and -1 if there is none.
func (n names) at(t time.Time) int {
	for i := len(n.Claims) - 1; i > 0; i-- {
		if !n.Claims[i].Since.After(t) {
			return i
		}
	}
	return min(0, len(n.Claims)-1)
}

// of returns the user that the device belongs to at t; "" if to nobody.
func (n names) of(t time.Time) string {
	if i := n.at(t); i >= 0 {
		return n.Claims[i].User
	}
	return ""
}

// claimed returns the names with a claim of the user from t on, and whether that is
// news. before and after are the users of the claims on both sides, "" for none and
// for the user's own.
func (n names) claimed(user string, t time.Time) (now names, before, after string, news bool) {
	i := n.at(t)
	switch {
	case i < 0:
		return names{Claims: []claim{{strings.Clone(user), t}}}, "", "", true
	case n.Claims[i].User == user && !t.Before(n.Claims[i].Since):
		return n, "", "", false
	case n.Claims[i].User == user: // the first, and it began sooner
		now.Claims = slices.Clone(n.Claims)
		now.Claims[i].Since = t
		return now, "", "", true
	}
	at := i + 1
	if t.Before(n.Claims[i].Since) {
		at = i
	} else {
		before = n.Claims[i].User
	}
	now.Claims = slices.Clone(n.Claims)
	if at < len(now.Claims) && now.Claims[at].User == user {
		now.Claims[at].Since = t
		return now, before, "", true
	}
	if at < len(now.Claims) {
		after = now.Claims[at].User
	}
	now.Claims = slices.Insert(now.Claims, at, claim{strings.Clone(user), t})
	now.Claims = now.Claims[max(0, len(now.Claims)-claimsKept):]
	return now, before, after, true
}

// keepWaiting adds a record of a device that was named for nobody yet, and reports
// whether it tells more than that a known session goes on.
func (n *names) keepWaiting(s *Sighting) bool {
	m := s.mark()
	for i := range n.Waiting {
		f := &n.Waiting[i]
		if f.ID == s.Session {
			f.Marks = slices.Clone(f.Marks) // the tracker remembers the old ones, which are stored
			known := f.Marks[len(f.Marks)-1]
			news := f.join(m)
			f.place(s)
			return news && (m.Status != Interim || m.Whose != known.Whose || m.At.Before(known.At))
		}
	}
	f := Facts{ID: strings.Clone(s.Session), Device: s.Device, Place: Place{NAS: s.NAS}, Marks: []Mark{m}}
	f.place(s)
	n.Waiting = append(n.Waiting, f)
	n.late()
	return true
}

// wait adds facts of the device to those that are waiting.
func (n *names) wait(all []Facts) {
	p := Person{Facts: n.Waiting}
	p.adopt(all)
	n.Waiting = p.Facts
}

// late drops all but the latest of those that are waiting.
func (n *names) late() {
	slices.SortStableFunc(n.Waiting, func(a, b Facts) int { return a.last().Compare(b.last()) })
	n.Waiting = n.Waiting[max(0, len(n.Waiting)-waitingKept):]
}

// sameClaims reports whether two notes hold the same claims.
func sameClaims(a, b []byte) bool {
	n, err := parseNames(a)
	m, fault := parseNames(b)
	return err == nil && fault == nil && slices.EqualFunc(n.Claims, m.Claims, func(c, d claim) bool {
		return c.User == d.User && c.Since.Equal(d.Since)
	})
}

// known returns the person's facts of the device as another person takes them over.
func (p *Person) known(device string) (all []Facts) {
	if p.overOf(device) && p.Want(PastFacts) {
		return nil
	}
	for _, f := range slices.Concat(p.Past, p.Facts) {
		if f.Device != device {
			continue
		}
		f.Marks = slices.DeleteFunc(slices.Clone(f.Marks), func(m Mark) bool { return m.Status == Other })
		for i := range f.Marks {
			if m := &f.Marks[i]; m.Whose == Mine {
				m.Whose = Another
			}
		}
		if len(f.Marks) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// adopt takes over facts of a device from before it was named for p.
func (p *Person) adopt(all []Facts) {
	p.gather()
	if slices.ContainsFunc(all, func(f Facts) bool { return p.overOf(f.Device) }) && p.Want(PastFacts) {
		return
	}
	for _, f := range all {
		i := slices.IndexFunc(p.Facts, func(o Facts) bool { return o.ID == f.ID && o.Device == f.Device })
		if i < 0 {
			f.Marks = slices.Clone(f.Marks)
			p.Facts = append(p.Facts, f)
			continue
		}
		for _, m := range f.Marks {
			p.Facts[i].join(m)
		}
	}
}
