package radiusacct

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The bound of the queue is one of memory: what waits takes no more than is
// counted for it.
func TestWhatWaitsTakesNoMoreThanIsCounted(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const requests = 5000
	states := slices.Repeat([]avp{proxyState(strings.Repeat("p", 253))}, 15)
	for name, packet := range map[string][]byte{
		"short": start("x"), "usual": arubaInterim(t).Octets, "by many proxies": start("x", states...),
	} {
		l := newLoop(quietServer(t, loopback), conn)
		packet = resign(packet, string(loopback.Secrets[0]))
		inUse := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		before := inUse()
		for port := range requests {
			l.in[0].N = copy(l.in[0].Buffers[0], packet)
			l.in[0].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1 + port}
			l.take(&l.in[0], l.clients.Load(), time.Now())
		}
		if l.recording.queue.length != requests {
			t.Fatalf("%s: %d wait", name, l.recording.queue.length)
		}
		took := inUse() - before
		t.Logf("%s: %d octets each, %d counted", name, took/l.recording.queue.length, l.recording.queue.size/l.recording.queue.length)
		if took > l.recording.queue.size {
			t.Errorf("%s: %d octets wait, and %d are counted", name, took, l.recording.queue.size)
		}
		runtime.KeepAlive(l)
	}
}

func TestQueueHasRoomWhoeverFloods(t *testing.T) {
	var q queue
	at := func(i int) *request {
		return &request{exchange: exchange{source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)}}
	}
	refused := map[int]bool{}
	for len(refused) < 3 {
		for flooder := range 3 {
			if !q.put(at(flooder)) {
				refused[flooder] = true
			}
		}
	}
	for i := range 1000 {
		if !q.put(at(3 + i)) {
			t.Fatalf("no room for source %d, with %d waiting", i, q.length)
		}
	}
	if q.size > queueSize {
		t.Errorf("%d octets wait", q.size)
	}
	for n := q.length; n > 0; n -= batchSize {
		q.take(batchSize)
	}
	if q.size+q.length != 0 || len(q.waiting)+len(q.turns) != 0 {
		t.Errorf("left behind: %d, %d sources, %d turns", q.length, len(q.waiting), len(q.turns))
	}
}

func TestExcessOfAFloodIsCounted(t *testing.T) {
	o := newOffice(t)
	o.stop()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := newLoop(o.Server, conn)
	const flood = 2000
	l.recording.queue.size = queueSize - flood*requestCost // of others
	for i := range flood {
		l.in[0].N = copy(l.in[0].Buffers[0], start(fmt.Sprint(i)))
		l.in[0].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1024}
		l.take(&l.in[0], l.clients.Load(), time.Now())
	}
	if s := o.only(); s.PacketsDropped < flood/2 || int(s.PacketsDropped)+l.recording.queue.length != flood {
		t.Errorf("%d wait, stats: %+v", l.recording.queue.length, s)
	}
	if len(l.pending) != l.recording.queue.length {
		t.Errorf("%d pending, %d in the queue", len(l.pending), l.recording.queue.length)
	}
}
