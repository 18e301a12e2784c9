package presence

import (
	"crypto/sha256"
	"encoding/hex"
)

// Mapping says which user, site and network a record is about. Everybody may
// read with it at once, and a reload brings another.
type Mapping interface {
	Read(r *Record) *Reading
}

// Reading is what a Mapping made of a record. The field Nobody judges the record by
// itself. Who and Where say what it tells of a known session, to which it may belong
// although it leads to no person by itself.
type Reading struct {
	Sighting        // whole only when Nobody is empty; User and Site as Who and Where say
	Nobody   Nobody // why the record by itself leads to no person; empty if it does
	Who      Who
	Where    Where
	Hidden   bool     // Nobody is that the name was hidden, which the RADIUS server can mend
	Steps    []Source // if it was to be explained: the answers and the rules that gave them
}

// Who is what a record says of whose its session is. A record without a name does not
// contradict one with it: many NASes leave the name out of a Stop, or send the outer
// one or the MAC address once the station has roamed.
type Who uint8

// What a record can say of whose its session is.
const (
	Unnamed      Who = iota // nothing: no name, an anonymous one, a MAC address, or it was not asked
	NamesUser               // Sighting.User's
	NamesMachine            // a machine's, which nobody uses yet, or any more
	NamesNobody             // somebody's who is no user: a name that is not mapped, opted out, a probe; an ignored device
)

// Where is what a record says of the place and network of its session.
type Where uint8

// What a record can say of where its session is.
const (
	Unplaced       Where = iota // nothing: it names no network, and no site claims its NAS
	AtClientsSite               // at Sighting.Site, only because nothing in it names a place: its client's, or the only one
	AtSite                      // at Sighting.Site, by a name or address in it; on a network that counts, or on none that it names
	OnOtherNetwork              // on a network that does not count
	IsElsewhere                 // on what [[elsewhere]] claims
)

// Nobody says why a record leads to no person, and what an operator may change.
type Nobody struct {
	Kind   string `json:"kind"`             // what led nowhere, one of the kinds below; empty if the record leads to a person
	Key    string `json:"key"`              // the identity, SSID, NAS, … itself
	Reason string `json:"reason"`           // "anonymous outer identity"
	Remedy string `json:"remedy,omitempty"` // "have the RADIUS server return User-Name in the Access-Accept, or send CUI"
}

// The kinds of what can lead nowhere.
const (
	KindStatus    = "status"       // an Acct-Status-Type that is about no station
	KindPort      = "port_type"    // a NAS-Port-Type that does not count
	KindService   = "service_type" // a console
	KindNAS       = "nas"          // a NAS that no site claims
	KindElsewhere = "elsewhere"    // an access point that is at none of the sites; the key is the pattern, not whose home it is
	KindSSID      = "ssid"         // a network that does not count
	KindDevice    = "device"       // a device that is to be ignored
	KindIdentity  = "identity"     // an identity that is no person, or not known whose
	KindOptedOut  = "opted_out"    // somebody who is not to be tracked; the key is empty
	KindSource    = "source"       // an address that is no client
)

// noDevice begins what stands for a device that the record does not name.
const noDevice = "session "

// Sighting returns the sighting of the record, without user and site, which the
// mapping adds.
func (r *Record) Sighting() Sighting {
	n := Sighting{
		Device: r.Device, Session: r.Session, Multi: r.Multi,
		SSID: r.SSID, NAS: r.NAS(), AP: r.AP, BSSID: r.BSSID,
		Status: r.Status, Heard: r.Heard, Stamp: r.Stamps.Stamp, Age: r.Age, HasAge: r.HasAge, Cause: r.Cause,
	}
	n.Date(r)
	if n.AP == "" {
		n.AP = r.BSSID
	}
	if n.Device == "" { // session ids repeat, but not among those that are alive at one NAS
		nas := sha256.Sum256([]byte(n.NAS)) // the story tells the device's name, and not where it was
		n.Device = noDevice + r.Session + " of NAS " + hex.EncodeToString(nas[:4])
	}
	return n
}
