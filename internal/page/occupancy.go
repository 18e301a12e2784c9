package page

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// occupancyBody is how many are at each site, without names.
type occupancyBody struct{ Sites []siteOccupancy }

// siteOccupancy is a site's day over the days of the weeks before it.
type siteOccupancy struct {
	Name    string
	Clock   *time.Location
	Counted bool   // something was, in all the weeks
	Present string // now
	Peak    string // today's
	PeakAt  time.Time
	Usual   string // the highest of the same weekdays before; "" if there is none
	Most    int    // the top of the picture
	Curve   []string
	Band    []string
	Ticks   []tick
	Now     percent
	Bands   []band
	Heat    []heatRow
	begin   time.Time // of the day
	end     time.Time
}

// heatRow is a weekday of the last weeks, hour by hour.
type heatRow struct {
	Day   string
	Hours [24]heat
	Says  string
}

// heat is an hour: how many were there on average.
type heat struct {
	At    percent
	Grade int // 0 to 9, of the highest
	Title string
}

const (
	sameDays   = 8   // weekdays before today that the curve stands over
	curveWide  = 288 // units of the picture
	curveHigh  = 100
	heatGrades = 9
)

// occupancy shows how many are at each site.
func (p *Page) occupancy(r *http.Request, _ *snapshot) (string, any, error) {
	body, err := p.curves.get(r.Context(), "", p.everySite)
	return "Occupancy", body, err
}

func (p *Page) everySite(ctx context.Context) (body occupancyBody, err error) {
	now := time.Now()
	for _, site := range control.Sorted(p.Listings.Rules().Sites) {
		s := siteOccupancy{Name: site.Name, Clock: site.Zone}
		if s.Clock == nil {
			s.Clock = time.UTC
		}
		y, m, d := now.In(s.Clock).Date()
		s.begin, s.end = time.Date(y, m, d, 0, 0, 0, 0, s.Clock), time.Date(y, m, d+1, 0, 0, 0, 0, s.Clock)
		slots, err := p.Listings.Slots(ctx, site.Name, time.Date(y, m, d-7*sameDays, 0, 0, 0, 0, s.Clock))
		if err != nil {
			return body, err
		}
		bands, err := p.bands(ctx, s.begin, s.end, now, s.Clock)
		if err != nil {
			return body, err
		}
		s.Bands = placeBands(bands, s.begin, s.end)
		for i := range s.Bands { // how many were held by an outage could be somebody
			b := &s.Bands[i]
			b.Title = at(b.from, s.Clock, s.begin).Text + "–" + at(b.to, s.Clock, s.begin).Text + " " + eventWords[b.kind].Text
		}
		s.draw(slots, now)
		body.Sites = append(body.Sites, s)
	}
	return body, nil
}

// shownOf is a number as far as it is shown: one that could be somebody is none.
func shownOf(n int) int {
	if n < control.Few {
		return 0
	}
	return n
}

func few(n int) string {
	if n < control.Few {
		return "<" + strconv.Itoa(control.Few)
	}
	return thousands(n)
}

// draw works out the pictures.
func (s *siteOccupancy) draw(slots []presence.Slot, now time.Time) {
	var today, low, high [curveWide]int
	var seen [curveWide]int // on how many of the same weekdays
	var known [curveWide]bool
	peak, usual, last := 0, 0, 0
	for _, slot := range slots {
		local := slot.Begin.In(s.Clock)
		i, n := (local.Hour()*60+local.Minute())/5, shownOf(slot.Present)
		switch {
		case !slot.Known:
			continue
		case !slot.Begin.Before(s.begin):
			known[i], today[i], last = true, n, slot.Present
			if n > peak {
				peak, s.PeakAt = n, slot.Begin
			}
		case local.Weekday() == s.begin.Weekday():
			if low[i], high[i] = min(low[i], n), max(high[i], n); seen[i] == 0 {
				low[i] = n
			}
			seen[i]++
			usual = max(usual, n)
		}
		s.Counted = true
	}
	s.Present, s.Peak, s.Most = few(last), few(peak), max(peak, usual, 2*control.Few)*21/20
	if usual > 0 {
		s.Usual = few(usual)
	}
	s.Curve = s.lines(func(i int) (string, bool) { return s.point(i, today[i]), known[i] })
	for _, line := range s.stretches(func(i int) bool { return seen[i] > 1 }) {
		var there, back []string
		for i := line[0]; i < line[1]; i++ {
			there, back = append(there, s.point(i, high[i])), append([]string{s.point(i, low[i])}, back...)
		}
		s.Band = append(s.Band, strings.Join(append(there, back...), " "))
	}
	for hour := 3; hour < 24; hour += 3 {
		s.Ticks = append(s.Ticks, tick{At: percent(100 * float64(hour) / 24), Label: fmt.Sprintf("%02d:00", hour), Minor: hour%6 != 0})
	}
	s.Now = percent(100 * now.Sub(s.begin).Seconds() / s.end.Sub(s.begin).Seconds())
	s.heat(slots)
}

func (s *siteOccupancy) point(i, n int) string {
	return fmt.Sprintf("%d,%.1f", i, curveHigh-float64(n)*curveHigh/float64(s.Most))
}

// stretches returns from where to where is holds.
func (s *siteOccupancy) stretches(is func(int) bool) (all [][2]int) {
	for i := range curveWide {
		switch {
		case !is(i):
		case i > 0 && is(i-1):
			all[len(all)-1][1] = i + 1
		default:
			all = append(all, [2]int{i, i + 1})
		}
	}
	return all
}

// lines returns the lines through the points, with a gap where there is none.
func (s *siteOccupancy) lines(point func(int) (string, bool)) (all []string) {
	for _, line := range s.stretches(func(i int) bool { _, is := point(i); return is }) {
		var points []string
		for i := line[0]; i < line[1]; i++ {
			text, _ := point(i)
			points = append(points, text)
		}
		all = append(all, strings.Join(points, " "))
	}
	return all
}

// heat works out how many were there on average, by weekday and hour.
func (s *siteOccupancy) heat(slots []presence.Slot) {
	var sum, n [7][24]int
	most := 1
	for _, slot := range slots {
		if local := slot.Begin.In(s.Clock); slot.Known {
			sum[local.Weekday()][local.Hour()] += slot.Present
			n[local.Weekday()][local.Hour()]++
		}
	}
	mean := func(day, hour int) int { return shownOf(sum[day][hour] / max(n[day][hour], 1)) }
	for day := range 7 {
		for hour := range 24 {
			most = max(most, mean(day, hour))
		}
	}
	for _, day := range []int{1, 2, 3, 4, 5, 6, 0} {
		row := heatRow{Day: time.Weekday(day).String()[:3]}
		best := 0
		for hour := range 24 {
			is := mean(day, hour)
			row.Hours[hour] = heat{At: percent(100 * float64(hour) / 24), Grade: (is*heatGrades + most/2) / most, Title: fmt.Sprintf("%s %02d:00: %s", row.Day, hour, few(is))}
			if is > mean(day, best) {
				best = hour
			}
		}
		row.Says = fmt.Sprintf("%s: %s at the most, at %02d:00", row.Day, few(mean(day, best)), best)
		s.Heat = append(s.Heat, row)
	}
}
