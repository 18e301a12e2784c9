package radiusacct

import (
	"net"
	"runtime"
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
	for name, packet := range map[string][]byte{"short": start("x"), "usual": arubaInterim(t).Octets} {
		l := newLoop(quietServer(t, loopback), conn)
		packet = resign(packet, string(loopback.Secrets[0]))
		inUse := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		before := inUse()
		for port := range 10000 {
			l.in[0].N = copy(l.in[0].Buffers[0], packet)
			l.in[0].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1 + port}
			l.take(&l.in[0], l.clients.Load(), time.Now())
		}
		if l.recording.queue.length != 10000 {
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
