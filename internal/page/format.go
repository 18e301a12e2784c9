package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

var functions = template.FuncMap{
	"plain": plain, "sentence": sentence, "grade": grade, "look": lookAt, "span": control.Span, "perMinute": perMinute, "count": count, "at": at, "exact": exact, "ago": ago, "thousands": thousands,
	"bytes": bytesOf, "booking": booking, "up": func(since control.Time, now time.Time) string { return control.Span(now.Sub(since.Time)) },
	"interim": func(d control.Duration) string { return control.Span(time.Duration(d)) }, "skew": skew, "zone": zone,
	"words":   func(s presence.ErrandStatus) string { return strings.ReplaceAll(string(s), "_", " ") },
	"event":   func(k presence.EventKind) struct{ Text, Grade string } { return eventWords[k] },
	"checked": func(s presence.ErrandStatus) choice { return checkIns[s] },
	"fate":    func(f presence.Fate) string { return fateTexts[f] },
	"sharer":  sharerIs,
	"member":  memberIs,
	"add":     func(a, b uint64) uint64 { return a + b },
	"day":     func(t time.Time) string { return t.Format("Monday 2 January 2006") },
	"on":      func(t time.Time) string { return t.Format("Monday 2 January, 15:04 MST") },
}

// checkIns says how far a check-in is, and how that looks.
var checkIns = map[presence.ErrandStatus]choice{
	presence.Waiting: {Text: "waiting"}, presence.Pending: {Is: "pending", Text: "pending"}, presence.Effected: {Is: "check-in", Text: "checked in"},
	presence.Refused: {Is: "refused", Text: "refused"}, presence.Skipped: {Text: "skipped"}, presence.DryRunned: {Is: "check-in", Text: "dry run: would be checked in"},
}

// plain returns s as it may be shown: whatever has no shape of its own, and
// what would turn the line around, is spelled out, and it ends somewhere.
func plain(s string) string {
	const longest = 300
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		quoted := strconv.QuoteToGraphic(s)
		s = quoted[1 : len(quoted)-1]
	}
	if len(s) > longest {
		n := 0
		for i := range s {
			if n++; n > longest {
				return s[:i] + "…"
			}
		}
	}
	return s
}

// moment is a time as it is shown.
type moment struct{ RFC, Text, Full string }

// at shows a time in a time zone: by the clock, and with its day if that is
// another one than now's.
func at(t any, zone *time.Location, now time.Time) moment { return show(t, zone, now, "15:04") }

// exact is at, to the second.
func exact(t any, zone *time.Location, now time.Time) moment { return show(t, zone, now, "15:04:05") }

func show(t any, zone *time.Location, now time.Time, layout string) moment {
	when, ok := t.(time.Time)
	if !ok {
		when = t.(control.Time).Time
	}
	if when.IsZero() {
		return moment{}
	}
	if zone == nil {
		zone = time.UTC
	}
	when = when.In(zone)
	if when.Format(time.DateOnly) != now.In(zone).Format(time.DateOnly) {
		layout = "2 Jan " + layout
	}
	return moment{when.UTC().Format(time.RFC3339), when.Format(layout), when.Format("Monday 2 January 2006, 15:04:05 MST")}
}

// ago says how long ago t was.
func ago(t any, now time.Time) moment {
	m := at(t, time.Local, now)
	if m.RFC != "" {
		when, _ := time.Parse(time.RFC3339, m.RFC)
		if m.Text = control.Span(now.Sub(when)) + " ago"; now.Sub(when) < time.Second {
			m.Text = "now"
		}
	}
	return m
}

// zone names a time zone.
func zone(z *time.Location) string {
	if z == time.Local {
		return "this host's time"
	}
	return z.String()
}

// sentence makes a sentence of what begins small, as presenced itself always does.
func sentence(text string) string {
	if !strings.HasPrefix(text, "presenced") {
		first, size := utf8.DecodeRuneInString(text)
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	return text + "."
}

// grade is how bad the page shows a trouble to be.
func grade(t control.Trouble) string {
	if t.Grade == control.Early || t.Grade == control.Odd {
		return "odd"
	}
	return "bad"
}

// lookAt is the page that has more of a trouble, "" for none.
func lookAt(t control.Trouble) string {
	return map[string]string{"client": "/network", "cluster": "/network", "desk": "/calls"}[t.About]
}

// perMinute writes a rate.
func perMinute(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 0.05:
		return "< 0.1"
	case r < 10:
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return thousands(int(math.Round(r)))
}

// count writes how many there are of something.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// skew writes how far a clock is off. Years are no skew: the clock was never
// set.
func skew(of control.Duration) string {
	const year = 365 * 24 * time.Hour
	switch d := time.Duration(of); {
	case d.Abs() > year:
		return "not set"
	case d.Abs() < time.Second:
		return "right"
	case d < 0:
		return control.Span(-d) + " behind"
	default:
		return control.Span(d) + " ahead"
	}
}

// thousands writes a whole number that is not negative.
func thousands(n any) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:] // a narrow space that does not break
	}
	return s
}

func bytesOf(n int64) string {
	switch {
	case n < 1<<20:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	case n < 10<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
	}
	return thousands(int(n>>20)) + " MiB"
}

// booking shortens the id of a booking to what tells it from others: ids are
// ULIDs, whose beginning is a time.
func booking(id string) string {
	id = plain(id)
	if n := len(id); n > 12 && strings.Trim(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == "" {
		return "…" + id[n-8:]
	}
	return id
}
