package radiusacct

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// nobody records nothing.
type nobody struct{}

func (nobody) Record(context.Context, []presence.Record) error { return nil }
func (nobody) Healthy() bool                                   { return true }

func quietServer(b testing.TB, clients ...Client) *Server {
	return NewServer(clientsOf(b, clients...), nobody{}, slog.New(slog.DiscardHandler))
}

func BenchmarkDecode(b *testing.B) {
	packet := arubaInterim(b).Octets
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(packet, loopback, netip.AddrPort{}, noon, DefaultSkew); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkServe is the whole way over loopback, with a recorder that does
// nothing: 16 NASes, each with 64 requests under way, none the same.
func BenchmarkServe(b *testing.B) {
	s := quietServer(b, loopback)
	conn, err := Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, conn) }()
	const nases, window = 16, 64
	var packets [nases][][]byte
	for i := range b.N {
		packets[i%nases] = append(packets[i%nases], withID(byte(i/nases), start(fmt.Sprint(i))))
	}
	b.ResetTimer()
	finished := make(chan error, nases)
	for _, mine := range packets {
		n, err := net.DialUDP("udp", nil, conn.LocalAddr().(*net.UDPAddr))
		if err != nil {
			b.Fatal(err)
		}
		defer n.Close()
		go func() {
			buf := make([]byte, maxLen)
			sent := 0
			for answered := range mine {
				for ; sent < min(len(mine), answered+window); sent++ {
					n.Write(mine[sent])
				}
				n.SetReadDeadline(time.Now().Add(20 * time.Second))
				if _, err := n.Read(buf); err != nil {
					finished <- err
					return
				}
			}
			finished <- nil
		}()
	}
	for range nases {
		if err := <-finished; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	if t := s.Totals(); t.Batches > 0 {
		b.ReportMetric(float64(t.Recorded)/float64(t.Batches), "requests/batch")
	}
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	conn.Close()
}

// BenchmarkMemory is a million requests of random clients and identities: what
// is remembered of them is bounded, so that the heap after the last is that
// after the first hundred thousands.
func BenchmarkMemory(b *testing.B) {
	s := quietServer(b, Client{Name: "any", Prefix: netip.MustParsePrefix("0.0.0.0/1"), Secrets: loopback.Secrets})
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for b.Loop() {
		k := newSocket(s.intake, conn)
		const requests, warm = 1_000_000, 400_000
		var before, after uint64
		for i := range requests {
			m := &k.in[0]
			addr := rand.Uint32() // half of them are no client's
			m.Addr = &net.UDPAddr{IP: net.IPv4(byte(addr>>24), byte(addr>>16), byte(addr>>8), byte(addr)), Port: 1024 + i%50_000}
			name := fmt.Sprintf("%016x", rand.Uint64())
			m.N = copy(m.Buffers[0], start(name, user(name), stamp(time.Now()), value(32, name)))
			k.receive(m, s.clients.Load(), time.Now())
			if k.queue.length == batchSize {
				k.recordUnsent()
			}
			switch i {
			case warm:
				before = heap()
			case requests - 1:
				after = heap()
			}
		}
		b.ReportMetric(float64(before)/(1<<20), "MiB-at-400k")
		b.ReportMetric(float64(after)/(1<<20), "MiB-at-1M")
		runtime.KeepAlive(k)
	}
}

// recordUnsent records what waits; the answers go nowhere.
func (k *socket) recordUnsent() {
	batch, _ := k.nextBatch()
	for _, r := range batch {
		k.finish(r, nil, time.Now())
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
