package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// TestNothingOfAVisitIsTwiceNews, and what a look has missed is made up for.
func TestNothingOfAVisitIsTwiceNews(t *testing.T) {
	now := time.Now()
	visit := func(state presence.VisitState, in, out control.Errand) control.Visit {
		return control.Visit{ID: "v", User: "ann@example.com", Site: "london", State: state, CheckIn: in, CheckOut: out}
	}
	waiting, done := control.Errand{Status: presence.Waiting}, control.Errand{Status: presence.Effected, Bookings: []string{"b"}}
	failing := control.Errand{Status: presence.Pending, Reason: "503", Attempts: 1}
	refused := control.Errand{Status: presence.Refused, Reason: "not allowed"}
	skipped := control.Errand{Status: presence.Skipped, Reason: "nothing was checked in by us"}
	again := failing
	again.Attempts++
	for _, c := range []struct {
		old, v control.Visit
		want   string
	}{
		{control.Visit{}, visit(presence.Arriving, waiting, waiting), "arriving"},
		{control.Visit{}, visit(presence.Present, waiting, waiting), "arrived"},
		{control.Visit{}, visit(presence.Leaving, done, waiting), "arrived leaving check-in"},
		{control.Visit{}, visit(presence.Over, done, done), "left check-in check-out"},
		{visit(presence.Arriving, waiting, waiting), visit(presence.Present, control.Errand{Status: presence.Pending}, waiting), "arrived"},
		{visit(presence.Present, waiting, waiting), visit(presence.Present, failing, waiting), "check-in"},
		{visit(presence.Present, failing, waiting), visit(presence.Present, again, waiting), ""},
		{visit(presence.Present, failing, waiting), visit(presence.Present, refused, waiting), "check-in"},
		{visit(presence.Present, done, waiting), visit(presence.Present, done, waiting), ""},
		{visit(presence.Present, done, waiting), visit(presence.Leaving, done, waiting), "leaving"},
		{visit(presence.Leaving, done, waiting), visit(presence.Present, done, waiting), "back"},
		{visit(presence.Leaving, done, waiting), visit(presence.Over, done, control.Errand{Status: presence.Pending}), "left"},
		{visit(presence.Over, waiting, waiting), visit(presence.Over, skipped, skipped), "check-in check-out"},
	} {
		var got []string
		for _, change := range visitChanges(c.old, c.v, now) {
			got = append(got, change.What)
			if change.User != "ann@example.com" || change.Site != "london" || change.Visit != "v" || change.Text == "" {
				t.Errorf("%+v", change)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("from %s to %s: %v, want %s", c.old.State, c.v.State, got, c.want)
		}
	}
}

func TestTroubleOfTheDaemonIsNews(t *testing.T) {
	began := control.Time{Time: time.Now()}
	calm := func(change func(*control.Status)) control.Status {
		s := control.Status{Ready: true, Started: began, Clients: []control.Client{{Name: "wlc", LastHeard: began, Requests: 5}}}
		change(&s)
		return s
	}
	nothing := func(*control.Status) {}
	amiss := func(t control.Trouble) func(*control.Status) {
		return func(s *control.Status) { s.Troubles = []control.Trouble{t} }
	}
	fails := control.Trouble{Kind: control.NotRecording, About: "daemon", What: "recording fails", Cause: "no space"}
	away := control.Trouble{Kind: control.NoAnswer, About: "desk", What: "kadence does not answer", Cause: "503"}
	silent := control.Trouble{Kind: control.Silent, About: "client", Of: "wlc", What: "client wlc is silent", Since: began}
	longer := silent
	longer.Since.Time = longer.Since.Add(-time.Hour)
	otherwise := away
	otherwise.Cause = "504"
	for _, c := range []struct {
		old, s control.Status
		want   string
	}{
		{calm(nothing), calm(nothing), ""},
		{calm(nothing), calm(func(s *control.Status) { s.Clients[0].Requests += 100 }), ""}, // traffic is no news
		{calm(nothing), calm(amiss(fails)), "daemon recording fails: no space"},
		{calm(amiss(fails)), calm(nothing), "daemon no longer: recording fails"},
		{calm(nothing), calm(amiss(away)), "desk kadence does not answer: 503"},
		{calm(amiss(away)), calm(amiss(otherwise)), "desk kadence does not answer: 504"},
		{calm(amiss(away)), calm(nothing), "desk no longer: kadence does not answer"},
		{calm(amiss(silent)), calm(amiss(longer)), ""}, // how long it lasts is no news
		{calm(nothing), calm(func(s *control.Status) { s.Clients[0].BadSecrets = 1 }), "client wlc: a request with a wrong secret"},
		{calm(nothing), calm(func(s *control.Status) { s.Clients[0].Malformed = 3 }), "client wlc: 3 malformed requests"},
		{calm(nothing), calm(func(s *control.Status) { s.Unknown = 2 }), "client 2 datagrams from unknown sources"},
		{calm(nothing), calm(func(s *control.Status) { s.Drops = 1 }), "daemon the kernel dropped a datagram"},
		{calm(nothing), calm(func(s *control.Status) { s.Nobody = 1 }), "unmatched one more that led nowhere"},
		{calm(func(s *control.Status) { s.Clients[0].LastHeard = control.Time{} }), calm(nothing), "client wlc is heard for the first time"},
		{calm(nothing), calm(func(s *control.Status) { s.Reloaded = began }), "daemon has read its configuration again"},
		{ // a restart has the counters begin anew
			calm(func(s *control.Status) { s.Unknown, s.Started = 9, control.Time{} }), calm(func(s *control.Status) { s.Unknown = 1 }),
			"daemon was started anew, client wlc is heard, client a datagram",
		},
	} {
		var got []string
		for _, change := range statusChanges(c.old, c.s, time.Now()) {
			got = append(got, change.What+" "+change.Text)
		}
		text, wants := strings.Join(got, ", "), strings.Split(c.want, ", ")
		if c.want == "" && len(got) > 0 || c.want != "" && len(got) != len(wants) {
			t.Errorf("%q, want %q", text, c.want)
		}
		for i := range min(len(got), len(wants)) {
			if !strings.HasPrefix(got[i], wants[i]) {
				t.Errorf("%q, want %q", got[i], wants[i])
			}
		}
	}
}

// TestScreenHoldsWhatMatters on whatever is left of a terminal, and nothing
// of a device's name moves the cursor.
func TestScreenHoldsWhatMatters(t *testing.T) {
	now := time.Now()
	s := sight{passed: 2 * time.Second, visits: map[string]control.Visit{}}
	s.status.Ready, s.status.Desk.Mode = true, "live"
	for i := range 50 {
		name := fmt.Sprintf("wlc-%d", i)
		s.before.Clients = append(s.before.Clients, control.Client{Name: name, Requests: 100})
		s.status.Clients = append(s.status.Clients, control.Client{Name: name, Requests: uint64(100 + i)})
		s.status.Desk.Calls = append(s.status.Desk.Calls, control.Call{Route: fmt.Sprintf("GET /%d", i), Result: "200", Count: i})
		s.visits[name] = control.Visit{
			ID: name, User: "e\x1b[2J@example.com", State: presence.Present,
			CheckIn: control.Errand{Status: presence.Pending, Reason: "503", Next: control.Time{Time: now.Add(time.Duration(i) * time.Minute)}},
		}
	}
	s.visits["wlc-0"] = control.Visit{ID: "wlc-0", User: "gone@example.com", State: presence.Leaving, CheckIn: s.visits["wlc-0"].CheckIn}
	news := []change{{At: control.Time{Time: now}, What: "arrived", User: "first@example.com", Text: "is at london"}, {What: "arrived", User: "last\x1b[2J@example.com"}}
	p := &program{stdout: terminal.Out{Writer: &bytes.Buffer{}}}
	for _, height := range []int{1, 5, 10, 24, 100} {
		lines := p.screen(s, news, 80, height, now)
		text := strings.Join(lines, "\n")
		if len(lines) > height || strings.Contains(text, "\x1b") {
			t.Errorf("%d lines of %d: %q", len(lines), height, text)
		}
		if height < 24 {
			continue
		}
		for _, want := range []string{"presenced  50 here (1 leaving), 0 sessions", "wlc-49  24.5", "GET /49  200", "PENDING", "check-in ", "… and ", "NEWS"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q on %d lines:\n%s", want, height, text)
			}
		}
		if i, j := strings.Index(text, "last"), strings.Index(text, "first@"); i < 0 || j >= 0 && j < i {
			t.Errorf("the latest is not on top:\n%s", text)
		}
	}
	for _, why := range []string{"503", "504", "505", "506"} {
		s.status.Troubles = append(s.status.Troubles, control.Trouble{Kind: control.NoAnswer, Of: why, What: "kadence does not answer", Cause: why})
	}
	if text := strings.Join(p.screen(s, nil, 80, 24, now), "\n"); !strings.Contains(text, "kadence does not answer: 503") ||
		strings.Contains(text, "505") || !strings.Contains(text, "… and 2 more: presenced status") {
		t.Errorf("an outage is not shown:\n%s", text)
	}
}
