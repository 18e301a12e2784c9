package radiusacct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// Packets are read while a batch is being recorded. If that never ends, nobody
// is to be told that all is well.
func TestCase14StatusServerWhileRecordingHangs(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	k := newSocket(quietServer(t, loopback).intake, conn)
	now := time.Now()
	k.began.Store(now.UnixNano())
	for after, answers := range map[time.Duration]int{time.Second: 1, time.Minute: 0} {
		k.out = nil
		k.in[0].N = copy(k.in[0].Buffers[0], signedWith(statusServer(t), string(loopback.Secrets[0])))
		k.in[0].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1024}
		k.receive(&k.in[0], k.clients.Load(), now.Add(after))
		if len(k.out) != answers {
			t.Errorf("after %s there are %d answers, want %d", after, len(k.out), answers)
		}
	}
}

// The recorder is busy when a flood comes, and behind it one request of
// somebody else: that one is in the next batch all the same.
func TestCase29FloodIsNobodyElsesLoss(t *testing.T) {
	const flood = 3000
	r := &recorder{entered: make(chan []presence.Record), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	flooder, polite := o.nas(), o.nasAt("127.0.0.2", o.addr)
	flooder.send(start("first"))
	<-r.entered
	for i := range flood {
		flooder.send(withID(byte(i), start(fmt.Sprint("flood", i))))
	}
	polite.send(start("polite"))
	if drops := o.Totals().KernelDrops; drops > 0 {
		t.Skipf("SKIPPED: the receive buffer holds no flood, %d were dropped", drops)
	}
	o.until(func() bool { return o.queued() == flood+1 })
	r.gate <- struct{}{}
	batch := <-r.entered
	if !slices.ContainsFunc(batch, func(r presence.Record) bool { return r.Session == "polite" }) {
		t.Errorf("a batch of %d, and what came behind the flood is not in it", len(batch))
	}
	close(r.gate)
	polite.isAnswered(start("polite"))
	for n := len(batch); n < flood+1; n += len(batch) {
		batch = <-r.entered
	}
	o.stop()
	for _, batch := range r.batches {
		if !slices.IsSortedFunc(batch, func(a, b presence.Record) int { return a.Heard.Compare(b.Heard) }) {
			t.Error("order of arrival is not kept in a batch")
		}
	}
	i := 0
	for _, r := range o.recorder.records() {
		if want := fmt.Sprint("flood", i); r.Session == want {
			i++
		}
	}
	if i != flood {
		t.Errorf("order of arrival is not kept after %d of the flood", i)
	}
}

// However long a recorder takes: what arrives meanwhile is read, though the
// socket's deadline has passed, and is in the next batch. But the server is not
// alive.
func TestSlowRecorderStopsNoReading(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	n, polite := o.nas(), o.nasAt("127.0.0.2", o.addr)
	n.send(start("first"))
	<-r.entered
	for i := range batchSize {
		n.send(withID(byte(i), start(fmt.Sprint(i))))
	}
	if drops := o.Totals().KernelDrops; drops > 0 {
		t.Skipf("SKIPPED: the receive buffer holds no more than a batch, %d were dropped", drops)
	}
	o.until(func() bool { return o.queued() == batchSize }) // counted they are a moment before
	r.gate <- struct{}{}
	if half := <-r.entered; len(half) != batchSize/2 {
		t.Errorf("a batch of %d while %d are in hand", len(half), batchSize)
	}
	o.conn.SetReadDeadline(past)
	polite.send(start("polite"))
	o.until(func() bool { return o.queued() == batchSize/2+1 })
	stuck := o.hangs()
	o.until(func() bool { return o.turned().After(stuck) })
	if got := o.Alive(); !got.Equal(stuck) {
		t.Errorf("alive %s, though a batch hangs since %s", got, stuck)
	}
	r.gate <- struct{}{}
	if batch := <-r.entered; !slices.ContainsFunc(batch, func(r presence.Record) bool { return r.Session == "polite" }) {
		t.Errorf("a batch of %d without what had arrived", len(batch))
	}
	close(r.gate)
	go func() {
		for range r.entered {
		}
	}()
	polite.isAnswered(start("polite"))
	o.stop()
	close(r.entered)
}

func TestFailedBatchIsTakenAgain(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	n := o.nas()
	r.set(func() { r.err = errors.New("disk full") })
	n.send(start("a"))
	<-r.entered
	n.send(start("a")) // sent again before that failed, it fails with it
	r.gate <- struct{}{}
	o.until(func() bool { return o.Stats()[0].PacketsDropped > 0 })
	n.send(start("a"))
	<-r.entered // it is new
	r.set(func() { r.err = nil })
	r.gate <- struct{}{}
	n.isAnswered(start("a"))
}

func TestStopAnswersWhatIsInHandAndLeavesTheRest(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record, 10), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	conn := o.conn
	n := o.nas()
	n.send(start("a"))
	<-r.entered
	stopped := make(chan struct{})
	go func() { o.stop(); close(stopped) }()
	o.until(func() bool { return o.stopping() })
	close(r.gate)
	<-stopped
	n.isAnswered(start("a"))
	n.send(withID(2, start("b"))) // it stays in the socket, even if somebody still is to stop
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Serve(ended, conn); err != nil {
		t.Error(err)
	}
	if got := o.recorder.records(); len(got) != 1 {
		t.Errorf("records: %+v", got)
	}
	if !o.Alive().IsZero() {
		t.Error("alive, and none serves")
	}
	o.serve(conn) // whoever serves next finds it
	n.isAnswered(withID(2, start("b")))
}

func TestAliveIsTheLoopThatIsBehind(t *testing.T) {
	r := &recorder{entered: make(chan []presence.Record), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	second, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	o.nas().send(start("a"))
	<-r.entered
	stuck := o.hangs()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Serve(ctx, second) }()
	o.until(func() bool { return o.turned().After(stuck) })
	if got := o.Alive(); !got.Equal(stuck) {
		t.Errorf("alive %s, though a loop is stuck since %s", got, stuck)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	close(r.gate)
}
