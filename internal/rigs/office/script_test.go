package office

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/presenced/presenced/presence"
)

// scripted is a day in which what is scripted of ann, omar and a machine
// happens: a roam with a late Idle-Timeout, one within a session, a Start sent
// again, and a reboot.
func scripted() Script {
	return Script{
		Site: Week(1).Sites[0], Begins: at("8:00"), Ends: at("20:00"),
		Networks: []Network{
			{Make: "hostapd", APs: []string{"lobby", "kitchen"}},
			{Make: "Cisco AireOS", Controller: "wlc", APs: []string{"library", "terrace"}},
		},
		Parts: []Part{
			{Name: "ann", Device: "02:00:5e:10:00:01", AP: "library", From: at("10:00"), To: at("11:00")},
			{Name: "ann", Device: "02:00:5e:10:00:01", AP: "lobby", From: at("9:00"), To: at("10:00"), Silent: true, Lost: true},
			{Name: "ann", Device: "02:00:5e:10:00:01", AP: "terrace", From: at("11:00"), To: at("17:00")},
			{Name: "omar", Device: "02:00:5e:10:00:02", AP: "kitchen", From: at("9:30")},
			{Name: "host/pc-17.example.com", Device: "02:00:5e:10:00:03", AP: "library", SSID: "Staff", From: at("9:10")},
		},
		Reboots: []Fault{{Kind: "AP reboot", Where: "kitchen", From: at("14:00"), To: at("14:10")}},
	}
}

func TestScriptHappensAsWritten(t *testing.T) {
	o, err := Play(scripted())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range o.Events {
		line := fmt.Sprintf("%s %s %s at %s", e.Arrive.Format("15:04:05"), e.Record.Status, e.Record.UserName, e.AP)
		if e.Record.Cause != 0 {
			line += " " + e.Record.Cause.String()
		}
		if e.Lost {
			line += " lost"
		}
		got = append(got, line)
	}
	want := []string{
		`09:00:00 Start ann@example.com at lobby lost`,
		`09:00:03 Start ann@example.com at lobby`,
		`09:10:00 Start host/pc-17.example.com at library`,
		`09:30:00 Start omar@example.com at kitchen`,
		`10:00:00 Start CORP\ann at library`,
		`10:05:00 Stop ann@example.com at lobby Idle-Timeout`,
		`11:00:00 Interim-Update CORP\ann at terrace`,
		`14:10:00 Accounting-On  at kitchen`,
		`17:00:00 Stop CORP\ann at terrace User-Request`,
	}
	back := false
	for i := len(got) - 1; i >= 0; i-- { // soon after the reboot, and by chance when
		if strings.HasPrefix(got[i], "14:1") && strings.HasSuffix(got[i], "Start omar@example.com at kitchen") {
			got, back = append(got[:i], got[i+1:]...), true
		}
	}
	if !back {
		t.Error("omar does not come back after the reboot")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := len(o.Truth.Stays); got != 2 {
		t.Errorf("%d stays, want ann's and omar's: %+v", got, o.Truth.Stays)
	}
}

func TestScriptedDayIsRight(t *testing.T) {
	o, err := Play(scripted())
	if err != nil {
		t.Fatal(err)
	}
	visits, err := tracker(t, newMemory)(o, o.Rules())
	if err != nil {
		t.Fatal(err)
	}
	s := Compare(o.Truth, visits, o.Rules())
	if s.Arrivals != 2 || s.Departures != 1 || s.Faults() > 0 {
		t.Errorf("%+v", s)
	}
}

func TestScriptOfWhatThereIsNot(t *testing.T) {
	make, ap, reboot := scripted(), scripted(), scripted()
	make.Networks[0].Make, ap.Parts[0].AP, reboot.Reboots[0].Where = "abacus", "attic", "attic"
	for _, s := range []Script{make, ap, reboot} {
		if _, err := Play(s); err == nil {
			t.Errorf("played %+v", s)
		}
	}
}

// TestFasterDayPassesInOrder: what was in order stays so, and no event time is
// in the future.
func TestFasterDayPassesInOrder(t *testing.T) {
	o, err := Play(scripted())
	if err != nil {
		t.Fatal(err)
	}
	begins := at("+1 9:00").Add(300 * time.Millisecond)
	last := begins
	for _, e := range o.Events {
		f := e.Faster(o.Begins, begins, 600)
		if f.Arrive.Before(last) || f.Record.At.After(f.Arrive) || f.Arrive.Sub(f.Record.At) > time.Second || !f.Record.Heard.Equal(f.Arrive) {
			t.Errorf("%s of %s at %s arrives %s after %s", f.Record.Status, e.Arrive, f.Record.At, f.Arrive, last)
		}
		last = f.Arrive
	}
	if want := begins.Add(54 * time.Second); last.Sub(want).Abs() > time.Millisecond {
		t.Errorf("the day passes until %s, want %s", last, want)
	}
	if e := o.Events[len(o.Events)-1].Faster(o.Begins, begins, 600); e.Record.Status != presence.Stop || e.Record.Age != 42*time.Second {
		t.Errorf("the last is a %s of age %s, want a Stop of 42s", e.Record.Status, e.Record.Age)
	}
}
