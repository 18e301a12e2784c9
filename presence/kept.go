package presence

import (
	"slices"
	"time"
)

// What is kept of a person beside the facts, when facts have been dropped.

// Device is what is kept of a station of the person at a site beside its facts: the
// streak of sessions that have been dropped, and how long it was seen to doze.
type Device struct {
	ID    string        `json:"id"` // as Sighting.Device
	Site  string        `json:"site"`
	Began time.Time     `json:"began,omitzero"` // of the dropped streak
	Last  time.Time     `json:"last,omitzero"`  // end of the dropped streak
	Doze  time.Duration `json:"doze,omitzero"`  // the longest doze
}

// Floor is when the latest stay at a site that is over ended: another begins no
// sooner. That of no site is what AsOf says.
type Floor struct {
	Site string    `json:"site"`
	At   time.Time `json:"at"`
}

// device returns what is kept of the device at the site beside its facts.
func (p *Person) device(id, site string) *Device {
	for i := range p.Devices {
		if d := &p.Devices[i]; d.ID == id && d.Site == site {
			return d
		}
	}
	return nil
}

// has reports whether anything is known of the device.
func (p *Person) has(device string) bool {
	return slices.ContainsFunc(p.Facts, func(f Facts) bool { return f.Device == device }) ||
		slices.ContainsFunc(p.Devices, func(d Device) bool { return d.ID == device })
}

// doze returns the longest doze of the device.
func (p *Person) doze(device string) (longest time.Duration) {
	for i := range p.Devices {
		if d := &p.Devices[i]; d.ID == device {
			longest = max(longest, d.Doze)
		}
	}
	return longest
}

// floorAt returns when the latest stay at the site ended; zero if none is
// remembered.
func (p *Person) floorAt(site string) (at time.Time) {
	for i := range p.Floors {
		if p.Floors[i].Site == site {
			at = p.Floors[i].At
		}
	}
	return at
}

// floor notes that a stay at the site ended.
func (p *Person) floor(site string, at time.Time) {
	for i := range p.Floors {
		if f := &p.Floors[i]; f.Site == site {
			f.At = later(f.At, at)
			return
		}
	}
	p.Floors = append(p.Floors, Floor{Site: site, At: at})
}

// AsOf is as of when it was concluded what became of the person, if several daemons
// conclude: time never goes back behind it, whose clock ever is behind another's. It is
// zero if one daemon does.
func (p *Person) AsOf() time.Time { return p.floorAt("") }

// daemonsApart is how far the clocks of two daemons may be apart: what was concluded as of
// a time further ahead was, by a clock that is wrong.
const daemonsApart = 20 * time.Second

// on returns now, or as of when it was concluded last, if that is later.
func (p *Person) on(now time.Time, w *World) time.Time {
	if asOf := p.AsOf(); w.Shared && asOf.After(now) && asOf.Sub(now) <= daemonsApart {
		return asOf
	}
	return now
}

// concluded notes that something was concluded, as of now.
func (p *Person) concluded(now time.Time) {
	p.floor("", now)
	for i := range p.Floors {
		if f := &p.Floors[i]; f.Site == "" {
			f.At = now // sooner, if a clock was wrong before
		}
	}
}

// Unknown reports whether nothing is remembered of the person.
func (p *Person) Unknown() bool {
	return len(p.Facts)+len(p.Over)+len(p.Devices)+len(p.Visits)+len(p.Story) == 0 && p.apart.lacks == 0 && p.Shared.Until.IsZero()
}
