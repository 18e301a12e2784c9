package lab

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
)

const (
	ann = "ann@example.com"
	bob = "bob@example.com"
	joe = "joann@example.com" // whose address ends in ann's
)

func TestStationsComeAndGo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann, bob, joe)
	ap := o.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: o.radius()})
	phone := o.Station("02:00:00:00:00:01", ann)
	other := o.Station("02:00:00:00:00:02", bob)
	phone.Associate(ap)
	o.becomes(ann, sandbox.CheckedIn)
	if b, _ := o.api.Booking(o.bookings[ann]); b.CheckInMethod != "wifi" {
		t.Errorf("ann was checked in by %q, want wifi", b.CheckInMethod)
	}
	other.Associate(ap)
	o.becomes(bob, sandbox.CheckedIn)

	// Ann's phone goes and comes back; bob goes. Once bob has lingered for
	// long enough, so would she have.
	phone.Disassociate()
	other.Disassociate()
	phone.Associate(ap)
	o.becomes(bob, sandbox.CheckedOut)
	o.is(ann, sandbox.CheckedIn, 1)

	phone.Disassociate()
	o.becomes(ann, sandbox.CheckedOut)
	o.is(ann, sandbox.CheckedOut, 2)
	o.is(joe, sandbox.Booked, 0)
	if story := o.daemon.Run("show", ann); !strings.Contains(story, o.bookings[ann]) {
		t.Errorf("her story does not name her booking %s:\n%s", o.bookings[ann], story)
	}
	o.daemon.Stop()
}

func TestRoamIsNobodysDeparture(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann, bob)
	east := o.Controller(ControllerConfig{Name: "east", SSID: "Corp", Accounting: o.radius()})
	west := o.Controller(ControllerConfig{Name: "west", SSID: "Corp", Accounting: o.radius()})
	phone := o.Station("02:00:00:00:00:01", ann)
	other := o.Station("02:00:00:00:00:02", bob)
	phone.Associate(east)
	other.Associate(west)
	o.becomes(ann, sandbox.CheckedIn)
	o.becomes(bob, sandbox.CheckedIn)

	phone.Associate(west)
	o.Eventually("ann has a session at each controller", func() bool { return len(o.sessions(ann)) == 2 })
	east.Drop(phone) // the Stop of the old AP, after the Start of the new
	other.Disassociate()
	o.becomes(bob, sandbox.CheckedOut)
	o.is(ann, sandbox.CheckedIn, 1)
}

func TestControllerShutdownIsNobodysDeparture(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann, bob)
	east := o.Controller(ControllerConfig{Name: "east", SSID: "Corp", Accounting: o.radius()})
	west := o.Controller(ControllerConfig{Name: "west", SSID: "Corp", Accounting: o.radius()})
	phone := o.Station("02:00:00:00:00:01", ann)
	other := o.Station("02:00:00:00:00:02", bob)
	phone.Associate(east)
	other.Associate(west)
	o.becomes(ann, sandbox.CheckedIn)
	o.becomes(bob, sandbox.CheckedIn)

	// hostapd stops her session without a cause, and then says Accounting-Off.
	east.Shutdown()
	other.Disassociate()
	o.becomes(bob, sandbox.CheckedOut)
	o.is(ann, sandbox.CheckedIn, 1)
	if sessions := o.sessions(ann); len(sessions) != 1 || sessions[0].State != "suspect" {
		t.Errorf("ann's sessions: %+v, want one that is suspect and holds her", sessions)
	}
}

// A controller whose packets go unanswered sends them again, as other packets;
// what happened meanwhile is known when the daemon is back.
func TestControllerRepeatsWhileDaemonIsAway(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann)
	ap := o.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: o.radius()})
	o.daemon.Stop()
	o.Station("02:00:00:00:00:01", ann).Associate(ap)
	ap.Repeats(2)
	back := time.Now()
	o.daemon.Start()
	o.becomes(ann, sandbox.CheckedIn)
	o.is(ann, sandbox.CheckedIn, 1)
	sessions := o.sessions(ann)
	if len(sessions) != 1 || !sessions[0].Started.Before(back) {
		t.Errorf("sessions %+v: want one, begun before %v when the daemon was away", sessions, back)
	}
}

func TestRadclientIsAnswered(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann)
	for _, status := range []string{"Start", "Interim-Update", "Stop"} {
		o.radclient(status, ann)
		if status == "Start" {
			o.becomes(ann, sandbox.CheckedIn)
		}
	}
	sessions := o.sessions(ann)
	if len(sessions) != 1 || sessions[0].State != "ended" || sessions[0].Device != "02:00:00:00:00:01" {
		t.Errorf("sessions %+v: want one of 02:00:00:00:00:01 that has ended", sessions)
	}
	o.becomes(ann, sandbox.CheckedOut)
}

func TestKilledRightAfterTheAnswer(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann)
	o.api.Fail(sandbox.Fault{Status: 503}) // nothing but the store can remember the check-in
	o.radclient("Start", ann)
	o.daemon.Kill()
	o.api.Mend()
	o.daemon.Start()
	if sessions := o.sessions(ann); len(sessions) != 1 || sessions[0].State != "open" {
		t.Errorf("sessions after the restart: %+v, want the one that was acknowledged", sessions)
	}
	o.becomes(ann, sandbox.CheckedIn)
	o.radclient("Start", ann) // the same again, in another packet
	o.radclient("Stop", ann)
	o.becomes(ann, sandbox.CheckedOut)
	o.is(ann, sandbox.CheckedOut, 2)
}

// radclient sends one request for the user's phone, like a controller until it
// is answered.
func (o *office) radclient(status, user string) {
	o.t.Helper()
	if out, err := o.ask(status, user, 30); err != nil {
		o.t.Fatalf("radclient %s: %v\n%s", status, err, out)
	}
}

// ask sends one request once a second so many times, and returns what
// radclient says and whether it was answered.
func (o *office) ask(status, user string, times int) (string, error) {
	cmd := host{}.command("radclient", "-x", "-r", strconv.Itoa(times), "-t", "1", o.radius().String(), "acct", Secret)
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`Acct-Status-Type = %s
Acct-Session-Id = "radclient"
User-Name = %q
NAS-Identifier = "wlc-1"
NAS-Port-Type = Wireless-802.11
Called-Station-Id = "02-00-5E-00-00-01:Corp"
Calling-Station-Id = "02-00-00-00-00-01"
Acct-Session-Time = 1
`, status, user))
	out, err := cmd.CombinedOutput()
	if err == nil && !strings.Contains(string(out), "Received Accounting-Response") {
		err = errors.New("no Accounting-Response")
	}
	return string(out), err
}
