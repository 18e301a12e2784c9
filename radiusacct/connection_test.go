package radiusacct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// A whole window of Identifiers may be in flight, and more is not read.
func TestAllIdentifiersInFlight(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record, 1000), gate: make(chan struct{})}
	b := newBranch(t, r)
	a := b.ap()
	for i := range 600 {
		a.send(overTLS(withID(byte(i), start(fmt.Sprint(i)))))
	}
	b.until(func() bool { return b.client().Requests == inHandMost })
	time.Sleep(50 * time.Millisecond)
	if got := b.client().Requests; got != inHandMost {
		t.Errorf("%d were read, and none is answered", got)
	}
	close(r.gate)
	for range 600 {
		a.answer()
	}
	var sessions []string
	for _, r := range b.recorder.records() {
		sessions = append(sessions, r.Session)
	}
	if len(sessions) != 600 || !slices.IsSortedFunc(sessions, func(a, b string) int { return len(a) - len(b) }) {
		t.Errorf("%d records, in the order %v", len(sessions), sessions)
	}
}

// A client that sends and does not read loses its own connection, in the end,
// and holds up nobody.
func TestClientThatNeverReads(t *testing.T) {
	t.Parallel()
	b := newBranch(t, &recorder{})
	deaf, polite := b.ap(), b.ap()
	done := make(chan error)
	go func() {
		states := slices.Repeat([]avp{proxyState(strings.Repeat("p", 253))}, 15) // comes back in the answer
		for i := 0; ; i++ {
			deaf.SetWriteDeadline(time.Now().Add(30 * time.Second))
			if _, err := deaf.Write(overTLS(withID(byte(i), start(fmt.Sprint(i), states...)))); err != nil {
				done <- err
				return
			}
		}
	}()
	b.until(func() bool { return b.client().Requests > 100 })
	for i := range 50 {
		polite.answered(overTLS(withID(byte(i), start(fmt.Sprint("polite", i)))))
	}
	b.nas().answered(start("over UDP"))
	if err := <-done; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still there: %v", err)
	}
	b.until(func() bool { return b.client().Connections == 1 })
}

// Recording fails: who has a request in it is closed, and comes back. Nothing
// more is taken in by any connection before something can be recorded, but
// nobody else is closed.
func TestRecordingFails(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	b := newBranch(t, r)
	idle, busy := b.ap(), b.ap()
	r.set(func() { r.err = errors.New("disk full"); r.sick = true })
	packet := overTLS(start("a"))
	busy.send(packet)
	busy.isClosed()
	again := b.ap()
	again.send(packet)
	idle.send(overTLS(start("b")))
	time.Sleep(2 * turnEvery) // it is found out meanwhile whether recording works
	if got := b.client(); got.Requests != 1 || got.PacketsDropped != 1 {
		t.Errorf("more was taken in than the one that failed: %+v", got)
	}
	r.set(func() { r.err = nil; r.sick = false })
	again.isAnswered(packet) // nobody had to send by UDP for that
	idle.isAnswered(overTLS(start("b")))
	if got := b.recorder.records(); len(got) != 2 {
		t.Errorf("records: %+v", got)
	}
}

// What is unanswered is sent again by another connection: as it was, as
// radsecproxy does, or with a new Identifier, a Proxy-State and a delay, as by
// FreeRADIUS from the NAS behind it. Either is answered, and known.
func TestCase111ReplayedByAnotherConnection(t *testing.T) {
	b := newBranch(t, &recorder{})
	at := stamp(time.Now())
	first := overTLS(start("a", at))
	b.ap().answered(first)
	b.ap().answered(first)
	b.ap().answered(overTLS(withID(9, start("a", at, delay(12), proxyState("p")))))
	if s := b.client(); s.Requests != 3 || s.DupRequests != 2 {
		t.Errorf("stats: %+v", s)
	}
	r := b.recorder.records()
	for _, again := range r[1:] {
		if !again.Stamps.Stamp.Equal(r[0].Stamps.Stamp) || again.Session != r[0].Session || again.Device != r[0].Device {
			t.Errorf("%+v is told apart from %+v", again, r[0])
		}
	}
}

// A proxy that hears nothing turns elsewhere; over a connection too that is no
// reason to close.
func TestCase111StatusServerOverTLS(t *testing.T) {
	r := &recorder{}
	b := newBranch(t, r)
	a := b.ap()
	ask := signedWith(statusServer(t), RadSecSecret)
	a.answered(ask)
	r.set(func() { r.sick = true })
	a.send(ask)
	b.until(func() bool { return b.client().PacketsDropped == 1 })
	r.set(func() { r.sick = false })
	ask[1]++
	a.answered(signedWith(ask[:headerLen:headerLen], RadSecSecret)) // and not what was asked before
	if len(r.records()) != 0 {
		t.Errorf("it is recorded: %+v", r.records())
	}
}

// An answer that comes too late would be taken for another request's.
func TestTooLateIsClosedAndNotAnswered(t *testing.T) {
	t.Parallel()
	r := &recorder{entered: make(chan []presence.Record, 10), gate: make(chan struct{})}
	b := newBranch(t, r)
	a, fresh := b.ap(), b.ap()
	a.send(overTLS(start("a")))
	<-r.entered
	time.Sleep(tooLate)
	fresh.send(overTLS(start("b")))
	b.until(func() bool { return b.client().Requests == 2 })
	close(r.gate)
	a.isClosed()
	fresh.isAnswered(overTLS(start("b")))
	if got := b.recorder.records(); len(got) != 2 {
		t.Errorf("records: %+v", got)
	}
}

// What waited in the kernel because there was no room may be as old as the
// waiting was long.
func TestAgeCountsFromWhenItMayHaveCome(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s := &stamped{Conn: ours}
	go func() {
		theirs.Write([]byte("ab"))
		theirs.Write([]byte("c"))
	}()
	b := make([]byte, 1)
	began := time.Now()
	s.Read(b)
	time.Sleep(20 * time.Millisecond)
	s.Read(b) // it was there
	if waited := time.Since(s.since); waited < 20*time.Millisecond || s.since.Before(began) {
		t.Errorf("it may have come %s ago", waited)
	}
}

func TestStopAnswersWhatIsInHandOverTLS(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record, 10), gate: make(chan struct{})}
	b := newBranch(t, r)
	a := b.ap()
	a.send(overTLS(start("a")))
	<-r.entered
	stopped := make(chan struct{})
	go func() { b.shut(); close(stopped) }()
	select {
	case <-stopped:
		t.Fatal("it stopped, and a request is in hand")
	case <-time.After(50 * time.Millisecond):
	}
	close(r.gate)
	a.isAnswered(overTLS(start("a")))
	if _, err := readPacket(a); err != io.EOF { // close_notify
		t.Errorf("the connection ends with %v", err)
	}
	<-stopped

	waiting := make(chan *ap)
	go func() { waiting <- b.ap() }() // in the listener, for who serves next
	b.serveTLS()
	(<-waiting).answered(overTLS(start("b")))
	b.stop()
	if b.Alive().IsZero() {
		t.Error("it serves over TLS alone, and is not alive")
	}
}

// slowToEnd is a connection that takes a while to close.
type slowToEnd struct {
	net.Conn
	ended bool
}

func (c *slowToEnd) Close() error {
	time.Sleep(20 * time.Millisecond)
	c.ended = true
	return nil
}

// The program ends once nothing is served: until then each client is to be
// told that its connection ends.
func TestServingEndsWithTheConnection(t *testing.T) {
	client := Client{Name: "aps", Trust: &Trust{}, Secrets: [][]byte{[]byte(RadSecSecret)}}
	c, peer := quietServer(t, loopback).unencrypted(&client, overTLS(start("a")), false)
	slow := &slowToEnd{Conn: peer}
	c.conn = slow
	c.serve(context.Background())
	if !slow.ended {
		t.Error("it is no longer served, and still open")
	}
}

func TestPanicCostsOnePacketAndNoConnection(t *testing.T) {
	tables := deviceAt
	t.Cleanup(func() { deviceAt = tables })
	deviceAt = append(slices.Clone(tables), place{"X", func(a *attributes) string {
		if a.text(1) == "mallory" {
			panic("index out of range")
		}
		return ""
	}})
	b := newBranch(t, &recorder{})
	a := b.ap()
	a.send(overTLS(packetOf(user("mallory"))))
	a.answered(overTLS(start("a")))
}
