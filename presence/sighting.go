package presence

import (
	"strings"
	"time"
)

// Whose is what a mark says of whose its session is.
type Whose uint8

// A record without a name does not contradict one with it: Unsaid is not Another.
const (
	Unsaid  Whose = iota // no name, an outer one, a MAC address
	Mine                 // it named the person whose mark it is
	Another              // it named somebody else, a machine, or who is nobody
)

// Sighting is what a record says after mapping: this user's device at this
// site was alive, or ended, at that time.
type Sighting struct {
	User    string // e-mail address, lower case
	Device  string // MAC address as Record.Device, or "session ID of NAS HASH" if the record names none
	Site    string // "" if the record does not say, noSite if at a place that does not count
	Vague   bool   // Site is by no name or address in the record: its client's, or the only one with its network
	Whose   Whose  // what the record says of whose the session is
	Session string // Acct-Session-Id
	Multi   string // Acct-Multi-Session-Id
	SSID    string
	NAS     NASName
	AP      string // AP name, else BSSID
	BSSID   string
	Status  Status    // Start, Interim or Stop
	At      time.Time // event time
	Guess   bool      // the record carried no time, and At is its arrival
	Stamp   time.Time // Event-Timestamp as it stands; zero if absent
	Heard   time.Time // arrival
	Age     time.Duration
	HasAge  bool // whether the record carried Acct-Session-Time
	Cause   Cause
}

// Date takes over the record's event time, which is not known before the clock of its
// NAS is.
func (n *Sighting) Date(r *Record) { n.At, n.Guess = r.At, r.AtFrom == byArrival }

// kept returns a copy of text, or was if that is equal. The texts of a record may be
// parts of the whole packet, which they would keep in memory.
func kept[T ~string](was, text T) T {
	if text == was {
		return was
	}
	return clone(text)
}

func clone[T ~string](text T) T { return T(strings.Clone(string(text))) }
