package presence

import (
	"fmt"
	"slices"
	"time"
)

// What comes in: the stamps of a record, and what is known of its NAS's clock. What
// goes out: the event time, and what it was taken from. Clocks are off by minutes or
// years, some requests wait for hours to be delivered, and few of them say so. How
// far a clock is off shows when the NAS tells of an event at once.

// Clock is what is known of a NAS's clock from its records. The least lag of a
// stamp behind its arrival, of late, is the offset of the clock and the time of
// delivery, which is seconds if any record is delivered at once.
type Clock struct {
	Lag   time.Duration `json:"lag"`            // the least lag since Since
	Since time.Time     `json:"since,omitzero"` // zero: nothing is known
	Was   time.Duration `json:"was,omitzero"`   // the least lag in the span before
	Twice bool          `json:"twice,omitzero"` // there was a span before

	Spoke time.Time `json:"spoke,omitzero"` // the latest event that was told at once
	Last  time.Time `json:"last,omitzero"`  // the latest arrival
	Gaps  []Gap     `json:"gaps,omitempty"` // the longest of the latest hours, and the latest, in order of time
	Odd   time.Time `json:"odd,omitzero"`   // the latest stamp of an event that was not told at once
	Came  time.Time `json:"came,omitzero"`  // when the request with that stamp was first sent
	Back  bool      `json:"back,omitempty"` // such stamps keep step with the time: the clock was set back

	amiss amiss // what was last said of it
}

// Gap is a time in which nothing was heard of a NAS.
type Gap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// The limits of what is believed of clocks.
const (
	clockSpan    = 15 * time.Minute    // Clock.Lag is the least lag of so long
	gapSpan      = 12 * time.Hour      // how long after a gap its events may still come
	gapsKept     = 4                   // a night, and outages of the day
	stepLeast    = 10 * time.Second    // stamps so far apart show whether they keep step with the time
	stepSlip     = 2 * time.Second     // … to within this, because clocks count whole seconds
	unheard      = 2 * time.Minute     // a NAS that was not heard for so long may have held records back
	oldestReplay = 31 * 24 * time.Hour // a stamp further back is of a clock that was never set
)

// sent returns when the request was first sent, as far as arrival and Acct-Delay-Time
// tell.
func (t Stamps) sent() time.Time { return t.Heard.Add(-t.Delay) }

// Lag is by how much the stamp lies before the moment at which the request was
// first sent.
func (t Stamps) Lag() time.Duration { return t.sent().Sub(t.Stamp) }

// off returns the offset of the NAS's clock, behind being positive, with t as the
// latest record.
func (c *Clock) off(t Stamps) time.Duration {
	off := t.Lag()
	if !c.Since.IsZero() {
		off = min(off, c.Lag)
	}
	if c.Twice {
		off = min(off, c.Was)
	}
	return off
}

// EventTime returns when the event of another record was, what that was taken from,
// and whether the record has a stamp that is not believed; and it updates the clock.
// The event is never in the future, and never Event-Timestamp less Acct-Delay-Time:
// the stamp does not move when a request is sent again.
func (c *Clock) EventTime(t Stamps, maxSkew time.Duration) (at time.Time, from string, bad bool) {
	at, from = t.Heard, byArrival
	if t.Delay > 0 {
		at, from = t.Heard.Add(-t.Delay), "Acct-Delay-Time"
	}
	if t.Stamp.IsZero() {
		return at, from, false
	}
	off := c.off(t)
	if off.Abs() > maxSkew && t.Lag().Abs() <= maxSkew { // the clock was put right
		*c = Clock{Spoke: c.Spoke, Last: c.Last, Gaps: c.Gaps}
		off = t.Lag()
	}
	c.gap(t.Heard)
	event := t.Stamp.Add(off)
	right, now := off.Abs() <= maxSkew, t.Lag()-off <= maxSkew
	replayed := right && !now && c.replays(t, event, maxSkew)
	c.hear(t, event, now)
	switch {
	case right && now && off.Abs() <= moment:
		at, from = t.Stamp, "Event-Timestamp"
	case right && now:
		at, from = event, c.amiss.say(off)
	case replayed:
		at, from = event, "Event-Timestamp, replayed"
	default:
		return at, from, true
	}
	if at.After(t.Heard) {
		at = t.Heard
	}
	return at, from, false
}

// amiss is how far a clock is off, as it was last told: most records tell the same.
type amiss struct {
	off  time.Duration // in whole seconds
	text string
}

// say tells what an event time was taken from, by a clock that is so far off.
func (a *amiss) say(off time.Duration) string {
	if off = off.Round(time.Second); a.text == "" || a.off != off {
		way := "behind"
		if off < 0 {
			way = "ahead"
		}
		*a = amiss{off, fmt.Sprintf("Event-Timestamp, by a clock that is %s %s", off.Abs(), way)}
	}
	return a.text
}

// replays reports whether an old stamp is of an event that is told late. A clock that
// stands still or was set back makes old stamps too, so replays asks for another
// sign: the event lies in a gap in which nothing was heard of the NAS, or the stamps
// are catching up with the time. The stamps of a clock that was set back, as by a
// power cut, keep step with the time.
func (c *Clock) replays(t Stamps, event time.Time, maxSkew time.Duration) bool {
	passed, step := t.sent().Sub(c.Came), t.Stamp.Sub(c.Odd)
	catchesUp := !c.Odd.IsZero() && step > passed+time.Minute
	switch {
	case catchesUp:
		c.Back = false
	case !c.Odd.IsZero() && passed >= stepLeast && (step-passed).Abs() <= stepSlip:
		c.Back = true
	}
	if c.Back || t.Heard.Sub(t.Stamp) > oldestReplay {
		return false
	}
	for _, g := range c.Gaps {
		if event.After(g.From.Add(-moment)) && event.Before(g.To.Add(moment)) {
			return true
		}
	}
	return catchesUp && passed < maxSkew
}

// gap notes a time in which nothing was heard of the NAS: its events may be told
// late.
func (c *Clock) gap(heard time.Time) {
	if !c.Last.IsZero() && heard.Sub(c.Last) > unheard {
		c.Gaps = slices.DeleteFunc(c.Gaps, func(g Gap) bool { return heard.Sub(g.To) > gapSpan })
		c.Gaps = append(c.Gaps, Gap{earlier(later(c.Spoke, c.Odd), c.Last), heard})
		if len(c.Gaps) > gapsKept { // the latest stays: its events come next
			shortest := 0
			for i, g := range c.Gaps[:gapsKept] {
				if was := c.Gaps[shortest]; g.To.Sub(g.From) < was.To.Sub(was.From) {
					shortest = i
				}
			}
			c.Gaps = slices.Delete(c.Gaps, shortest, shortest+1)
		}
	}
	c.Last = later(c.Last, heard)
}

// hear updates the clock by the stamps of a record; now says that the record told
// its event at once.
func (c *Clock) hear(t Stamps, event time.Time, now bool) {
	lag := t.Lag()
	if !now {
		c.Odd, c.Came = t.Stamp, t.sent()
	}
	switch {
	case c.Since.IsZero():
		c.Lag, c.Since = lag, t.Heard
	case t.Heard.Sub(c.Since) < clockSpan:
		c.Lag = min(c.Lag, lag)
	case !now && t.Heard.Sub(c.Since) < 2*gapSpan: // the lag of old news is not the clock's
	default:
		c.Was, c.Twice = c.Lag, now
		c.Lag, c.Since = lag, t.Heard
	}
	if now {
		c.Spoke, c.Back = later(c.Spoke, event), false
	}
}

// boot notes that the NAS comes up: the records that it held back are lost, and an
// old stamp means that its clock was set back.
func (c *Clock) boot() {
	c.Odd, c.Came, c.Back = time.Time{}, time.Time{}, true
}
