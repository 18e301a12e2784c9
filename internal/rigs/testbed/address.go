package testbed

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
)

// FreeAddress returns a loopback address on whose port nobody listens, neither
// by UDP nor by TCP. The port is below those that the kernel gives to whoever
// names none (32768 and above on Linux), so that no connection made meanwhile
// takes it.
func FreeAddress() (netip.AddrPort, error) {
	var fault error
	for range 100 {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(10_000+rand.IntN(22_000)))
		if fault = listenOn(at.String()); fault == nil {
			return at, nil
		}
	}
	return netip.AddrPort{}, fault
}

// listenOn returns why an address can't be listened on.
func listenOn(at string) error {
	udp, err := net.ListenPacket("udp4", at)
	if err != nil {
		return err
	}
	tcp, err := net.Listen("tcp4", at)
	if err != nil {
		return errors.Join(err, udp.Close())
	}
	return errors.Join(udp.Close(), tcp.Close())
}
