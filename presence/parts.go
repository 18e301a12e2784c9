package presence

import (
	"slices"
	"strings"
	"time"
)

// What comes in: a person as concluded. What goes out: the same in three parts, of which
// the first is small. It is read and written with every record, and holds what may go on.
// Beside it are the facts of sessions that are over for good, of which it keeps the
// stretches that they come to, and the lines of the story. A change is made of the small
// part alone; where that does not tell, the change is made again with the others.

// Parts are parts of a person that are stored apart.
type Parts uint8

// The parts of a person that are stored apart.
const (
	PastFacts Parts = 1 << iota // Person.Past
	AllLines                    // Person.Story
)

// apart is how a person is stored.
type apart struct {
	is    bool  // in parts
	lacks Parts // which were not read
	wants Parts // which a change needs that lacks them
}

// Opened notes that the person was read, for a store that keeps them in parts, without
// Past and Story.
func (p *Person) Opened() {
	p.apart = apart{is: true}
	if len(p.Over) > 0 {
		p.apart.lacks |= PastFacts
	}
	if p.Told.Lines > 0 {
		p.apart.lacks |= AllLines
	}
}

// Lacks reports which parts of the person were not read.
func (p *Person) Lacks() Parts { return p.apart.lacks }

// Wants reports which parts are wanted by a change that was made without them. What it
// left of the person does not count: it is made again with them.
func (p *Person) Wants() Parts { return p.apart.wants }

// Want asks for parts, and reports whether they were not read: then the change may end,
// because it is made again.
func (p *Person) Want(parts Parts) bool {
	lacks := parts & p.apart.lacks
	p.apart.wants |= lacks
	if parts&^lacks&PastFacts != 0 {
		p.gather()
	}
	return lacks != 0
}

// Stretch is how long ended sessions, one after the other, showed their device at a site,
// of facts that are stored apart: what decisions need of them.
type Stretch struct {
	Of     []Apart   `json:"of"` // the oldest first
	Device string    `json:"device"`
	Site   string    `json:"site"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`              // when the device was last there
	Raw    time.Time `json:"raw"`             // To, by the Stop's own stamp
	Leave  time.Time `json:"leave"`           // where linger begins
	Found  time.Time `json:"found,omitzero"`  // it fell silent: the device is not believed to have left sooner
	Began  time.Time `json:"began"`           // when the latest of the sessions did
	Clear  time.Time `json:"clear"`           // a session of the device that began before this could change it
	NAS    uint32    `json:"nas"`             // hash32 of the name of the latest's NAS
	Traits Traits    `json:"traits,omitzero"` // what else counts of it
}

// Apart says which facts are stored apart.
type Apart struct {
	Key   uint32    `json:"key"`   // Facts.Key
	Last  time.Time `json:"last"`  // event time of the latest mark
	Heard time.Time `json:"heard"` // latest arrival of a mark
}

// Traits are what is so of a stretch.
type Traits uint8

// The traits of a stretch.
const (
	heldThere  Traits = 1 << iota // Leave is the end of a hold
	surelyLeft                    // a Stop of the station's own ended it
	endUnknown                    // only max_session ended it
	oldNews                       // its begin was old news
)

// Key tells the facts of one person apart.
func (f *Facts) Key() uint32 { return keyOf(f.ID, f.Device) }

func keyOf(id, device string) uint32 { return hash32(device + "\x00" + id) }

// Join adds the facts that are stored apart, of which those count that have a stretch,
// and no newer ones in Past.
func (p *Person) Join(stored []Facts) {
	of := map[uint32]*Facts{}
	for _, all := range [...][]Facts{stored, p.Past} {
		for i := range all {
			of[all[i].Key()] = &all[i]
		}
	}
	var all []Facts
	for i := range p.Over {
		for _, is := range p.Over[i].Of {
			if f := of[is.Key]; f != nil {
				all = append(all, *f)
			}
		}
	}
	p.Facts = append(all, p.Facts...)
	p.Over, p.Past = nil, nil
	p.apart.lacks &^= PastFacts
	p.apart.wants &^= PastFacts
}

// gather joins facts that were read, and moved apart again.
func (p *Person) gather() {
	if len(p.Over) > 0 && p.apart.lacks&PastFacts == 0 {
		p.Join(nil)
	}
}

// Apart reports whether facts with the key are stored apart.
func (p *Person) Apart(key uint32) bool {
	return slices.ContainsFunc(p.Over, func(s Stretch) bool {
		return slices.ContainsFunc(s.Of, func(is Apart) bool { return is.Key == key })
	})
}

// overOf reports whether facts of the device are stored apart.
func (p *Person) overOf(device string) bool {
	return slices.ContainsFunc(p.Over, func(o Stretch) bool { return o.Device == device })
}

// asksForPast reports whether it takes the facts that are stored apart to tell of which
// session the sighting is, and asks for them.
func (p *Person) asksForPast(n *Sighting) bool {
	if p.apart.lacks&PastFacts == 0 || p.of(n.Session, n.Device, n.NAS) != nil {
		return false
	}
	key := keyOf(n.Session, n.Device)
	if n.Session == "" || n.Status == Stop || strings.HasPrefix(n.Device, noDevice) || p.Apart(key) {
		return p.Want(PastFacts)
	}
	return false
}
