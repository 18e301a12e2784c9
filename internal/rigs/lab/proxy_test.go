package lab

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
)

// A proxy drops an answer that does not carry its Proxy-State, and believes a
// server that was silent alive again when it answers Status-Server.
func TestProxyInBetween(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann, bob)
	proxy := o.Proxy(o.radius())
	ap := o.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: proxy.Addr()})
	o.Station("02:00:00:00:00:01", ann).Associate(ap)
	o.becomes(ann, sandbox.CheckedIn)
	proxy.Answered(2) // Accounting-On and Start

	o.daemon.Kill()
	o.Station("02:00:00:00:00:02", bob).Associate(ap)
	proxy.Zombie()
	o.daemon.Start()
	proxy.Alive()
	o.becomes(bob, sandbox.CheckedIn)
	o.is(ann, sandbox.CheckedIn, 1)
	o.is(bob, sandbox.CheckedIn, 1)
}

// What a robust proxy kept for two hours is told late, and in the order in
// which it was written. It happened two hours ago.
func TestReplayOfTwoHoursAgo(t *testing.T) {
	t.Parallel()
	o := newOffice(t, ann, bob, joe)
	proxy := o.RobustProxy(o.radius())
	then := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	left := then.Add(10 * time.Minute)
	proxy.Replay(detail(then, "Start", ann, "02-00-00-00-00-01", 0) +
		detail(left, "Stop", ann, "02-00-00-00-00-01", 10*time.Minute) +
		detail(then, "Start", bob, "02-00-00-00-00-02", 0))
	proxy.Replayed()

	sessions := o.sessions(ann)
	if len(sessions) != 1 || sessions[0].State != "ended" {
		t.Fatalf("ann's sessions: %+v, want one that has ended", sessions)
	}
	if got := sessions[0]; !got.Started.Equal(then) || got.Ended == nil || !got.Ended.Equal(left) {
		t.Errorf("ann's session is from %v to %v, want %v to %v", got.Started, got.Ended, then, left)
	}
	if sessions := o.sessions(bob); len(sessions) != 1 || !sessions[0].Started.Equal(then) {
		t.Errorf("bob's sessions: %+v, want one that began at %v", sessions, then)
	}
	// She came and went, and he may have gone since: nothing is done for that.
	// Once somebody's arrival of now has had its effect, so would have theirs.
	ap := o.Controller(ControllerConfig{Name: "wlc-1", SSID: "Corp", Accounting: proxy.Addr()})
	o.Station("02:00:00:00:00:03", joe).Associate(ap)
	o.becomes(joe, sandbox.CheckedIn)
	o.is(joe, sandbox.CheckedIn, 1)
	o.is(ann, sandbox.Booked, 0)
	o.is(bob, sandbox.Booked, 0)
}

// detail is a record as FreeRADIUS' detail module writes it.
func detail(at time.Time, status, user, device string, age time.Duration) string {
	id := strings.ReplaceAll(device, "-", "")
	return fmt.Sprintf(`%s
	Acct-Status-Type = %s
	Acct-Session-Id = "%s"
	User-Name = "%s"
	NAS-Identifier = "wlc-1"
	NAS-IP-Address = 10.0.0.1
	NAS-Port-Type = Wireless-802.11
	Called-Station-Id = "02-00-5E-00-00-01:Corp"
	Calling-Station-Id = "%s"
	Event-Timestamp = "%s"
	Acct-Session-Time = %d
	Acct-Delay-Time = 0
	Timestamp = %d

`, at.Format(time.ANSIC), status, id, user, device, at.Format("Jan _2 2006 15:04:05 MST"), int(age.Seconds()), at.Unix())
}
