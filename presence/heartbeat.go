package presence

import (
	"slices"
	"strings"
)

// Most records are Interims that change nothing but the time last heard: heartbeats.
// They are answered at once, and written by the next flush, within flushEvery.

// beat returns the change that tells the user a heartbeat that was kept. It is of a
// session that was known: if the user was forgotten meanwhile, it does not bring them
// back.
func (t *Tracker) beat(n *Sighting, w *World) Change {
	return Change{User: n.User, Apply: func(p *Person, _ [][]byte) Outcome {
		if p.of(n.Session, n.Device, n.NAS) == nil && !p.asksForPast(n) {
			return Outcome{}
		}
		return Outcome{Archived: p.hear(n, w)}
	}}
}

// beats returns changes that apply the unwritten heartbeats of the users, so that no
// fact is missing when facts are handed over. The heartbeats stay to be written,
// because this batch may fail; applying them twice changes nothing.
func (t *Tracker) beats(users []string, w *World) (changes []Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, user := range users {
		for _, n := range t.heartbeats[user] {
			changes = append(changes, t.beat(n, w))
		}
	}
	return changes
}

// heartbeat reports whether the sighting is an Interim that changes nothing but the
// time last heard, and so may wait for the next flush.
func (p *Person) heartbeat(n *Sighting, w *World) bool {
	if n.Status != Interim || n.Whose == Another || !p.Wake.IsZero() && !n.Heard.Before(p.Wake) || n.Heard.Sub(n.At) > fresh {
		return false
	}
	f := p.of(n.Session, n.Device, n.NAS)
	if f == nil || f.Place.SSID != n.SSID || f.Place.NAS != n.NAS || f.Place.AP != n.AP || f.Place.BSSID != n.BSSID {
		return false
	}
	if last := &f.Marks[len(f.Marks)-1]; !last.sign() || !n.At.After(last.At) || last.Site != n.Site || last.Whose != n.Whose || !f.regular() {
		return false
	}
	return slices.ContainsFunc(p.look(n.Heard, w), func(s Session) bool {
		return s.facts == f && s.State == Open && s.Seen.Equal(f.last()) && s.rhythm.interval() > 0
	})
}

// regular reports whether the signs of the id repeat at an interval: else none of its
// sessions has one, and there is no need to look.
func (f *Facts) regular() bool {
	var r rhythm
	for i := range f.Marks {
		if m := &f.Marks[i]; m.sign() {
			r.add(m.At)
		}
	}
	return r.interval() > 0
}

// keepHeartbeat keeps the heartbeat for the next flush: of each session the latest
// of every minute. Each counts for the session's interval, but several in one minute
// teach nothing more.
func (t *Tracker) keepHeartbeat(n *Sighting) {
	waiting := t.heartbeats[n.User]
	for i, was := range waiting {
		if was.Device == n.Device && was.Session == n.Session && was.At.Unix()/60 == n.At.Unix()/60 {
			if n.At.After(was.At) {
				waiting[i] = n
			}
			return
		}
	}
	t.heartbeats[strings.Clone(n.User)] = append(waiting, n)
}
