package page

import (
	"slices"
	"time"
)

// place chooses the hours that are shown, and puts everything in its place.
// Linger is the measure: what is shorter than a part of it need not be told
// apart, and bookings many times as long ago or ahead need not be seen whole.
func (t *timeline) place(d *day) {
	measure := d.rules.Linger
	if measure <= 0 {
		measure = time.Hour
	}
	t.From, t.To = d.to, d.from
	include := func(from, to time.Time) {
		t.From, t.To = minTime(t.From, maxTime(from, d.from)), maxTime(t.To, minTime(to, d.to))
	}
	for _, track := range t.Tracks {
		for _, s := range track.Spans {
			if s.Kind != "booking" {
				include(s.from, s.to)
			}
		}
		for _, m := range track.Marks {
			include(m.when, m.when)
		}
	}
	if t.Empty = t.From.After(t.To); t.Empty {
		t.From, t.To = d.from, d.to
	}
	first, last := t.From.Add(-10*measure), t.To.Add(10*measure)
	for _, track := range t.Tracks {
		for _, s := range track.Spans {
			include(maxTime(s.from, first), minTime(s.to, last))
		}
	}
	t.From, t.To = t.From.Add(-measure/3), t.To.Add(measure/3)
	if short := 6*measure - t.To.Sub(t.From); short > 0 {
		t.From, t.To = t.From.Add(-short/2), t.To.Add(short/2)
	}
	for i := range t.Tracks {
		t.Tracks[i].Spans = slices.DeleteFunc(t.Tracks[i].Spans, func(s stretch) bool { return s.to.Before(t.From) || s.from.After(t.To) })
		for j := range t.Tracks[i].Spans {
			s := &t.Tracks[i].Spans[j]
			s.At = t.at(maxTime(s.from, t.From))
			s.Wide = t.at(minTime(s.to, t.To)) - s.At
		}
		for j := range t.Tracks[i].Marks {
			t.Tracks[i].Marks[j].At = t.at(t.Tracks[i].Marks[j].when)
		}
		setAside(t.Tracks[i].Marks)
	}
	t.Now = -1
	if d.now.After(t.From) && d.now.Before(t.To) {
		t.Now = t.at(d.now)
	}
	t.rule()
}

// narrowest is how many pixels wide a picture is on the narrowest screen. On a wider one
// marks are farther apart.
const narrowest = 280

// setAside moves marks to the right that would be printed on the one before.
func setAside(marks []mark) {
	slices.SortStableFunc(marks, func(a, b mark) int { return a.when.Compare(b.when) })
	for i := 1; i < len(marks); i++ {
		before, m := &marks[i-1], &marks[i]
		room := (before.wide() + m.wide()) / 2
		apart := float64(m.At-before.At) / 100 * narrowest
		m.Aside = max(0, before.Aside+room-int(apart))
	}
}

// wide is how many pixels the mark is wide, with what keeps it apart from the next.
func (m *mark) wide() int {
	if m.Kind == "heard" {
		return 4
	}
	return 14
}

func (t *timeline) at(when time.Time) percent {
	return percent(100 * when.Sub(t.From).Seconds() / t.To.Sub(t.From).Seconds())
}

// steps are how far apart the times above the picture may be.
var steps = []time.Duration{
	5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour,
}

// rule draws the hours, or their parts, as clocks at the site show them, on a
// day on which they change too.
func (t *timeline) rule() {
	const most = 13
	step, layout := steps[len(steps)-1], "15:04"
	for _, s := range slices.Backward(steps) {
		if t.To.Sub(t.From) <= most*s {
			step = s
		}
	}
	if step < time.Minute {
		layout = "15:04:05"
	}
	y, m, d := t.From.In(t.Zone).Date()
	hour := t.From.In(t.Zone).Hour()
	for i, last := 0, t.From; ; i++ {
		clock := time.Duration(hour)*time.Hour + time.Duration(i)*step
		if step > time.Hour {
			clock = time.Duration(hour).Truncate(step/time.Hour)*time.Hour + time.Duration(i)*step
		}
		when := time.Date(y, m, d, int(clock/time.Hour), 0, int(clock%time.Hour/time.Second), 0, t.Zone)
		if !when.Before(t.To) {
			return
		}
		if when.After(last) {
			t.Ticks = append(t.Ticks, tick{At: t.at(when), Label: when.Format(layout), Minor: clock/step%2 != 0})
			last = when
		}
	}
}
