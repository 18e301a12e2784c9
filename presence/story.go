package presence

import "time"

// recount adds the sighting that was just heard to the story: that it came, or why it
// does not count, by the session to which it turned out to belong. It leaves out
// interims that only show that a session goes on.
func (p *Person) recount(n *Sighting, c *picture) {
	s := c.heard(n)
	what := n.Device + " " + n.Status.String()
	switch {
	case s == nil && n.Whose == Unsaid:
		p.tell(n.At, Heard, what+" does not count: it names nobody, and nobody had the device")
	case s == nil:
		p.tell(n.At, Heard, what+" does not count: its session had ended")
	case n.Whose == Another && n.Status != Stop:
		p.tell(n.At, Heard, n.Device+" went over to another user")
	case n.Site == noSite && n.Status != Stop:
		p.tell(n.At, Heard, n.Device+" is on a network, or at a place, that does not count")
	case n.Status == Stop && s.foreign:
	case n.Status == Stop && (!s.ended || s.end.Status != Stop || !s.end.At.Equal(n.At)):
		p.tell(n.At, Heard, what+" does not count: the session went on after it")
	case n.Status == Stop:
		p.tell(n.At, Heard, what+" "+n.Cause.String())
	case n.Status == Start:
		p.tell(n.At, Heard, what+on(n.SSID))
	case s.first.same(markOf(n)):
		p.tell(n.At, Heard, what+on(n.SSID))
	case s.next >= 0 && s.State == Ended && !s.ended:
		p.tell(n.At, Heard, what+" does not count: the device has a later session")
	case s.revived(n.At):
		p.tell(n.At, Heard, n.Device+" is alive after all")
	}
}

func markOf(n *Sighting) *Mark {
	m := n.mark()
	return &m
}

// heard returns the session to which the sighting turned out to belong; nil if to
// none.
func (c *picture) heard(n *Sighting) *Session {
	m := n.mark()
	for i := range c.sessions {
		s := &c.sessions[i]
		if s.Device != n.Device || s.ID != n.Session {
			continue
		}
		switch {
		case n.Status == Stop && s.end.same(&m), n.Status != Stop && !n.At.Before(s.first.At) && !n.At.After(s.Seen):
			return s
		case n.Status == Stop && !n.At.Before(s.Began) && !n.At.After(later(s.Seen, s.Ended)):
			return s
		}
	}
	return nil
}

// revived reports whether the sign at t is the first after a mark that had ended the
// session.
func (s *Session) revived(t time.Time) bool {
	for i := 1; i < len(s.facts.Marks); i++ {
		if m := &s.facts.Marks[i]; m.sign() && m.At.Equal(t) {
			return !s.facts.Marks[i-1].sign()
		}
	}
	return false
}

func on(ssid string) string {
	if ssid == "" {
		return ""
	}
	return " on " + ssid
}
