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
		k := newSocket(quietServer(t, loopback).intake, conn)
		packet = resign(packet, string(loopback.Secrets[0]))
		inUse := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		before := inUse()
		for port := range requests {
			k.in[0].N = copy(k.in[0].Buffers[0], packet)
			k.in[0].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1 + port}
			k.receive(&k.in[0], k.clients.Load(), time.Now())
		}
		if k.queue.length != requests {
			t.Fatalf("%s: %d wait", name, k.queue.length)
		}
		took := inUse() - before
		t.Logf("%s: %d octets each, %d counted", name, took/k.queue.length, k.queue.size/k.queue.length)
		if took > k.queue.size {
			t.Errorf("%s: %d octets wait, and %d are counted", name, took, k.queue.size)
		}
		runtime.KeepAlive(k)
	}
}

func TestQueueHasRoomWhoeverFloods(t *testing.T) {
	var q queue
	at := func(i int) *request {
		return &request{arrival: arrival{source: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)}}
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
		q.takeBatch(batchSize)
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
	k := newSocket(o.intake, conn)
	const flood = 2000
	k.queue.size = queueSize - flood*requestCost // of others
	for i := range flood {
		k.in[0].N = copy(k.in[0].Buffers[0], start(fmt.Sprint(i)))
		k.in[0].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1024}
		k.receive(&k.in[0], k.clients.Load(), time.Now())
	}
	if s := o.only(); s.PacketsDropped < flood/2 || int(s.PacketsDropped)+k.queue.length != flood {
		t.Errorf("%d wait, stats: %+v", k.queue.length, s)
	}
	if len(k.pending) != k.queue.length {
		t.Errorf("%d pending, %d in the queue", len(k.pending), k.queue.length)
	}
}
