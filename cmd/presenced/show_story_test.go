package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// TestWhyWasICheckedOut: the first lines answer it, in the time of the site.
func TestWhyWasICheckedOut(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	day := func(hour, minute int) control.Time {
		return control.Time{Time: time.Date(2026, 7, 9, hour, minute, 0, 0, london).UTC()}
	}
	const phone = "02:00:00:00:00:01"
	story := control.Story{
		User: "ann@example.com",
		Sessions: []control.Session{{
			User: "ann@example.com", Device: phone, Site: "london", SSID: "Corp", NAS: "wlc", State: presence.Ended,
			Started: day(9, 0), Seen: day(16, 58), Ended: day(17, 0), Cause: "User-Request",
		}},
		Visits: []control.Visit{{
			ID: "v1", User: "ann@example.com", Site: "london", Arrived: day(9, 0), Departed: day(17, 0), State: presence.Over, End: presence.Left, Why: "every device has been gone for linger",
			CheckIn:  control.Errand{Status: presence.Effected, At: day(9, 0), Bookings: []string{"b1"}},
			CheckOut: control.Errand{Status: presence.Effected, At: day(18, 0), Bookings: []string{"b1"}},
		}},
		Story: []presence.Entry{
			{At: day(9, 0).Time, Kind: presence.Concluded, Text: "arrived at london"},
			{At: day(17, 0).Time, Kind: presence.Concluded, Text: "left london: every device has been gone for linger"},
			{At: day(18, 0).Time, Kind: presence.Done, Text: "check-out of booking b1"},
		},
	}
	p := &program{stdout: terminal.Out{Writer: &bytes.Buffer{}}, zones: map[string]*time.Location{"london": london}}
	first := func(s control.Story) string {
		head, _, _ := strings.Cut(p.tell(s, day(18, 30).UTC(), false), "\n\n")
		return head
	}
	want := `ann@example.com is not here
why   left london 17:00 (1 h 30 min ago), because every device has been gone for linger
desk  checked in 09:00 (9 h 30 min ago): booking b1
      checked out 18:00 (30 min ago): booking b1
last  18:00 (30 min ago) done: check-out of booking b1
next  nothing, until a device is heard
times are those of Europe/London`
	if got := first(story); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	// Of a visit that an older version archived only the end is known.
	story.Visits[0].Why = ""
	if got, want := first(story), strings.Replace(want, "every device has been gone for linger", "every device was gone for long enough", 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	// A quarter of an hour before, it was not yet believed.
	story.People = []control.Person{{User: "ann@example.com", Site: "london", State: presence.Leaving, Since: day(9, 0), Deadline: day(18, 45), Why: "every device is gone, not yet for linger", Visit: "v1"}}
	story.Visits[0].State, story.Visits[0].CheckOut, story.Visits[0].Departed = presence.Leaving, control.Errand{Status: presence.Waiting}, control.Time{}
	story.Visits[0].End, story.Visits[0].Why = "", ""
	story.Story = story.Story[:1]
	story.Next = []control.Next{{At: day(18, 45), What: "leaving london will be believed, if no device comes back"}}
	want = `ann@example.com seems to have left london, not yet believed
why   the last device, 02:00:00:00:00:01, went 17:00 (1 h 30 min ago): User-Request; every device is gone, not yet for linger
desk  checked in 09:00 (9 h 30 min ago): booking b1
last  09:00 (9 h 30 min ago) concluded: arrived at london
next  18:45 (in 15 min) leaving london will be believed, if no device comes back
times are those of Europe/London`
	if got := first(story); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestStoryShowsWhatWasHeardBesideWhatItCountsAs: for every state of a session.
func TestStoryShowsWhatWasHeardBesideWhatItCountsAs(t *testing.T) {
	now := time.Date(2026, 7, 9, 12, 0, 0, 0, time.UTC)
	s := control.Story{
		User:   "ann@example.com",
		People: []control.Person{{Site: "london", State: presence.Leaving, Deadline: control.Time{Time: now.Add(20 * time.Minute)}}},
	}
	for state, want := range map[presence.SessionState]string{
		presence.Open:    "counts as here, at london",
		presence.Suspect: "held as here, at london: that is the network's doing, not the person's",
		presence.Expired: "counts as gone; when it went is not known, only max_session ended it",
		presence.Ended:   "counts as gone; that the person left is believed 12:20 (in 20 min)",
	} {
		row := control.Session{Device: "d\x1b[2J", Site: "london", State: state, Ended: control.Time{Time: now.Add(-40 * time.Minute)}}
		if got := countsAs(s, row, now); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
		s.Sessions = append(s.Sessions, row)
	}
	text := (&program{stdout: terminal.Out{Writer: &bytes.Buffer{}}}).tell(s, now, true)
	if strings.Contains(text, "\x1b") || !strings.Contains(text, `d\x1b[2J`) {
		t.Errorf("a device's name reaches the terminal as it is:\n%q", text)
	}
}

// TestLongStoryShowsTheLatest: and says where the rest is.
func TestLongStoryShowsTheLatest(t *testing.T) {
	now := time.Date(2026, 7, 9, 12, 0, 0, 0, time.UTC)
	s := control.Story{User: "ann@example.com"}
	for i := range 2 * shownEntries {
		s.Story = append(s.Story, presence.Entry{At: now.Add(time.Duration(i-2*shownEntries) * time.Hour), Kind: presence.Heard, Text: "something"})
	}
	p := &program{stdout: terminal.Out{Writer: &bytes.Buffer{}}}
	few, all := p.tell(s, now, false), p.tell(s, now, true)
	if n := strings.Count(few, "heard "); n != shownEntries || !strings.Contains(few, "… 40 earlier: presenced show --all ann@example.com") {
		t.Errorf("%d shown:\n%s", n, few)
	}
	if n := strings.Count(all, "heard "); n != 2*shownEntries || strings.Contains(all, "earlier") {
		t.Errorf("%d shown of all:\n%s", n, all)
	}
	for _, day := range []string{"today, Thu 9 Jul", "yesterday, Wed 8 Jul", "\nTue 7 Jul"} {
		if !strings.Contains(few, day) {
			t.Errorf("no heading %q:\n%s", day, few)
		}
	}
}
