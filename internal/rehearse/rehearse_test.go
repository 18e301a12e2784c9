package rehearse

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

func assumed() *configs.Config {
	return configs.Assumed("example.com", []string{"Corp"}, time.UTC)
}

func office(t *testing.T, records, people int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "detail")
	if err := writeOffice(name, records, people); err != nil {
		t.Fatal(err)
	}
	return name
}

func rehearsed(t *testing.T, plan Plan) *Report {
	t.Helper()
	if plan.Config == nil {
		plan.Config = assumed()
	}
	plan.Form.Zone = time.UTC
	report, err := Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestWhatIsKnownWhenItIsBrokenOff(t *testing.T) {
	name := office(t, 10_000, 60)
	ctx, cancel := context.WithCancel(t.Context())
	visits := 0
	report, err := Run(ctx, Plan{Names: []string{name}, Config: assumed(), Visit: func(Visit) { visits++; cancel() }})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Interrupted || report.Records == 0 || report.Records >= 10_000 || visits == 0 || len(report.Accounting) == 0 {
		t.Errorf("broken off: %v, %d records, %d visits", report.Interrupted, report.Records, visits)
	}
}

func TestAFileThatGrowsIsReadAsItWas(t *testing.T) {
	name := office(t, 50, 5)
	in, err := find([]string{name, office(t, 10, 5)}, radiusacct.Form{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(more, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		f, err := in.Next()
		if err != nil {
			break
		}
		f.packet.Octets = nil
		n++
	}
	if n != 60 || in.files[0].Packets != 50 {
		t.Errorf("%d packets, %d of the one that grew", n, in.files[0].Packets)
	}
}

// TestFilesAreReadInOrderOfTime: several that overlap, and one that begins when
// another has ended.
func TestFilesAreReadInOrderOfTime(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for file, minutes := range map[string][]int{"b": {0, 20, 40}, "a": {10, 30, 50}, "c": {60}} {
		var text strings.Builder
		for _, m := range minutes {
			fmt.Fprintf(&text, "%s\n\tUser-Name = \"ann\"\n\tAcct-Status-Type = Interim-Update\n\tAcct-Session-Time = %d\n\n", at.Add(time.Duration(m)*time.Minute).Format(time.ANSIC), 60*m)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, err := find([]string{dir}, radiusacct.Form{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	for want := 0; ; want += 10 {
		f, err := in.Next()
		if err != nil {
			if want != 70 {
				t.Errorf("it ended before minute %d: %v", want, err)
			}
			return
		}
		if is := int(f.packet.Heard.Sub(at).Minutes()); is != want {
			t.Errorf("minute %d, want %d", is, want)
		}
		f.packet.Octets = nil
	}
}

// sessions writes so many sessions of a NAS, an hour each, with interims or without.
func sessions(n int, nas, name string, interims, stops bool, skew time.Duration) string {
	var text strings.Builder
	for i := range n {
		began := time.Date(2026, 3, 2, 8, 0, i, 0, time.UTC)
		say := func(at time.Time, status, more string) {
			fmt.Fprintf(&text, "%s\n\tAcct-Status-Type = %s\n\tUser-Name = \"%s\"\n\tAcct-Session-Id = \"%s-%d\"\n\tCalling-Station-Id = \"02-00-00-00-%02X-%02X\"\n"+
				"\tCalled-Station-Id = \"02-00-5E-00-00-01:Corp\"\n\tNAS-Identifier = \"%s\"\n\tNAS-Port-Type = Wireless-802.11\n\tEvent-Timestamp = %d\n%s\n",
				at.Format(time.ANSIC), status, name, nas, i, len(nas), i, nas, at.Add(skew).Unix(), more)
		}
		say(began, "Start", "")
		for m := 10; interims && m < 60; m += 10 {
			say(began.Add(time.Duration(m)*time.Minute), "Interim-Update", "")
		}
		if stops {
			say(began.Add(time.Hour), "Stop", "\tAcct-Session-Time = 3600\n")
		}
		if i == n-1 { // a day later, so that what never ended has
			say(began.Add(30*time.Hour), "Start", "")
		}
	}
	return text.String()
}

// TestGrades: what is wrong with a NAS is seen, and the remedy told.
func TestGrades(t *testing.T) {
	dir := t.TempDir()
	for nas, c := range map[string]struct {
		text, remedy string
		grade        Grade
	}{
		"fine":      {sessions(20, "fine", "ann", true, true, 0), "", Good},
		"silent":    {sessions(20, "silent", "ann", false, true, 0), "interim updates every 10 minutes", Poor},
		"forgetful": {sessions(20, "forgetful", "ann", true, false, 0), "Stop in 1 is lost", Poor},
		"anonymous": {sessions(20, "anonymous", "anonymous", true, true, 0), "real name in the User-Name", Poor},
		"late":      {sessions(20, "late", "ann", true, true, -7*time.Minute), "NTP: its clock is 7m0s off", Fair},
		"elsewhere": {sessions(20, "elsewhere", "ann", true, true, -4*time.Hour), "--time-zone", Poor},
		"few":       {sessions(2, "few", "ann", true, true, 0), "", Scarce},
	} {
		name := filepath.Join(dir, nas)
		if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		report := rehearsed(t, Plan{Names: []string{name}})
		row := report.Accounting[0]
		if len(report.Accounting) != 1 || row.NAS != nas || row.Grade != c.grade || !strings.Contains(strings.Join(row.Remedies, "\n"), c.remedy) || c.remedy == "" && len(row.Remedies) > 0 {
			t.Errorf("%s: %s, %q; want %s, %q\n%+v", nas, row.Grade, row.Remedies, c.grade, c.remedy, row)
		}
	}
}

// TestNobodyFallsSilentBecauseTheFileEnds: who is there when the records end is there,
// and who was leaving has left.
func TestNobodyFallsSilentBecauseTheFileEnds(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var text strings.Builder
	say := func(minutes int, user, status string) {
		fmt.Fprintf(&text, "%s\n\tAcct-Status-Type = %s\n\tUser-Name = \"%s\"\n\tAcct-Session-Id = \"%s\"\n\tCalling-Station-Id = \"02-00-00-00-00-%02X\"\n\tCalled-Station-Id = \"02-00-5E-00-00-01:Corp\"\n\tNAS-Identifier = \"ap\"\n\n",
			at.Add(time.Duration(minutes)*time.Minute).Format(time.ANSIC), status, user, user, user[0])
	}
	for m := 0; m <= 60; m += 10 {
		status := map[bool]string{true: "Start", false: "Interim-Update"}[m == 0]
		say(m, "ann", status)
		if m < 50 {
			say(m, "bob", status)
		}
		if m == 50 {
			say(m, "bob", "Stop")
		}
	}
	name := filepath.Join(t.TempDir(), "detail")
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	is := map[string]Visit{}
	rehearsed(t, Plan{Names: []string{name}, Alone: 45 * time.Minute, Visit: func(v Visit) { is[v.User] = v }})
	if v := is["ann@example.com"]; v.State != string(presence.Present) || !v.Departed.IsZero() {
		t.Errorf("%+v", v)
	}
	if v := is["bob@example.com"]; v.State != string(presence.Over) || !v.Departed.Equal(at.Add(50*time.Minute)) || !v.Believed.Equal(at.Add(95*time.Minute)) {
		t.Errorf("%+v", v)
	}
}

// TestLingerIsThatAlone: neither lunch, a site's own too, nor dozes prolong what is asked
// for; without it what is configured holds.
func TestLingerIsThatAlone(t *testing.T) {
	cfg := assumed()
	lunch, long := presence.Span{From: 8 * time.Hour, To: 11 * time.Hour}, 90*time.Minute
	cfg.Mapping.Sites[0].Lunch, cfg.Mapping.Sites[0].LunchLinger = &lunch, &long
	name := filepath.Join(t.TempDir(), "detail")
	if err := os.WriteFile(name, []byte(sessions(1, "ap", "ann", true, true, 0)), 0o600); err != nil { // from eight to nine
		t.Fatal(err)
	}
	left := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for linger, want := range map[time.Duration]time.Duration{0: long, 45 * time.Minute: 45 * time.Minute} {
		var first Visit
		report := rehearsed(t, Plan{Names: []string{name}, Config: cfg, Alone: linger, Visit: func(v Visit) {
			if v.State == string(presence.Over) && first.User == "" {
				first = v
			}
		}})
		if !first.Departed.Equal(left) || !first.Believed.Equal(left.Add(want)) {
			t.Errorf("--linger %v: believed at %v, want %v later than %v", linger, first.Believed, want, left)
		}
		if at := time.Duration(report.Lingers[3].Wait); report.Lingers[3].Of != Duration(time.Hour) || at != time.Hour {
			t.Errorf("--linger %v: in the table an hour takes %v", linger, at)
		}
	}
	if rules := alone(presence.DefaultRules(), time.Hour); !rules.NoDozes {
		t.Error("dozes are not off")
	}
}

// TestThePageNeedsNothingElse: no script, and nothing from elsewhere; and a name that
// is markup is a name.
func TestThePageNeedsNothingElse(t *testing.T) {
	name := filepath.Join(t.TempDir(), "detail")
	text := sessions(60, "<b>ap</b>", "ann", true, true, 0) + sessions(20, "ap2", "<script>alert(1)</script>", true, true, 0)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	report := rehearsed(t, Plan{Names: []string{name}, Pictures: true})
	var page bytes.Buffer
	if err := report.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "http:", "https:", "src=", "@import", "url(", "<b>ap", "ZgotmplZ"} {
		if bytes.Contains(page.Bytes(), []byte(bad)) {
			t.Errorf("there is %q in it", bad)
		}
	}
	for _, good := range []string{"<svg", "&lt;b&gt;ap", "Which linger", "Your network&#39;s accounting"} {
		if !bytes.Contains(page.Bytes(), []byte(good)) && !bytes.Contains(page.Bytes(), []byte(strings.ReplaceAll(good, "&#39;", "'"))) {
			t.Errorf("there is no %q in it", good)
		}
	}
}

// TestNamesAreLeftOut: a report for the works council holds no name and no device.
func TestNamesAreLeftOut(t *testing.T) {
	report := rehearsed(t, Plan{Names: []string{office(t, 3000, 50)}, Pictures: true, Anonymous: true})
	var page bytes.Buffer
	if err := report.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page.Bytes(), []byte("user0")) || bytes.Contains(page.Bytes(), []byte("02-00")) || !bytes.Contains(page.Bytes(), []byte("person 1")) {
		t.Error("the page names somebody, or nobody has a number")
	}
}

// TestSessionsThatNeverEndAreForgotten: memory does not grow with records.
func TestSessionsThatNeverEndAreForgotten(t *testing.T) {
	q := quality{}
	q.init(assumed())
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range 5000 { // sessions that never end
		r := presence.Record{Status: presence.Start, Session: fmt.Sprint(i), Device: fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&255), Heard: at.Add(time.Duration(i) * time.Minute)}
		r.At = r.Heard
		q.hear(&r, false)
	}
	if bound := int(q.cfg.Rules.MaxSession/time.Minute) + int(sweepEvery/time.Minute) + 1; len(q.sessions) > bound || len(q.latest) > bound {
		t.Errorf("%d sessions and %d devices are remembered, want at most %d", len(q.sessions), len(q.latest), bound)
	}
}
