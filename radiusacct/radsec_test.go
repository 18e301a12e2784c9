package radiusacct

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestCase111AccountingOverTLS(t *testing.T) {
	b := newBranch(t, &recorder{})
	a := b.ap()
	a.answered(overTLS(start("a", proxyState("p"))))
	for _, r := range b.recorder.records() {
		if r.Client != "aps" || r.Site != "london" || r.Source.String() != a.LocalAddr().String() {
			t.Errorf("record: %+v", r)
		}
	}
	b.until(func() bool { return b.client().Responses == 1 }) // it is counted once it is sent
	if s := b.client(); s.Connections != 1 || s.Expires.IsZero() {
		t.Errorf("stats: %+v", s)
	}
	a.Close()
	b.until(func() bool { return b.client().Connections == 0 })
}

func TestAsManyConnectionsAsThereMayBe(t *testing.T) {
	other := newAuthority(t, "another CA")
	few := other.client("few")
	few.MaxConnections = 1
	b := newBranch(t, &recorder{}, few)
	b.MaxConnections = 2
	dial := func(a *authority) bool {
		conn, err := b.dial(a.issue("x", nil))
		if err != nil {
			return false
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		conn.Write(overTLS(start("a")))
		_, err = readPacket(conn)
		return err == nil
	}
	for i, c := range []struct {
		a  *authority
		in bool
	}{{other, true}, {other, false}, {b.ca, true}, {b.ca, false}} {
		if dial(c.a) != c.in {
			t.Errorf("connection %d: in is not %v", i, c.in)
		}
	}
}

// Neither transport starves beside the other, on which 64 requests are always
// in flight.
func TestUDPAndTLSAtOnce(t *testing.T) {
	b := newBranch(t, &recorder{})
	var mu sync.Mutex
	answered := map[string]int{}
	end := make(chan struct{})
	var busy sync.WaitGroup
	for name, conn := range map[string]net.Conn{"UDP": b.nas().conn, "TLS": b.ap()} {
		secret := map[string]string{"UDP": secret, "TLS": RadSecSecret}[name]
		busy.Go(func() {
			in := bufio.NewReaderSize(conn, maxLen)
			for i := 0; ; i++ {
				conn.Write(resign(withID(byte(i), start(fmt.Sprint(name, i))), secret))
				if i < 64 {
					continue
				}
				conn.SetReadDeadline(time.Now().Add(20 * time.Second))
				if _, err := readPacket(in); err != nil {
					t.Errorf("%s, after %d requests: %v", name, i, err)
					return
				}
				mu.Lock()
				answered[name]++
				mu.Unlock()
				select {
				case <-end:
					return
				default:
				}
			}
		})
	}
	udp, ap := b.nasAt("127.0.0.2", b.addr), b.ap()
	for i := range 50 {
		udp.answered(withID(byte(i), start(fmt.Sprint("u", i))))
		ap.answered(overTLS(withID(byte(i), start(fmt.Sprint("t", i)))))
	}
	b.until(func() bool { mu.Lock(); defer mu.Unlock(); return answered["UDP"] > 1000 && answered["TLS"] > 1000 })
	mu.Lock()
	if u, t2 := answered["UDP"], answered["TLS"]; u > 10*t2 || t2 > 10*u {
		t.Errorf("answered: %v", answered)
	}
	mu.Unlock()
	close(end)
	busy.Wait()
}

// A thousand access points at night.
func TestThousandIdleConnections(t *testing.T) {
	const idle, most = 1000, 100 << 10
	b := newBranch(t, &recorder{})
	cert := b.ca.issue("ap1.example.com", nil)
	before := inUse()
	var conns []*ap
	for range idle {
		a, err := b.dial(cert)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, a)
	}
	b.until(func() bool { return b.client().Connections == idle })
	each := (inUse() - before) / idle
	t.Logf("%d octets for each connection, both ends", each)
	if each > most {
		t.Errorf("%d octets each, more than %d", each, most)
	}
	conns[idle-1].answered(overTLS(start("a")))
	b.shut()
}

// inUse is the memory of the heap and of stacks.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
