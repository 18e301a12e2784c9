package presence

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strings"
)

// Hash replaces what can tell which device it is by keyed hashes: the device,
// which stays written as a MAC address, and the session ids, in which some
// vendors have it too.
func (n *Sighting) Hash(key []byte) {
	mac := net.HardwareAddr(keyed(key, "device", n.Device)[:6])
	mac[0] = mac[0]&^1 | 2 // locally administered, as private addresses are
	if strings.HasPrefix(n.Device, noDevice) {
		n.Device = noDevice + mac.String()
	} else {
		n.Device = mac.String()
	}
	for _, id := range []*string{&n.Session, &n.Multi} {
		if *id != "" {
			*id = hex.EncodeToString(keyed(key, "session", *id)[:8])
		}
	}
}

func keyed(key []byte, what, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(what + "\x00" + text))
	return h.Sum(nil)
}
