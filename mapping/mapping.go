// Package mapping says which user, site and network a record is about. It has
// rules and no state: the same record always gives the same answer, with the
// rule that gave it. Nothing is guessed; what leads to nobody says why, and
// what to change.
package mapping

import (
	"fmt"
	"strconv"

	"github.com/presenced/presenced/presence"
)

// Rules turn records into sightings: which person, which site. They
// are a value: a reload makes new ones. Everybody may read with them at once.
type Rules struct {
	Sites     []presence.Site // in the configured order
	Elsewhere []Elsewhere     // what these claim is at none of the sites
	Identity  Identity
	HashKey   []byte // if there is one, sightings have hashes for devices and session ids

	draft *draft // of all readings; nil: each has its own
	index *index // of the sites; nil: none was made
}

// Read says who and where a record is about. The questions are asked in this
// order, and the first that leads nowhere is the reason why the record does:
//
//  1. is it about a station? (Start, Interim-Update, Stop)
//  2. is it Wi-Fi, and no console? (NAS-Port-Type, Service-Type)
//  3. is the device to be ignored?
//  4. at which site? (see [presence.Site])
//  5. which identity, and which user is that? (see [Identity])
//  6. may the user be tracked?
//
// What is not about a station, of an ignored device, on another network or
// elsewhere is asked nothing more: the names of guests are neither looked at
// nor remembered.
func (m *Rules) Read(r *presence.Record) *presence.Reading { return m.read(r, false) }

// Explain is Read, and says how it came to its answer.
func (m *Rules) Explain(r *presence.Record) *presence.Reading { return m.read(r, true) }

// Remember makes reading remember whom some ten thousand identities meant. The rules must
// not change from then on.
func (m *Rules) Remember() { m.Identity.known = &known{answers: map[string]answer{}} }

// ForOne returns rules for one goroutine that reads much: what Read returned before is no
// longer valid.
func (m Rules) ForOne() *Rules {
	m.draft = &draft{}
	return &m
}

// draft is a Reading that is being made.
type draft struct {
	presence.Reading
	explained bool
}

func (m *Rules) read(r *presence.Record, explained bool) *presence.Reading {
	g := m.draft
	if g == nil {
		g = &draft{}
	}
	*g = draft{Reading: presence.Reading{Sighting: r.Sighting()}, explained: explained}
	for _, ask := range questions {
		nobody, done := ask(m, r, g)
		if g.Nobody.Kind == "" {
			g.Nobody = nobody
		}
		if done {
			break
		}
	}
	switch g.Nobody.Reason {
	case isAnonymous, isPlaceholder, isID:
		g.Hidden = true
	}
	if len(m.HashKey) > 0 {
		g.Sighting.Hash(m.HashKey)
	}
	return &g.Reading
}

// questions answer a reading. Each says why the record leads nowhere, if it
// does, and whether nothing more is to be asked.
var questions = []func(*Rules, *presence.Record, *draft) (nobody presence.Nobody, done bool){
	(*Rules).status, (*Rules).port, (*Rules).device, (*Rules).place, (*Rules).person,
}

func (g *draft) step(question, answer, rule string) {
	if !g.explained {
		return
	}
	g.Steps = append(g.Steps, presence.Source{Question: question, Answer: answer, Attribute: rule})
}

func (m *Rules) status(r *presence.Record, _ *draft) (nobody presence.Nobody, done bool) {
	switch r.Status {
	case presence.Start, presence.Interim, presence.Stop:
		return presence.Nobody{}, false
	}
	return presence.Nobody{Kind: presence.KindStatus, Key: r.Status.String(), Reason: "an Acct-Status-Type that is about no station"}, true
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
func (m *Rules) port(r *presence.Record, g *draft) (nobody presence.Nobody, done bool) {
	if r.HasPortType {
		g.step("port type", strconv.Itoa(int(r.PortType)), "NAS-Port-Type")
		if !m.Identity.counts(r.PortType) {
			return presence.Nobody{
				Kind: presence.KindPort, Key: strconv.Itoa(int(r.PortType)), Reason: "not Wi-Fi: NAS-Port-Type " + portName(r.PortType),
				Remedy: fmt.Sprintf("if these should count, add %d to [identity] port_types", r.PortType),
			}, false
		}
	}
	name, console := consoles[r.ServiceType]
	if r.ServiceType == login && !r.HasPortType {
		name, console = "Login", true
	}
	if console {
		g.step("service type", name, "Service-Type")
		return presence.Nobody{
			Kind: presence.KindService, Key: name, Reason: "a session on the NAS itself: Service-Type " + name,
			Remedy: "none needed: an administrator at work is not a station",
		}, false
	}
	return presence.Nobody{}, false
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
func (m *Rules) device(r *presence.Record, g *draft) (nobody presence.Nobody, done bool) {
	for _, pattern := range m.Identity.IgnoreDevices {
		if r.Device != "" && presence.Match(pattern, r.Device) {
			g.step("ignored", r.Device, fmt.Sprintf("[identity] ignore_devices %q", pattern))
			g.Who = presence.NamesNobody
			return presence.Nobody{Kind: presence.KindDevice, Key: pattern, Reason: "a device in [identity] ignore_devices"}, true
		}
	}
	return presence.Nobody{}, false
}

// person asks who it is, and whether they may be tracked.
func (m *Rules) person(r *presence.Record, g *draft) (nobody presence.Nobody, done bool) {
	id, u, nobody := m.Identity.choose(r)
	g.Who = u.who
	if id.value != "" && nobody.Kind != presence.KindOptedOut {
		g.step("identity", id.value, id.attribute)
	}
	if nobody.Kind != "" {
		g.step("user", "", nobody.Reason)
		return nobody, true
	}
	g.step("user", u.address, u.rule)
	g.User = u.address
	return presence.Nobody{}, true
}
