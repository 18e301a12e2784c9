package presence

import (
	"net/netip"
	"strings"
)

// NASName names a NAS so that two behind one client, or one address behind two
// clients, are told apart: client, NAS-Identifier and address, as in
// "hq/wlc-1/10.20.0.5". It is stored, as the key of what is known of the NAS
// and with each session. A client's name has no "/", since what comes behind
// the first is the NAS's own word.
type NASName string

// NameNAS names the NAS that calls itself id and addr and sends as the client;
// it may do without either.
func NameNAS(client, id string, addr netip.Addr) NASName {
	var room nasRoom
	return NASName(nameNAS(room[:0], client, id, addr))
}

// nasRoom is room for most names of NASes, on the stack.
type nasRoom [128]byte

func nameNAS(name []byte, client, id string, addr netip.Addr) []byte {
	name = append(name, client...)
	name = append(name, '/')
	name = append(name, id...)
	if addr.IsValid() {
		name = addr.AppendTo(append(name, '/'))
	}
	return name
}

// Client returns the client that the NAS sends as.
func (n NASName) Client() string {
	client, _, _ := strings.Cut(string(n), "/")
	return client
}

// Is reports whether this is the name, or one of its parts: client,
// NAS-Identifier, address.
func (n NASName) Is(part string) bool {
	client, own, _ := strings.Cut(string(n), "/")
	if part == string(n) || part == client || part == own {
		return true
	}
	i := strings.LastIndexByte(own, '/') // an id may have some itself
	if i < 0 {
		return false
	}
	_, err := netip.ParseAddr(own[i+1:])
	return err == nil && (part == own[:i] || part == own[i+1:])
}
