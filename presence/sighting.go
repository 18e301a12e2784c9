package presence

import (
	"strings"
	"time"
)

// Sighting is what a record says after mapping: this user's device at this
// site was alive, or ended, at that time.
type Sighting struct {
	User    string // e-mail address, lower case
	Device  string // MAC address as Record.Device, or "session ID of NAS HASH" if the record names none
	Site    string
	Session string // Acct-Session-Id
	Multi   string // Acct-Multi-Session-Id
	SSID    string
	NAS     string // as Record.NAS names it
	AP      string // AP name, else BSSID
	BSSID   string
	Status  Status    // Start, Interim or Stop
	At      time.Time // event time
	Heard   time.Time // arrival
	Age     time.Duration
	HasAge  bool // whether the record carried Acct-Session-Time
	Cause   Cause
}

// kept returns text to be kept in the place of was. A record's texts may be
// parts of a whole packet, which is not to be kept for their sake.
func kept(was, text string) string {
	if text == was {
		return was
	}
	return strings.Clone(text)
}
