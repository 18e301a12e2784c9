package office

import "time"

// bearing returns the signs that bear on a visit that began at t: those of
// streaks that began on its day, and within the site's hours or during it. A
// device left behind the day before, or that came on by itself at night, says
// nothing about its owner.
func (c *comparison) bearing(s subject, b *book, t time.Time) (signs []Sign) {
	site := c.rules.Sites[s.site]
	day := site.Day(t, c.rules.DayStarts)
	for i, sign := range b.signs {
		if b.streaks[i].nobodys {
			continue
		}
		if began := b.streaks[i].began; !began.Before(day) && (site.Within(began) || !began.Before(t)) {
			signs = append(signs, sign)
		}
	}
	return signs
}

// streak is what a sign is part of.
type streak struct {
	began   time.Time
	nobodys bool // whose it is cannot be told
	was     last // what is known of the device before
}

// last is the end of what was known of a device, and of what was heard of it.
type last struct{ until, quiet, heard time.Time }

// streaks finds out what streak each sign is of: those of one device that are
// less than linger apart are of one, and those that may be. A Stop alone
// lengthens a streak that is there, and begins none. Neither does a session
// under no name.
func (c *comparison) streaks(name string, b *book) {
	site, newDay := c.rules.Sites[name], c.truth.strict || judged
	device, began, tie, was := "", time.Time{}, false, last{}
	for _, s := range b.signs {
		if s.Device != device {
			device, began, tie, was = s.Device, time.Time{}, false, last{}
		}
		on := !began.IsZero() && (s.Back || s.Same || s.From.Before(c.gone(was.until, name)) || s.From.Before(was.quiet))
		if s.Mute && !s.From.Before(c.gone(was.until, name).Add(-blur)) {
			b.streaks = append(b.streaks, streak{s.From, true, was})
			continue
		}
		if newDay && on && !s.Back && !s.Same && s.From.After(c.gone(was.heard, name)) && site.Day(s.From, c.rules.DayStarts).After(was.heard) {
			on, was.quiet = false, was.until // whatever became of yesterday's Stop
		}
		if apart := s.From.Sub(c.gone(was.until, name)).Abs(); !began.IsZero() && apart < time.Second && !s.Back && !s.Same {
			tie = true // which of the two streaks it is of depends on fractions of a second
		} else if !on {
			tie = false
		}
		if !on {
			b.streaks = append(b.streaks, streak{s.From, tie, was})
			if s.Only {
				continue
			}
			began, was = s.From, last{}
		} else {
			b.streaks = append(b.streaks, streak{began, tie, was})
		}
		was.until, was.quiet = later(was.until, later(s.Until, s.Stopped)), later(was.quiet, s.Quiet)
		was.heard = later(was.heard, later(s.heard(), s.Stopped))
	}
}

// heard returns when the device was last heard of: where nothing tells that it
// goes on, when it really went is no news.
func (s *Sign) heard() time.Time {
	if n := len(s.life); !s.Told && n > 0 {
		return s.life[n-1].at
	}
	return s.Until
}
