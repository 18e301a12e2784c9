package radiusacct

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// syncing records as a disk does, for which a batch of any size takes as long.
type syncing struct{ took time.Duration }

func (s syncing) Record(context.Context, []presence.Record) error {
	time.Sleep(s.took)
	return nil
}

func (syncing) Healthy() bool { return true }

// BenchmarkTransports is one client with 64 requests in flight, over UDP and
// over TLS, with a recorder that does nothing and one that takes a millisecond.
func BenchmarkTransports(b *testing.B) {
	for _, took := range []time.Duration{0, time.Millisecond} {
		for _, transport := range []string{"UDP", "TLS"} {
			b.Run(fmt.Sprintf("%s/%s", transport, took), func(b *testing.B) {
				branch := newBranch(b, &recorder{})
				branch.Server.recorder = syncing{took}
				conn, secret := net.Conn(branch.nas().conn), secret
				if transport == "TLS" {
					conn, secret = branch.ap(), RadSecSecret
				}
				packets := make([][]byte, b.N)
				for i := range packets {
					packets[i] = resign(withID(byte(i), start(fmt.Sprint(i))), secret)
				}
				window := make(chan struct{}, 64)
				conn.SetDeadline(time.Now().Add(5 * time.Minute))
				b.ResetTimer()
				go func() {
					for _, p := range packets {
						window <- struct{}{}
						conn.Write(p)
					}
				}()
				in := bufio.NewReaderSize(conn, maxLen)
				for range b.N {
					if _, err := readPacket(in); err != nil {
						b.Error(err)
						return
					}
					<-window
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
			})
		}
	}
}
