package presence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// Mapping turns records into sightings: which person, which site. It is a
// value: a reload makes a new one. Everybody may read with it at once.
type Mapping struct {
	Sites    []Site // in the configured order
	Identity Identity
	HashKey  []byte // if there is one, sightings have hashes for devices and session ids
}

// Reading is what a Mapping made of a record.
type Reading struct {
	Sighting          // whole only when Nobody is empty
	Nobody   Nobody   // why the record leads to no person; empty if it does
	Steps    []Source // of Explain: the answers and the rules that gave them

	explained bool
}

// Nobody says why a record leads to no person, and what to change where.
type Nobody struct {
	Kind   string `json:"kind"`             // what led nowhere, one of the kinds below; empty if the record leads to a person
	Key    string `json:"key"`              // the identity, SSID, NAS, … itself
	Reason string `json:"reason"`           // "anonymous outer identity"
	Remedy string `json:"remedy,omitempty"` // "have the RADIUS server return User-Name in the Access-Accept, or send CUI"
}

// The kinds of what can lead nowhere.
const (
	kindStatus   = "status"       // an Acct-Status-Type that is about no station
	kindPort     = "port_type"    // a NAS-Port-Type that does not count
	kindService  = "service_type" // a console
	kindNAS      = "nas"          // a NAS that no site claims
	kindSSID     = "ssid"         // a network that does not count
	kindDevice   = "device"       // a device that is to be ignored
	kindIdentity = "identity"     // an identity that is no person, or not known whose
	kindOptedOut = "opted_out"    // somebody who is not to be tracked; the key is empty
	kindSource   = "source"       // an address that is no client
)

// isAnonymous is the reason why an anonymous identity is nobody.
const isAnonymous = "anonymous outer identity"

// Read says who and where a record is about. The questions are asked in this
// order, and the first that leads nowhere is the reason why the record does:
//
//  1. is it about a station? (Start, Interim-Update, Stop)
//  2. is it Wi-Fi, and no console? (NAS-Port-Type, Service-Type)
//  3. at which site? (see [Site])
//  4. is the device to be ignored?
//  5. which identity, and which user is that? (see [Identity])
//  6. may the user be tracked?
//
// The place comes before the person, so that the names of guests on networks
// that do not count are neither looked at nor remembered.
func (m *Mapping) Read(r Record) Reading { return *m.read(&r, false) }

// Explain is Read, and says how it came to its answer.
func (m *Mapping) Explain(r Record) Reading { return *m.read(&r, true) }

func (m *Mapping) read(r *Record, explained bool) *Reading {
	g := &Reading{Sighting: sighting(r), explained: explained}
	for _, ask := range questions {
		if g.Nobody = ask(m, r, g); g.Nobody.Kind != "" {
			break
		}
	}
	if len(m.HashKey) > 0 {
		g.Sighting.hash(m.HashKey)
	}
	return g
}

var questions = []func(*Mapping, *Record, *Reading) Nobody{
	(*Mapping).status, (*Mapping).port, (*Mapping).place, (*Mapping).device, (*Mapping).person,
}

// sighting is what the record says by itself.
func sighting(r *Record) Sighting {
	n := Sighting{
		Device: r.Device, Session: r.Session, Multi: r.Multi,
		SSID: r.SSID, NAS: r.NAS(), AP: r.AP, BSSID: r.BSSID,
		Status: r.Status, At: r.At, Heard: r.Heard, Age: r.Age, HasAge: r.HasAge, Cause: r.Cause,
	}
	if n.AP == "" {
		n.AP = r.BSSID
	}
	if n.Device == "" { // session ids repeat, but not among those that are alive at one NAS
		nas := sha256.Sum256([]byte(n.NAS)) // the story tells the device's name, and not where it was
		n.Device = "session " + r.Session + " of NAS " + hex.EncodeToString(nas[:4])
	}
	return n
}

func (g *Reading) step(question, answer, rule string) {
	if !g.explained {
		return
	}
	g.Steps = append(g.Steps, Source{Question: question, Answer: answer, Attribute: rule})
}

func (m *Mapping) status(r *Record, _ *Reading) Nobody {
	switch r.Status {
	case Start, Interim, Stop:
		return Nobody{}
	}
	return Nobody{Kind: kindStatus, Key: r.Status.String(), Reason: "an Acct-Status-Type that is about no station"}
}

// wifi is NAS-Port-Type Wireless-802.11 (RFC 2865 5.41).
const wifi = 19

// consoles are the values of Service-Type (RFC 2865 5.6) with which a person
// works on the NAS itself.
var consoles = map[uint32]string{6: "Administrative", 7: "NAS-Prompt"}

// login is Service-Type Login: a console too, unless the port says Wi-Fi.
// Hotspots send it for their guests.
const login = 1

// port asks how the station is connected.
func (m *Mapping) port(r *Record, g *Reading) Nobody {
	if r.HasPortType {
		g.step("port type", strconv.Itoa(int(r.PortType)), "NAS-Port-Type")
		if !m.Identity.counts(r.PortType) {
			return Nobody{
				Kind: kindPort, Key: strconv.Itoa(int(r.PortType)), Reason: "not Wi-Fi: NAS-Port-Type " + portName(r.PortType),
				Remedy: fmt.Sprintf("if these should count, add %d to [identity] port_types", r.PortType),
			}
		}
	}
	name, console := consoles[r.ServiceType]
	if r.ServiceType == login && !r.HasPortType {
		name, console = "Login", true
	}
	if console {
		g.step("service type", name, "Service-Type")
		return Nobody{
			Kind: kindService, Key: name, Reason: "a session on the NAS itself: Service-Type " + name,
			Remedy: "none needed: an administrator at work is not a station",
		}
	}
	return Nobody{}
}

// portName names the NAS-Port-Types that are met beside Wi-Fi.
func portName(t uint32) string {
	n := strconv.Itoa(int(t))
	switch t {
	case 0:
		return n + " (Async)"
	case 5:
		return n + " (Virtual)"
	case 15:
		return n + " (Ethernet)"
	case 18:
		return n + " (Wireless - Other)"
	}
	return n
}

// device asks whether the device is to be ignored. The key is the rule and not
// the device, of which there may be no trace.
func (m *Mapping) device(r *Record, g *Reading) Nobody {
	for _, pattern := range m.Identity.IgnoreDevices {
		if r.Device != "" && Match(pattern, r.Device) {
			g.step("ignored", r.Device, fmt.Sprintf("[identity] ignore_devices %q", pattern))
			return Nobody{Kind: kindDevice, Key: pattern, Reason: "a device in [identity] ignore_devices"}
		}
	}
	return Nobody{}
}

// person asks who it is, and whether they may be tracked.
func (m *Mapping) person(r *Record, g *Reading) Nobody {
	id, nobody := m.Identity.choose(r)
	if nobody.Kind != "" {
		return nobody
	}
	u, nobody := m.Identity.user(id.value)
	if nobody.Kind == kindOptedOut {
		g.step("user", "", nobody.Reason)
		return nobody
	}
	g.step("identity", id.value, id.attribute)
	if nobody.Kind != "" {
		g.step("user", "", nobody.Reason)
		return nobody
	}
	g.step("user", u.address, u.rule)
	g.User = u.address
	return Nobody{}
}
