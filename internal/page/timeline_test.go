package page

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// drawn returns the picture of the user's day as the page draws it.
func (o *office) drawn(user string, from time.Time) timeline {
	o.t.Helper()
	d := day{from: from, to: from.AddDate(0, 0, 1), now: o.now, zone: o.zone, rules: o.rules}
	p := o.page()
	if err := p.fill(o.t.Context(), user, &d); err != nil {
		o.t.Fatal(err)
	}
	return d.draw()
}

// words writes a track as "kind from-to kind from-to …".
func words(t timeline, i int) string {
	var all []string
	for _, s := range t.Tracks[i].Spans {
		all = append(all, fmt.Sprintf("%s %s-%s", s.Kind, s.from.In(t.Zone).Format("15:04"), s.to.In(t.Zone).Format("15:04")))
	}
	for _, m := range t.Tracks[i].Marks {
		all = append(all, fmt.Sprintf("%s %s", m.Kind, m.when.In(t.Zone).Format("15:04")))
	}
	return t.Tracks[i].Label + ": " + strings.Join(all, ", ")
}

// TestPictureExplainsDebouncing: sessions come and go below, and the visit
// above them goes on over every gap shorter than linger.
func TestPictureExplainsDebouncing(t *testing.T) {
	o := newOffice(t)
	o.fill()
	clock := func(when time.Time) string { return when.In(o.zone).Format("15:04") }
	now, expired := clock(o.now), o.clock("13:20").AddDate(0, 0, -1).Add(o.rules.MaxSession)
	for _, tt := range []struct {
		user string
		from time.Time
		want []string
	}{
		{"ann@example.com", o.clock("04:00"), []string{
			"Bookings: booking 09:00-18:00",
			"Calls: check-in 08:52",
			"Visits to london: present 08:52-12:09, linger 12:09-12:47, present 12:47-" + now,
			phone + ": session 08:52-12:09, unheard 12:47-" + now + ", heard 08:52, heard 12:09, heard 12:47",
			laptop + ": session 09:05-10:34, session 10:58-12:01, session 12:55-",
		}},
		{"bob@example.com", o.clock("04:00"), []string{
			"Bookings: booking 08:30-17:00",
			"Calls: check-in 08:31, check-out 11:40, refused 12:50",
			"Visits to london: present 08:31-10:40, believed 10:40-11:40, present 12:50-" + now,
			"02:00:5e:10:00:11: session 08:31-10:40, session 12:50-",
		}},
		{"cleo@example.com", o.clock("04:00"), []string{
			"Calls: pending " + clock(o.now.Add(4*time.Minute)),
			"Visits to london: present 09:30-" + clock(o.now.Add(-20*time.Minute)) + ", linger " + clock(o.now.Add(-20*time.Minute)) + "-" + now + ", ahead " + now + "-" + clock(o.now.Add(40*time.Minute)),
			"02:00:5e:10:00:21: session 09:30-",
		}},
		{"dan@example.com", o.clock("04:00"), []string{
			"Bookings: booking 09:00-17:30",
			"Calls: check-in-dry 08:40",
			"Visits to london: present 08:40-" + now,
			"02:00:5e:10:00:31: session 08:40-" + clock(o.now.Add(-15*time.Minute)) + ", suspect " + clock(o.now.Add(-15*time.Minute)) + "-" + now,
		}},
		{"eve@example.com", o.clock("04:00").AddDate(0, 0, -1), []string{
			"Visits to leeds: unknown 13:20-" + clock(expired),
			"02:00:5e:10:00:41: session 13:20-13:20, expired 13:20-" + clock(expired) + ", heard 13:20",
		}},
	} {
		got := o.drawn(tt.user, tt.from)
		if len(got.Tracks) != len(tt.want) {
			t.Errorf("%s has %d tracks: %+v", tt.user, len(got.Tracks), got.Tracks)
			continue
		}
		for i, want := range tt.want {
			if text := words(got, i); !strings.HasPrefix(text, want) {
				t.Errorf("%s:\n got %s\nwant %s", tt.user, text, want)
			}
		}
		for _, track := range got.Tracks {
			if !strings.HasPrefix(track.Says(), track.Label+": ") || strings.Contains(track.Says(), "; ;") {
				t.Errorf("in words: %s", track.Says())
			}
			for _, s := range track.Spans {
				place := func(when time.Time) float64 {
					return 100 * float64(when.Sub(got.From)) / float64(got.To.Sub(got.From))
				}
				if from, to := place(s.from), math.Min(100, place(s.to)); math.Abs(float64(s.At)-from) > 0.01 || math.Abs(float64(s.At+s.Wide)-to) > 0.01 {
					t.Errorf("%s is drawn from %s, %s wide, and not from %.3f to %.3f", s.Title, s.At, s.Wide, from, to)
				}
			}
		}
	}
}

// TestHoursAreTheSitesClocks on the days on which those change, too.
func TestHoursAreTheSitesClocks(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		date string
		want string
	}{
		{"2026-03-28", "00:00 00:30 02:00 02:30 03:00"}, // 01:00 is 02:00
		{"2026-10-24", "00:00 00:30 01:00 01:30 02:00"},
		{"2026-07-01", "00:00 00:30 01:00 01:30 02:00"},
	} {
		from, err := time.ParseInLocation(time.DateOnly, tt.date, london)
		if err != nil {
			t.Fatal(err)
		}
		from = from.Add(4 * hour)
		d := day{
			from: from, to: presence.Site{Zone: london}.NextDay(from, 4*hour), now: from.AddDate(0, 1, 0), zone: london, rules: presence.DefaultRules(),
			sessions: []presence.Session{{Device: phone, State: presence.Ended, Began: from.Add(20*hour - 10*time.Minute), Ended: from.Add(26 * hour)}},
		}
		got := d.draw()
		var labels []string
		for i, tick := range got.Ticks {
			labels = append(labels, tick.Label)
			if i > 0 && tick.At <= got.Ticks[i-1].At {
				t.Errorf("%s: %s is left of the hour before", tt.date, tick.Label)
			}
		}
		if text := strings.Join(labels, " "); !strings.Contains(text, tt.want) {
			t.Errorf("%s: the hours are %s", tt.date, text)
		}
	}
}

// TestPictureIsAsFineAsLinger: a rehearsal with a linger of seconds is looked
// at by the second, though the booking lasts all day.
func TestPictureIsAsFineAsLinger(t *testing.T) {
	from := time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	nine := from.Add(5 * hour)
	d := day{
		from: from, to: from.AddDate(0, 0, 1), now: nine.Add(40 * time.Second), zone: time.UTC, rules: presence.Rules{Linger: 6 * time.Second},
		sessions: []presence.Session{
			{Device: phone, Site: "house", State: presence.Ended, Began: nine, Ended: nine.Add(10 * time.Second)},
			{Device: phone, Site: "house", State: presence.Open, Began: nine.Add(14 * time.Second), Seen: nine.Add(14 * time.Second)},
		},
		visits: []presence.Visit{{
			Site: "house", Arrived: nine, State: presence.Present, Claims: []presence.Claim{{Booking: "B1", Begin: nine, End: nine.Add(9 * hour), In: nine.Add(time.Second)}},
		}},
	}
	got := d.draw()
	if got.To.Sub(got.From) > 2*time.Minute {
		t.Errorf("it shows %s to %s", got.From, got.To)
	}
	for i, want := range []string{
		"Bookings: booking 09:00-18:00", "Calls: check-in 09:00", "Visits to house: present 09:00-09:00, linger 09:00-09:00, present 09:00-09:00", phone + ": session",
	} {
		if text := words(got, i); !strings.HasPrefix(text, want) {
			t.Errorf("got %s, want %s", text, want)
		}
	}
	if gap := got.Tracks[2].Spans[1]; gap.Wide < 3 {
		t.Errorf("the gap is %s wide", gap.Wide)
	}
	if n := len(got.Ticks); n < 4 || n > 13 || got.Ticks[0].Label != "09:00:00" {
		t.Errorf("the times are %+v", got.Ticks)
	}
}

// TestMarksAreNotPrintedOnOneAnother, on the narrowest screen: those of one minute stand
// beside one another, in their order.
func TestMarksAreNotPrintedOnOneAnother(t *testing.T) {
	day := func(kinds ...string) (marks []mark) {
		for i, kind := range kinds {
			marks = append(marks, mark{Kind: kind, At: percent(50 + float64(i)/1000), when: time.Unix(int64(i), 0)})
		}
		return marks
	}
	for _, marks := range [][]mark{
		day("check-in", "check-in", "refused", "pending"), day("heard", "heard", "heard"), day("check-in"), nil,
		{{Kind: "check-in", At: 10, when: time.Unix(1, 0)}, {Kind: "check-out", At: 60, when: time.Unix(2, 0)}},
		{{Kind: "check-out", At: 12, when: time.Unix(2, 0)}, {Kind: "check-in", At: 10, when: time.Unix(1, 0)}},
	} {
		setAside(marks)
		for _, wide := range []float64{narrowest, 900} {
			for i := 1; i < len(marks); i++ {
				left := func(m mark) float64 { return float64(m.At)/100*wide + float64(m.Aside) }
				if apart, room := left(marks[i])-left(marks[i-1]), float64(marks[i].wide()+marks[i-1].wide())/2; apart < room-1 {
					t.Errorf("%+v are %.1f pixels apart on %.0f", marks[i-1:i+1], apart, wide)
				}
			}
		}
		if n := len(marks); n == 2 && marks[0].At == 10 && marks[1].At == 60 && marks[1].Aside != 0 {
			t.Errorf("%+v are set aside without need", marks)
		}
	}
}
