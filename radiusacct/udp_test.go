package radiusacct

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// nasAddr is the server's address as somebody at local would write it.
func (o *office) nasAddr(local string) net.IP {
	if ip := net.ParseIP(local); ip.To4() != nil {
		return net.IPv4(127, 0, 0, 1)
	}
	return net.IPv6loopback
}

// The client takes an answer from no address but the one that it asked.
func TestCase20AnswerLeavesFromTheAddressThatWasAsked(t *testing.T) {
	for _, listen := range []string{":0", "0.0.0.0:0"} {
		o := newOfficeOn(t, listen, &recorder{})
		for _, ip := range []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"} {
			server := net.UDPAddr{IP: net.ParseIP(ip), Port: o.addr.Port}
			n := o.nasAt("127.0.0.9", &server) // connected: it hears only whom it asked
			b := start(ip)
			n.answered(b)
			n.answered(b) // of what is kept, too
		}
	}
}

func TestCase20IPv6AnswerLeavesFromTheAddressThatWasAsked(t *testing.T) {
	o := newOfficeOn(t, ":0", &recorder{}, Client{Name: "six", Prefix: netip.MustParsePrefix("::/0"), Secrets: loopback.Secrets})
	if o.addr.IP.To4() != nil {
		t.Skip("SKIPPED: this host has no IPv6")
	}
	o.nasAt("::1", &net.UDPAddr{IP: net.IPv6loopback, Port: o.addr.Port}).answered(start("a"))
}

func TestCase28BurstOfManyNASes(t *testing.T) {
	const nases, each = 50, 200
	o := newOffice(t)
	answered := make([]int, nases)
	var wg sync.WaitGroup
	for i := range nases {
		n := o.nas()
		wg.Go(func() {
			for j := range each {
				n.send(withID(byte(j), start(fmt.Sprintf("%d-%d", i, j))))
			}
			n.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			b := make([]byte, maxLen)
			for answered[i] < each {
				if _, err := n.conn.Read(b); err != nil {
					return
				}
				if answered[i]++; answered[i]+int(o.Totals().KernelDrops) == each {
					n.conn.SetReadDeadline(time.Now().Add(time.Second)) // what was dropped is not answered
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range answered {
		sum += n
	}
	total := o.Totals()
	if sum+int(total.KernelDrops) < nases*each {
		t.Errorf("%d answered, %d dropped by the kernel, of %d", sum, total.KernelDrops, nases*each)
	}
	if got := len(o.recorder.records()); got != sum || total.Recorded != uint64(got) {
		t.Errorf("%d recorded, %d answered, %+v", got, sum, total)
	}
	t.Logf("%+v", total)
}

func TestAnswerThatCannotBeSentIsNoOthersLoss(t *testing.T) {
	o := newOffice(t)
	conn := o.conn
	o.stop()
	logged := o.logged()
	k := newSocket(o.intake, conn)
	n, tally := o.nas(), &tally{}
	nowhere := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)} // there is no port 0
	for _, to := range []net.Addr{nowhere, n.conn.LocalAddr(), nowhere, nowhere, n.conn.LocalAddr()} {
		k.inHand.Add(1)
		k.answer([]byte("answer"), &arrival{to: to, tally: tally})
	}
	k.send()
	for range 2 {
		if got := n.answer(); string(got) != "answer" {
			t.Errorf("answer %q", got)
		}
	}
	if got := tally.responses.Load(); got != 2 {
		t.Errorf("%d responses", got)
	}
	if got := logged(); bytes.Count([]byte(got), []byte("an answer could not be sent")) != 1 {
		t.Errorf("log: %s", got)
	}
}

func TestCase30RepeatIsAnsweredWithTheSameOctets(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	b := signedWith(start("a", proxyState("p")), secret)
	first := n.answered(b)
	for range 3 {
		if again := n.answered(b); !bytes.Equal(first, again) {
			t.Errorf("first %x, then %x", first, again)
		}
	}
	if got := o.recorder.records(); len(got) != 1 {
		t.Errorf("records: %+v", got)
	}
	if s := o.only(); s.DupRequests != 3 || s.Requests != 4 || s.Responses != 4 {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase31RepeatDuringTheCommit(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	n := o.nas()
	n.send(start("a"))
	<-r.entered
	n.send(start("a")) // while it is being committed
	b := withID(2, start("b"))
	n.send(b)
	n.send(b) // both wait for the next commit
	n.send(b)
	r.gate <- struct{}{}
	n.isAnswered(start("a"))
	n.isAnswered(start("a"))
	if batch := <-r.entered; len(batch) != 1 || batch[0].Session != "b" {
		t.Errorf("batch: %+v", batch)
	}
	r.gate <- struct{}{}
	for range 3 {
		n.isAnswered(b)
	}
	go func() { <-r.entered; r.gate <- struct{}{} }()
	n.quiet()
	if s := o.only(); s.DupRequests != 3 {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase32OtherAuthenticatorIsANewRequest(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record, 10), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	n := o.nas()
	n.send(start("a"))
	<-r.entered
	n.send(start("b")) // the same port and Identifier
	n.send(stop("b"))
	close(r.gate)
	n.isAnswered(start("a"))
	n.isAnswered(start("b"))
	n.isAnswered(stop("b"))
	if got := o.recorder.records(); len(got) != 3 || got[2].Status != presence.Stop {
		t.Errorf("records: %+v", got)
	}
}

func TestCase33SentAgainWithAnotherDelayIsOneEvent(t *testing.T) {
	o := newOffice(t)
	n := o.nas()
	now := time.Now().Truncate(time.Second)
	for i, seconds := range []uint32{0, 2, 4} {
		n.answered(withID(byte(i), start("a", stamp(now), delay(seconds))))
	}
	got := o.recorder.records()
	if len(got) != 3 {
		t.Fatalf("records: %+v", got)
	}
	for _, r := range got {
		if !r.At.Equal(now) {
			t.Errorf("at %s from %s, want %s", r.At, r.AtFrom, now)
		}
	}
	if s := o.only(); s.DupRequests != 2 {
		t.Errorf("stats: %+v", s)
	}
}

func TestCase34SameEventByTwoPaths(t *testing.T) {
	o := newOffice(t, loopback, Client{Name: "proxy", Prefix: netip.MustParsePrefix("127.0.0.2/32"), Secrets: loopback.Secrets})
	now := time.Now().Truncate(time.Second)
	o.nas().answered(start("a", stamp(now)))
	o.nasAt("127.0.0.2", o.addr).answered(start("a", stamp(now), proxyState("64")))
	got := o.recorder.records()
	if len(got) != 2 || got[0].Client == got[1].Client || !got[0].At.Equal(got[1].At) || got[0].Device != got[1].Device {
		t.Errorf("records: %+v", got) // presence merges them
	}
}

func TestCase35SameDatagramFromAnotherPort(t *testing.T) {
	o := newOffice(t)
	b := start("a", stamp(time.Now()))
	o.nas().answered(b)
	o.nas().answered(b)
	if s := o.only(); s.DupRequests != 1 || s.Responses != 2 {
		t.Errorf("stats: %+v", s)
	}
}

func TestAliveTurnsWhileNothingArrives(t *testing.T) {
	o := newOffice(t)
	o.until(func() bool { return !o.Alive().IsZero() })
	first := o.Alive()
	o.until(func() bool { return o.Alive().After(first) })
}

// until waits for something that another goroutine brings about.
func (o *office) until(done func() bool) {
	o.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			o.Fatal("it did not happen")
		}
	}
}

// hangs is since when a batch hangs, once every loop has turned since: until
// then the server is alive since the last turn before.
func (o *office) hangs() time.Time {
	o.Helper()
	began := time.Unix(0, o.intake.began.Load())
	o.until(func() bool { return o.Alive().Equal(began) })
	return began
}

// queued is how many requests wait to be recorded.
func (o *office) queued() int {
	o.intake.mu.Lock()
	defer o.intake.mu.Unlock()
	return o.intake.queue.length
}

// turned is when a loop last turned.
func (o *office) turned() (latest time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for l := range o.serving {
		if at := time.Unix(0, l.turned.Load()); at.After(latest) {
			latest = at
		}
	}
	return latest
}

func TestSocketThatIsClosedIsAnError(t *testing.T) {
	s := newOffice(t).Server
	conn, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := s.Serve(t.Context(), conn); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error: %v", err)
	}
}

// Whatever mistake the decoder may hold, it costs one packet.
func TestPanicCostsOnePacket(t *testing.T) {
	tables := deviceAt
	t.Cleanup(func() { deviceAt = tables }) // once nobody serves
	deviceAt = append(slices.Clone(tables), place{"X", func(a *attributes) string {
		if a.text(1) == "mallory" {
			panic("index out of range")
		}
		return ""
	}})
	o := newOffice(t)
	logged := o.logged()
	n := o.nas()
	n.silent(packetOf(user("mallory")))
	n.answered(start("a"))
	if s := o.only(); s.MalformedRequests != 1 {
		t.Errorf("stats: %+v", s)
	}
	if !bytes.Contains([]byte(logged()), []byte("index out of range")) {
		t.Errorf("log: %s", logged())
	}
}

func TestRecentRemembersAsLongAsItSays(t *testing.T) {
	begin := time.Unix(1e9, 0)
	r := recent[string, int]{span: 30 * time.Second, size: 1000}
	r.put("a", 1, 1, begin)
	for _, later := range []time.Duration{0, 29 * time.Second, 30 * time.Second} {
		if _, ok := r.get("a", begin.Add(later)); !ok {
			t.Errorf("forgotten after %s", later)
		}
	}
	if _, ok := r.get("a", begin.Add(time.Minute)); ok {
		t.Error("remembered after twice the span")
	}
	r.put("b", 2, 1, begin.Add(time.Minute))
	if _, ok := r.get("b", begin.Add(time.Hour)); ok {
		t.Error("remembered after an hour in which nothing happened")
	}
	for i := range 10_000 {
		r.put(fmt.Sprint(i), i, 10, begin)
	}
	if n := len(r.young) + len(r.old); n > 2*1000/10 {
		t.Errorf("%d are remembered", n)
	}
}
