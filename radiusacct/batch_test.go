package radiusacct

import (
	"net"
	"testing"
	"time"
)

// Packets are read while a batch is being recorded. If that never ends, nobody
// is to be told that all is well.
func TestCase14StatusServerWhileRecordingHangs(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := newLoop(quietServer(t, loopback), conn)
	now := time.Now()
	l.turned.Store(now.UnixNano())
	l.recording.beside = true
	for after, answers := range map[time.Duration]int{time.Second: 1, time.Minute: 0} {
		l.out = nil
		l.in[0].N = copy(l.in[0].Buffers[0], signedWith(statusServer(t), string(loopback.Secrets[0])))
		l.in[0].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1024}
		l.take(&l.in[0], l.clients.Load(), now.Add(after))
		if len(l.out) != answers {
			t.Errorf("after %s there are %d answers, want %d", after, len(l.out), answers)
		}
	}
}
