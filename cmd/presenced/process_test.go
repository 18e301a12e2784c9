package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

func (b *bench) status() sandbox.Status {
	b.t.Helper()
	booking, ok := b.api.Booking(b.booking)
	if !ok {
		b.t.Fatal("the booking is gone")
	}
	return booking.Status
}

// TestArrivalIsCheckedInAndDepartureOut goes the whole way: datagram, store,
// courier, HTTP.
func TestArrivalIsCheckedInAndDepartureOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{Linger: "2s"})
	p := b.serve()
	c, ann := b.controller(), controller.Ann()
	if err := c.Start(t.Context(), ann, false); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "ann is checked in", func() bool { return b.status() == sandbox.CheckedIn })
	if err := c.Stop(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "ann is checked out", func() bool { return b.status() == sandbox.CheckedOut })
	if err := p.terminate(); err != nil {
		t.Errorf("presenced ended: %v", err)
	}
	if n := len(b.api.Effects(b.booking)); n != 2 {
		t.Errorf("%d calls took effect, want 2", n)
	}
}

// TestCase01KilledAfterAnswerCheckedInOnce kills the daemon right after it answered,
// while the booking API is away. The session is there after the restart, and
// the check-in happens once.
func TestCase01KilledAfterAnswerCheckedInOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	b.api.Fail(sandbox.Fault{Status: 503})
	p := b.serve()
	c, ann := b.controller(), controller.Ann()
	if err := c.Start(t.Context(), ann, false); err != nil {
		t.Fatal(err)
	}
	p.kill()
	b.api.Mend()

	b.serve()
	found := false
	for s, err := range b.daemon().Sessions(t.Context(), control.SessionQuery{User: "ann@example.com"}) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || s.ID == ann.Session && s.State == presence.Open
	}
	if !found {
		t.Error("the session that was acknowledged is not there")
	}
	testbed.Eventually(t, "ann is checked in", func() bool { return b.status() == sandbox.CheckedIn })
	if n := len(b.api.Effects(b.booking)); n != 1 {
		t.Errorf("%d check-ins took effect, want 1", n)
	}
	if offences := b.api.Offences(); len(offences) > 0 {
		t.Errorf("offences: %v", offences)
	}
}

// TestKilledDuringCheckInCheckedInOnce: the answer to the check-in is lost, and
// the daemon is killed: the booking is read, not checked in again.
func TestKilledDuringCheckInCheckedInOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	b.api.Fail(sandbox.Fault{Route: "POST /v1/public/bookings/{id}/check-in", DropAfter: true})
	p := b.serve()
	if err := b.controller().Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the check-in took effect", func() bool { return b.status() == sandbox.CheckedIn })
	p.kill()
	b.api.Mend()
	b.serve()
	// The attempt was leased to the daemon that died; do not wait for that.
	if err := b.daemon().Retry(t.Context(), "ann@example.com", b.visits()[0].ID); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the visit knows that it is checked in", func() bool {
		v := b.visits()
		return len(v) == 1 && v[0].CheckIn.Status == presence.Effected
	})
	if n := len(b.api.Effects(b.booking)); n != 1 {
		t.Errorf("%d check-ins took effect, want 1", n)
	}
}

// TestCase109TerminationUnderLoadAnswersAll asks a daemon under load to end and
// starts it again on the same port: every request is answered in the end, and
// whatever was answered is there.
func TestCase109TerminationUnderLoadAnswersAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	p := b.serve()
	const controllers, each = 8, 40
	var sent sync.WaitGroup
	var answered atomic.Int64
	halfway := make(chan struct{})
	for i := range controllers {
		c := b.controller()
		sent.Go(func() {
			for j := range each {
				device := fmt.Sprintf("02:00:00:00:%02x:%02x", i, j)
				a := &controller.Association{Identity: fmt.Sprintf("user%d-%d@example.com", i, j), Device: device, SSID: "Corp", AP: "lobby"}
				if err := c.Start(t.Context(), a, false); err != nil {
					t.Errorf("controller %d: %v", i, err)
					return
				}
				if answered.Add(1) == controllers*each/2 {
					close(halfway)
				}
			}
		})
	}
	<-halfway
	if err := p.terminate(); err != nil {
		t.Errorf("presenced ended: %v", err)
	}
	b.serve()
	sent.Wait()
	there := map[string]bool{}
	for s, err := range b.daemon().Sessions(t.Context(), control.SessionQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		there[s.User] = true
	}
	if len(there) != controllers*each {
		t.Errorf("%d sessions are there of %d that were acknowledged", len(there), controllers*each)
	}
}

// TestHangupReadsTheConfigurationAgain changes the secret and linger, and then
// breaks the file: the good one counts without a packet lost, the broken one
// changes nothing and is said to.
func TestHangupReadsTheConfigurationAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	p := b.serve()
	c := b.controller()
	if err := c.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(b.file())
	if err != nil {
		t.Fatal(err)
	}
	hangup := func(text string) {
		t.Helper()
		testbed.Write(t, b.file(), text)
		p.hangUp()
	}
	good := strings.Replace(string(text), testbed.RadiusSecret, "another-secret", 1)
	hangup(good)
	testbed.Eventually(t, "the new configuration is in force", func() bool { return strings.Contains(p.log.String(), "is in force") })
	c.Secret = []byte("another-secret")
	if err := c.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	hangup(good + "\n[presence.wrong]\nlinger = 5\n")
	testbed.Eventually(t, "the fault is told", func() bool {
		return strings.Contains(p.log.String(), "the old configuration stays in force")
	})
	if !strings.Contains(p.log.String(), "presenced.toml:") {
		t.Errorf("the fault is not located:\n%s", p.log)
	}
	if err := c.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatalf("after a bad file: %v", err)
	}
}

// TestCase108HangupsUnderLoadLoseNothing reads the configuration again and again while
// controllers send: what arrived is answered, each request once.
func TestCase108HangupsUnderLoadLoseNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	p := b.serve()
	const controllers, each = 4, 50
	var sent sync.WaitGroup
	for i := range controllers {
		c := b.controller()
		sent.Go(func() {
			for j := range each {
				device := fmt.Sprintf("02:00:00:01:%02x:%02x", i, j)
				a := &controller.Association{Identity: fmt.Sprintf("user%d-%d@example.com", i, j), Device: device, SSID: "Corp", AP: "lobby"}
				if err := c.Start(t.Context(), a, false); err != nil {
					t.Errorf("controller %d: %v", i, err)
				}
				if j%10 == 5 {
					p.hangUp()
				}
			}
		})
	}
	sent.Wait()
	var s control.Status
	testbed.Eventually(t, "all answers are counted", func() (done bool) { // they are sent first
		var err error
		if s, err = b.daemon().Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.Clients[0].Responses >= controllers*each
	})
	c := s.Clients[0]
	// A controller that waits too long, on a busy host, asks again: a repeat.
	if c.Requests-c.Duplicates != controllers*each || s.Drops != 0 || c.BadSecrets+c.Malformed+c.Dropped != 0 {
		t.Errorf("of %d requests: %+v, %d dropped by the kernel", controllers*each, c, s.Drops)
	}
}

// TestOptOutErasesWhatIsThere puts ann on the list while she is here.
func TestOptOutErasesWhatIsThere(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	p := b.serve()
	c := b.controller()
	if err := c.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "ann is here", func() bool { return len(b.visits()) == 1 })
	testbed.Write(t, filepath.Join(b.dir, "opt-out.txt"), "ann@example.com\n")
	p.hangUp()
	testbed.Eventually(t, "ann is forgotten", func() bool { return len(b.visits()) == 0 })
	if err := c.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatalf("her accounting is still answered: %v", err)
	}
	if n := len(b.visits()); n != 0 {
		t.Errorf("ann has %d visits after she opted out", n)
	}
	if strings.Contains(p.log.String(), "ann@") {
		t.Errorf("the log names who opted out:\n%s", p.log)
	}
}

// TestTerminationWithAStuckCourierStillAnswers: a call to Kadence does not end,
// and the daemon is asked to.
func TestTerminationWithAStuckCourierStillAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	p := b.serve()
	b.api.Fail(sandbox.Fault{Delay: time.Minute})
	c := b.controller()
	if err := c.Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // the courier is at it
	asked, ended := time.Now(), make(chan error, 1)
	go func() { ended <- p.terminate() }()
	time.Sleep(time.Second)
	select {
	case err := <-ended:
		t.Fatalf("presenced ended at once: %v", err) // nothing was stuck
	default:
	}
	bob := &controller.Association{Identity: "bob@example.com", Device: "02:00:00:00:00:02", SSID: "Corp", AP: "lobby"}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.Start(ctx, bob, false); err != nil {
		t.Fatalf("while the daemon ends: %v", err)
	}
	select {
	case <-ended:
		t.Errorf("answered only %s after the daemon was asked to end", time.Since(asked))
	default:
	}
	if err := <-ended; err != nil {
		t.Errorf("presenced ended: %v", err)
	}
	if took := time.Since(asked); took > 20*time.Second {
		t.Errorf("it took %s to end", took)
	}
}
