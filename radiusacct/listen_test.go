package radiusacct

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListenAsksForALargeBuffer(t *testing.T) {
	conn, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	plain, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	got, err := ReceiveBuffer(conn)
	if err != nil {
		t.Fatal(err)
	}
	usual, err := ReceiveBuffer(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got != WantedReceiveBuffer && got < usual { // without CAP_NET_ADMIN net.core.rmem_max is the limit
		t.Errorf("%d octets, %d without asking", got, usual)
	}
}

func TestSmallBufferIsLogged(t *testing.T) {
	o := newOffice(t)
	logged := o.logged()
	small, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	small.SetReadBuffer(100_000)
	o.stop()
	o.serve(small)
	o.until(func() bool { return strings.Contains(logged(), "the receive buffer is small") })
	o.stop()
}

func TestFamiliesStandSideBySide(t *testing.T) {
	four, err := Listen(t.Context(), "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer four.Close()
	_, port, _ := net.SplitHostPort(four.LocalAddr().String())
	six, err := Listen(t.Context(), "[::]:"+port)
	if err != nil {
		if _, none := net.Listen("tcp6", "[::1]:0"); none != nil {
			t.Skip("SKIPPED: this host has no IPv6")
		}
		t.Fatal(err)
	}
	six.Close()
}

func TestListenErrors(t *testing.T) {
	for _, addr := range []string{"192.0.2.1:1813", "nonsense", ":99999"} {
		if conn, err := Listen(t.Context(), addr); err == nil || !strings.HasPrefix(err.Error(), "listen udp") {
			t.Errorf("%s: %v, %v", addr, conn, err)
		}
	}
}

// TestListenErrorsNameTheRemedy: and the key of the configuration.
func TestListenErrorsNameTheRemedy(t *testing.T) {
	taken, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	listen := func(addr string) error {
		conn, err := Listen(t.Context(), addr)
		if err == nil {
			conn.Close()
		}
		return err
	}
	for _, c := range []struct {
		err   error
		named []string
	}{
		{listen(taken.LocalAddr().String()), []string{taken.LocalAddr().String() + ": bind: address already in use: ", "ss -lntup", "presenced.socket", "FreeRADIUS"}},
		{listen("192.0.2.1:1813"), []string{"192.0.2.1:1813: bind: cannot assign requested address: ", "ip address"}},
		{withRemedy(fmt.Errorf("listen udp :813: bind: %w", unix.EACCES), "[radius] listen"), []string{"permission denied: ", "1024", "presenced.socket", "CAP_NET_BIND_SERVICE"}},
	} {
		for _, name := range append(c.named, "[radius] listen") {
			if c.err == nil || !strings.Contains(c.err.Error(), name) {
				t.Errorf("error %v does not name %s", c.err, name)
			}
		}
	}
	if !errors.Is(listen(taken.LocalAddr().String()), unix.EADDRINUSE) {
		t.Error("the cause is lost")
	}
}

func TestAdoptedSocketIsServed(t *testing.T) {
	theirs, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	f, err := theirs.File()
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice(t)
	o.stop()
	o.addr = theirs.LocalAddr().(*net.UDPAddr)
	n := o.nas()
	n.send(start("a")) // before anybody serves
	conn, err := Adopt(f)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	defer conn.Close()
	o.serve(conn)
	n.isAnswered(start("a"))
	n.answered(withID(2, start("b")))
	o.stop()
}

func TestAdoptRefusesWhatIsNotUDP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	tcp, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{tcp, os.NewFile(uintptr(pair[0]), "unix"), null} {
		if conn, err := Adopt(f); err == nil || !strings.HasPrefix(err.Error(), "adopt socket ") {
			t.Errorf("%s: %v, %v", f.Name(), conn, err)
		}
		if err := f.Close(); err == nil {
			t.Errorf("%s was left open", f.Name())
		}
	}
}

func TestKernelDropsAreSeen(t *testing.T) {
	o := newOffice(t)
	o.stop()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadBuffer(5000)
	n := o.nasAt("127.0.0.1", conn.LocalAddr().(*net.UDPAddr))
	const sent = 200
	for range sent {
		n.send(start("a"))
	}
	drops := kernelDrops(conn)
	if drops == 0 || drops >= sent {
		t.Errorf("%d drops", drops)
	}
	o.serve(conn)
	o.until(func() bool { return o.Totals().KernelDrops == drops })
	o.stop()
}
