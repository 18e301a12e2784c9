package demo

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/office"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestDemoIsHeldAgainstTheTruth has nothing happen: whoever was to be checked
// in is told to be wrong, and the demo has failed.
func TestDemoIsHeldAgainstTheTruth(t *testing.T) {
	zone, err := time.LoadLocation(nineOClock(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	api, people := sandbox.New("demo", demoSecret), cast()
	house(api, people, zone)
	var out bytes.Buffer
	n := &narrator{out: terminal.Out{Writer: &out}, people: people}
	if err := n.sumUp(api); !errors.Is(err, ErrWrong) {
		t.Errorf("sum up: %v", err)
	}
	for _, want := range []string{"WRONG: should be checkedIn", "WRONG: should be checkedOut", "9 of the bookings did not end as they should"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, c := range people {
		api.Change(c.booking, func(b *sandbox.Booking) { b.Status = c.end })
	}
	if err := n.sumUp(api); err != nil {
		t.Errorf("with every booking as it should be: %v", err)
	}
}

// TestOfficeDayIsOfItsPeople: whoever is to be checked in comes, and of whoever
// comes it is known what must become of them.
func TestOfficeDayIsOfItsPeople(t *testing.T) {
	o, err := office.Play(officeDay())
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, s := range o.Truth.Stays {
		there[s.User] = true
	}
	for _, c := range cast() {
		if came := c.end == sandbox.CheckedIn || c.end == sandbox.CheckedOut; came && !there[c.user] {
			t.Errorf("%s never comes", c.user)
		}
		delete(there, c.user)
	}
	if len(there) > 0 {
		t.Errorf("nobody knows what must become of %v", there)
	}
}

// TestDemoPlaysInTheMorning asks at every hour of a day.
func TestDemoPlaysInTheMorning(t *testing.T) {
	for hour := range 24 {
		now := time.Date(2026, 11, 24, hour, 30, 0, 0, time.UTC)
		zone, err := time.LoadLocation(nineOClock(now))
		if err != nil {
			t.Fatal(err)
		}
		if got := now.In(zone).Hour(); got != 9 {
			t.Errorf("at %d UTC it is %d in %s", hour, got, zone)
		}
	}
}

// TestWhoStaysIsHeardOn: after the day each device that is there is told of by its latest
// session, and nobody's who has left.
func TestWhoStaysIsHeardOn(t *testing.T) {
	o, err := office.Play(officeDay())
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range stillThere(o) {
		name, _, _ := strings.Cut(e.Record.UserName, "@")
		there[name[strings.LastIndex(name, `\`)+1:]] = true
		if heard := later(e, e.Arrive.Add(time.Hour)); heard.Record.Age != e.Record.Age+time.Hour || heard.Record.Status != presence.Interim {
			t.Errorf("an hour later %+v is %+v", e.Record, heard.Record)
		}
	}
	for _, c := range cast() {
		name, _, _ := strings.Cut(c.user, "@")
		if stays := c.end == sandbox.CheckedIn; stays && !there[name] || c.end == sandbox.CheckedOut && there[name] {
			t.Errorf("%s, who %s, is there: %v", c.user, c.lesson, there[name])
		}
	}
}
