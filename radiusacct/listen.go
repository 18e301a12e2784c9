package radiusacct

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WantedReceiveBuffer is how many octets of unread datagrams the kernel is asked
// to hold. It charges some 1300 for a typical datagram, so this holds a burst of
// about 13,000; the usual default holds 166.
const WantedReceiveBuffer = 8 << 20

// Sockets are Linux's here: batches, drops and buffers are asked of it directly.

// Listen opens a UDP socket on addr, such as ":1813" for all addresses, IPv4
// and IPv6, of this host. A literal address is of its own family only, so that
// "0.0.0.0:1813" and "[::]:1813" can stand side by side.
func Listen(ctx context.Context, addr string) (*net.UDPConn, error) {
	network := "udp"
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		network = "udp6"
		if ap.Addr().Unmap().Is4() {
			network = "udp4"
		}
	}
	// Before the socket is bound, so that the first datagram is answered properly too.
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error { return control(raw, tune) }}
	conn, err := lc.ListenPacket(ctx, network, addr)
	if err != nil {
		return nil, withRemedy(err, "[radius] listen") // reads `listen udp :1813: …`
	}
	return conn.(*net.UDPConn), nil
}

// withRemedy returns the error with what an operator can do about it, or about
// the key of the configuration.
func withRemedy(err error, key string) error {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%w: a FreeRADIUS, presenced.socket or another presenced may have it (ss -lntup says which): "+
			"stop that, or change %s", err, key)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: ports below 1024 take CAP_NET_BIND_SERVICE: leave them to presenced.socket, "+
			"or choose another in %s", err, key)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this host has no such address now (ip address lists those it has): change %s", err, key)
	}
	return err
}

// Adopt takes over a UDP socket that somebody else opened, as systemd does
// with socket activation. It closes f, whose descriptor the connection has a
// copy of, also if f is no UDP socket, which is an error.
func Adopt(f *os.File) (*net.UDPConn, error) {
	defer f.Close()
	pc, err := net.FilePacketConn(f)
	if err != nil {
		return nil, fmt.Errorf("adopt socket %s: %w", f.Name(), err)
	}
	conn, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("adopt socket %s: %s is not UDP", f.Name(), pc.LocalAddr().Network()), pc.Close())
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = control(raw, tune)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("adopt socket %s: %w", f.Name(), err), conn.Close())
	}
	return conn, nil
}

// ListenTLS opens a TCP socket on addr for [Server.ServeTLS], as [Listen] does
// a UDP socket.
func ListenTLS(ctx context.Context, addr string) (*net.TCPListener, error) {
	network := "tcp"
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		network = "tcp6"
		if ap.Addr().Unmap().Is4() {
			network = "tcp4"
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, network, addr)
	if err != nil {
		return nil, withRemedy(err, "[radsec] listen")
	}
	return l.(*net.TCPListener), nil
}

// IsStream reports whether a socket that somebody else opened is one for
// [AdoptTLS] rather than for [Adopt].
func IsStream(f *os.File) bool {
	kind := 0
	raw, err := f.SyscallConn()
	if err == nil {
		err = control(raw, func(fd int) (err error) {
			kind, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
			return err
		})
	}
	return err == nil && kind == unix.SOCK_STREAM
}

// AdoptTLS is [Adopt] for a TCP socket that listens.
func AdoptTLS(f *os.File) (*net.TCPListener, error) {
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("adopt socket %s: %w", f.Name(), err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("adopt socket %s: %s is not TCP", f.Name(), l.Addr().Network()), l.Close())
	}
	return tcp, nil
}

// ReceiveBuffer returns how many octets the kernel grants of
// [WantedReceiveBuffer]; the rest of the buffer is its own overhead.
func ReceiveBuffer(conn *net.UDPConn) (octets int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = control(raw, func(fd int) (err error) {
		octets, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		octets /= 2 // socket(7): the kernel doubles what it is asked for
		return err
	})
	return octets, err
}

// kernelDrops returns how many datagrams the kernel had no room for since the
// socket was opened; 0 if it does not say.
func kernelDrops(conn *net.UDPConn) (drops uint64) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	control(raw, func(fd int) error {
		var info [16]uint32 // SK_MEMINFO_…, of which there are nine
		size := uint32(unsafe.Sizeof(info))
		unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		const memInfoDrops = 8 // SK_MEMINFO_DROPS in linux/sock_diag.h
		drops = uint64(info[memInfoDrops])
		return nil
	})
	return drops
}

// tune asks for a large receive buffer and for the address that each datagram
// was sent to.
func tune(fd int) error {
	// Past net.core.rmem_max if we may, up to it if we may not: [ReceiveBuffer]
	// tells which. A larger buffer, as systemd may have set, stays.
	if octets, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil || octets < 2*WantedReceiveBuffer {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, WantedReceiveBuffer) != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, WantedReceiveBuffer); err != nil {
				return os.NewSyscallError("setsockopt SO_RCVBUF", err)
			}
		}
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return os.NewSyscallError("getsockopt SO_DOMAIN", err)
	}
	if domain == unix.AF_INET6 {
		return os.NewSyscallError("setsockopt IPV6_RECVPKTINFO", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1))
	}
	return os.NewSyscallError("setsockopt IP_PKTINFO", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1))
}

// control calls f with the descriptor.
func control(raw syscall.RawConn, f func(fd int) error) error {
	var err error
	return errors.Join(raw.Control(func(fd uintptr) { err = f(int(fd)) }), err)
}

// asked is the size of the control message that says which address a datagram was
// sent to.
var asked = max(unix.CmsgSpace(unix.SizeofInet4Pktinfo), unix.CmsgSpace(unix.SizeofInet6Pktinfo))

// answerFrom returns the control message that sends an answer from the address
// that the request was sent to: of a host with several addresses, a client takes
// the answer from no other. It is made by hand because a dual-stack socket writes
// IPv4 addresses as IPv6 ones, from which golang.org/x/net does not send.
func answerFrom(oob []byte) []byte {
	for len(oob) > 0 {
		header, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return nil
		}
		oob = rest
		switch {
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			var info unix.Inet4Pktinfo
			copy(info.Spec_dst[:], data[4:8]) // our address, even if a broadcast was asked
			if netip.AddrFrom4(info.Spec_dst).IsUnspecified() {
				return nil // it arrived before the socket was tuned
			}
			return unix.PktInfo4(&info)
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			var info unix.Inet6Pktinfo
			copy(info.Addr[:], data[:16])
			addr := netip.AddrFrom16(info.Addr)
			if addr.IsUnspecified() || addr.Unmap().IsMulticast() {
				return nil
			}
			if addr.IsLinkLocalUnicast() {
				info.Ifindex = binary.NativeEndian.Uint32(data[16:]) // means nothing without its link
			}
			return unix.PktInfo6(&info)
		}
	}
	return nil
}
