package presence

import (
	"fmt"
	"testing"
	"time"
)

func TestADeviceIsAliveAtOneNAS(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	now := time.Now()
	hear := func(nas NASName, status Status) {
		now = now.Add(time.Minute)
		tr.hear(&Sighting{NAS: nas, Status: status, Device: laptop, Heard: now, At: now}, true)
	}
	hear("hq/a", Start)
	hear("hq/b", Start)
	tr.recallStation(&Session{NAS: "hq/a", Device: laptop, Seen: now.Add(-time.Hour), Began: now.Add(-2 * time.Hour)})
	if len(tr.nases["hq/a"].live) != 0 || len(tr.nases["hq/b"].live) != 1 {
		t.Errorf("alive at a: %v, at b: %v", tr.nases["hq/a"].live, tr.nases["hq/b"].live)
	}
	hear("hq/a", Stop) // of the access point that was left
	if at := tr.at[laptop]; len(at) != 1 || at[0] != tr.nases["hq/b"] {
		t.Error("a late Stop ended it where it is")
	}
	tr.dropNASes(t.Context(), time.Now())
	hear("hq/b", Stop)
	if len(tr.at) != 0 || len(tr.nases["hq/b"].live) != 0 {
		t.Errorf("%d devices are alive", len(tr.at))
	}
}

// A foreign and an anchor controller tell of each station in a session of their own, and
// each of them is heard to fall silent. Whoever roams to another controller leaves the
// foreign one, and is with the anchor as before.
func TestAStationIsAliveAtEachNASThatTellsOfIt(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	start := time.Now()
	hear := func(nas NASName, status Status, device string, after time.Duration) {
		at := start.Add(after)
		tr.hear(&Sighting{NAS: nas, Session: string(nas) + device, Status: status, Device: device, Heard: at, At: at}, true)
	}
	controllers := []NASName{"hq/foreign", "hq/anchor"}
	both := func(status Status, after time.Duration) {
		for i := range 2 * massAtOnce {
			for j, nas := range controllers {
				hear(nas, status, fmt.Sprint(i), after+time.Duration(j)*150*time.Millisecond)
			}
		}
	}
	both(Start, 0)
	for i := range 5 {
		both(Interim, time.Duration(i+1)*10*time.Minute)
	}
	for _, nas := range controllers {
		tr.habit(tr.nases[nas], start.Add(time.Hour))
		if is := tr.nas(nas); is.Others != 2*massAtOnce-1 || is.Interval != 10*time.Minute || !is.silent(start.Add(75*time.Minute)) {
			t.Errorf("%s: %d others, interval %s, silent at the end: %v", nas, is.Others, is.Interval, is.silent(start.Add(75*time.Minute)))
		}
	}
	if got := tr.sources["hq"].live; got != 2*massAtOnce {
		t.Errorf("%d are alive at the site, want %d", got, 2*massAtOnce)
	}
	hear("hq/other", Start, "0", time.Hour)
	hear("hq/anchor", Interim, "0", time.Hour+time.Second)
	for nas, want := range map[NASName]int{"hq/foreign": 2*massAtOnce - 1, "hq/anchor": 2 * massAtOnce, "hq/other": 1} {
		if got := len(tr.nases[nas].live); got != want {
			t.Errorf("after a roam %d are alive at %s, want %d", got, nas, want)
		}
	}
	both(Stop, 2*time.Hour)
	if got := tr.sources["hq"].live; got != 1 {
		t.Errorf("%d are alive at the site at the end, want the one that is at the other controller", got)
	}
}

// After a restart both controllers know of the station again.
func TestARestartRecallsAStationAtEachNAS(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	now := time.Now()
	for _, nas := range []NASName{"hq/foreign", "hq/anchor"} {
		tr.hear(&Sighting{NAS: nas, Heard: now, At: now}, false)
		tr.recallStation(&Session{Device: "1", ID: string(nas), NAS: nas, Began: now, Seen: now})
	}
	if got := len(tr.at["1"]); got != 2 {
		t.Errorf("alive at %d NASes, want both", got)
	}
}

// However many NASes somebody makes up for a device, it is alive at a few, and each
// knows of it only while it is.
func TestADeviceIsAliveAtAFewNASes(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	start := time.Now()
	for i := range 10 * toldBy {
		nas := NASName(fmt.Sprint("hq/", i))
		tr.hear(&Sighting{NAS: nas, Session: string(nas), Status: Interim, Device: "1", Heard: start, At: start}, true)
	}
	live := 0
	for _, n := range tr.nases {
		live += len(n.live)
	}
	if at := tr.at["1"]; len(at) != toldBy || live != toldBy || tr.sources["hq"].live != 1 {
		t.Errorf("alive at %d, of whom %d know; %d at the site", len(at), live, tr.sources["hq"].live)
	}
}

// A controller's interval is made longer while people work. The first of the new
// ones comes after each was found silent, and counts all the same.
func TestALongerIntervalOfANASIsLearned(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	start := time.Now().Truncate(time.Hour)
	tell := func(status Status, after time.Duration) {
		at := start.Add(after)
		for i := range 8 {
			tr.hear(&Sighting{NAS: "hq/wlc", Status: status, Device: fmt.Sprint(i), Heard: at, At: at}, true)
		}
		tr.hear(&Sighting{NAS: "hq/wlc", Status: Start, Device: "guest", Heard: at, At: at}, false)
		tr.habit(tr.nases["hq/wlc"], at)
	}
	tell(Start, 0)
	for i := range 12 {
		tell(Interim, time.Duration(i+1)*5*time.Minute)
	}
	if got := tr.nas("hq/wlc").Interval; got != 5*time.Minute {
		t.Fatalf("learned %s, want 5m0s", got)
	}
	for i := range 12 { // somebody is heard in between, so that all of them are found silent
		tr.hear(&Sighting{NAS: "hq/wlc", Status: Start, Device: "guest", Heard: start.Add(time.Hour + time.Duration(i)*5*time.Minute)}, false)
		tr.habit(tr.nases["hq/wlc"], start.Add(time.Hour+time.Duration(i)*5*time.Minute))
	}
	for i := range 3 {
		tell(Interim, time.Duration(i+2)*time.Hour)
	}
	if got := tr.nas("hq/wlc").Interval; got != time.Hour {
		t.Errorf("learned %s, want 1h0m0s", got)
	}
}

// A few show a longer interval, whoever is still there, if nobody shows the old one any
// more.
func TestALongerIntervalIsBelievedOfFew(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	start := time.Now().Truncate(time.Hour)
	tell := func(status Status, after time.Duration, devices ...string) {
		at := start.Add(after)
		for _, device := range devices {
			tr.hear(&Sighting{NAS: "hq/wlc", Status: status, Device: device, Heard: at, At: at}, true)
		}
		tr.habit(tr.nases["hq/wlc"], at)
	}
	want := func(interval time.Duration) {
		t.Helper()
		if got := tr.nas("hq/wlc").Interval; got != interval {
			t.Errorf("believes %s, want %s", got, interval)
		}
	}
	crowd := []string{"1", "2", "3", "4", "5", "6"}
	tell(Start, 0, crowd...)
	for i := range 4 {
		tell(Interim, time.Duration(i+1)*15*time.Minute, crowd...)
	}
	want(15 * time.Minute)
	tell(Stop, time.Hour+time.Minute, crowd...)
	tell(Start, 2*time.Hour, "7", "8")
	tell(Interim, 3*time.Hour, "7", "8")
	want(15 * time.Minute)
	tell(Interim, 4*time.Hour, "7", "8")
	tell(Interim, 5*time.Hour, "7", "8")
	want(time.Hour)
}

// A phone is alone on its access point. Whether it fell silent or the uplink of the
// site was cut is told by the other access points of the client.
func TestOneStationAloneIsSilentWithItsSite(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	start := time.Now()
	hear := func(nas NASName, device string, after time.Duration) {
		at := start.Add(after)
		tr.hear(&Sighting{NAS: nas, Status: Interim, Device: device, Heard: at, At: at}, true)
	}
	for i := range 4 * massAtOnce {
		after := time.Duration(i) * time.Minute
		hear(NASName(fmt.Sprint("hq/ap", i%3)), fmt.Sprint("laptop", i%(2*massAtOnce)), after)
		if i%5 == 0 {
			hear("hq/lone", "phone", after)
			hear("branch/lone", "other phone", after)
		}
	}
	site, branch := tr.nas("hq/lone"), tr.nas("branch/lone")
	if site.Others != 2*massAtOnce || !site.Heard.Equal(start.Add((4*massAtOnce-1)*time.Minute)) {
		t.Errorf("of the site: %d others, heard after %s", site.Others, site.Heard.Sub(start))
	}
	if branch.Others != 0 || !branch.Heard.Equal(start.Add((4*massAtOnce-5)*time.Minute)) {
		t.Errorf("of the branch: %d others, heard after %s", branch.Others, branch.Heard.Sub(start))
	}
	tr.left("phone", tr.nases["hq/lone"])
	if got := tr.sources["hq"].live; got != 2*massAtOnce {
		t.Errorf("%d are alive at the site, want %d", got, 2*massAtOnce)
	}
	if is := tr.NASes()["hq/lone"]; is.Others != 0 {
		t.Errorf("the list has %d others on it", is.Others)
	}
}

// A Cisco 9800 with periodic interims off tells of addresses 2, 70 and 190 seconds
// after each Start. That repeats, and is no interval.
func TestWhatFollowsEachStartIsNoInterval(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	start := time.Now().Truncate(time.Hour)
	for session := range 6 {
		for _, after := range []int{0, 2, 70, 190} {
			at := start.Add(time.Duration(session)*20*time.Minute + time.Duration(after)*time.Second)
			status := Interim
			if after == 0 {
				status = Start
			}
			for i := range 2 * witnesses {
				tr.hear(&Sighting{NAS: "hq/wlc", Status: status, Device: fmt.Sprint(i), Heard: at, At: at}, true)
			}
			tr.habit(tr.nases["hq/wlc"], at)
		}
	}
	if got := tr.nas("hq/wlc").Interval; got > 0 {
		t.Errorf("learned an interval of %s", got)
	}
}

// What few stations show is no habit of a NAS, and shows how often it is heard.
func TestAHabitOfFewIsCounted(t *testing.T) {
	tr := NewTracker(NewMemory(), plain{}, DefaultRules(), quiet)
	start := time.Now()
	for i := range 5 {
		at := start.Add(time.Duration(i) * time.Hour)
		for device := range regulars {
			tr.hear(&Sighting{NAS: "hq/wlc", Status: Interim, Device: fmt.Sprint(device), Heard: at, At: at}, true)
		}
	}
	tr.habit(tr.nases["hq/wlc"], start.Add(4*time.Hour))
	got := tr.nasByHash(hash32("hq/wlc"))
	if got.Interval != 0 || got.Regular != regulars || got.Every != time.Hour {
		t.Errorf("an interval of %s; %d are heard every %s", got.Interval, got.Regular, got.Every)
	}
	tr.removeNAS("hq/wlc")
	if got := tr.nasByHash(hash32("hq/wlc")); got.Regular != 0 {
		t.Error("a NAS that was forgotten is known by its hash")
	}
}
