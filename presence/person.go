package presence

import (
	"slices"
	"time"
)

// Person is everything remembered about one user, and the unit of update:
// whatever must change together is inside it.
type Person struct {
	User       string    `json:"user"`
	Facts      []Facts   `json:"facts,omitempty"`   // one for each Acct-Session-Id of their devices
	Devices    []Device  `json:"devices,omitempty"` // kept beside the facts
	Floors     []Floor   `json:"floors,omitempty"`
	News       time.Time `json:"news,omitzero"`    // until when more old news may follow the latest
	Client     string    `json:"client,omitempty"` // the client that sent the latest old news; before any, the client that brought them
	Shared     Shared    `json:"shared,omitzero"`
	Visits     []Visit   `json:"visits,omitempty"` // not yet archived
	Over       []Stretch `json:"over,omitempty"`   // of the sessions whose facts are stored apart
	Past       []Facts   `json:"past,omitempty"`   // of such sessions, to be stored
	Told       Told      `json:"told,omitzero"`    // of the story
	Story      []Entry   `json:"story,omitempty"`  // what was heard and concluded lately, oldest first; in a change, if it was not read, what comes to it
	Wake       time.Time `json:"wake,omitzero"`    // the earliest moment at which time alone changes something
	NextErrand time.Time `json:"errand,omitzero"`  // the earliest moment at which the courier has something to do

	apart  apart
	beside *beside // what the rules of a rehearsal make of the person; nil: it is none
}

// Shared is an identity that had more than max_devices live devices. It is no
// person until the day turns: only how much was heard is kept.
type Shared struct {
	Until time.Time `json:"until,omitzero"`
	Count uint64    `json:"count,omitzero"`
	Heard time.Time `json:"heard,omitzero"`
}

// Clone returns a copy: a change of either leaves the other as it is.
func (p Person) Clone() Person {
	p.Facts, p.Past = cloned(p.Facts), cloned(p.Past)
	p.Over = slices.Clone(p.Over)
	p.Devices, p.Floors = slices.Clone(p.Devices), slices.Clone(p.Floors)
	p.Visits, p.Story = slices.Clone(p.Visits), slices.Clone(p.Story)
	for i := range p.Visits {
		p.Visits[i] = p.Visits[i].clone()
	}
	return p
}

func cloned(all []Facts) []Facts {
	all = slices.Clone(all)
	for i := range all {
		all[i].Marks = slices.Clone(all[i].Marks)
	}
	return all
}

// clone is Clone for a visit.
func (v Visit) clone() Visit {
	v.CheckIn.Bookings, v.CheckOut.Bookings = slices.Clone(v.CheckIn.Bookings), slices.Clone(v.CheckOut.Bookings)
	v.Claims, v.Story = slices.Clone(v.Claims), slices.Clone(v.Story)
	return v
}

// picture is everything that is concluded about a person at one moment.
type picture struct {
	*Person
	w        *World
	now      time.Time
	sessions []Session
	parts    []stretch
	wait     time.Time // when to look again at a stay that may have been an arrival
}

// beside is what a rehearsal keeps beside a person: what each of its rules makes of
// them.
type beside struct {
	*under
	each  []otherwise // by index of the rules
	whole bool        // their story is asked for
}

// under are the rules of a rehearsal, and memory for one look at a person under each.
type under struct {
	rules  []Rules
	sites  []string // as they are numbered at rest
	told   func(rules int, p *Person, v Visit, noticed time.Time)
	guises []guise
}

// guise is how a person looks under one of the rules, in the look that goes on.
type guise struct {
	as Person
	w  World
	c  picture
	on bool // it is of the look that goes on
}

// otherwise is what one of the rules makes of a person.
type otherwise struct {
	visits []brief // that are on
	floors []Floor
	buried []Device  // Person.Devices under these rules; nil: they are the same
	wake   time.Time // when time changes something of it although the sessions stand as they did
	stood  uint64    // how the sessions stood when it was concluded from them
	anchor uint64    // a session that shows the one visit present; 0: there is none
	apart  uint64    // … and how those stood that are not of that visit
}

// brief is a visit that is on, in few octets: a rehearsal remembers everybody at
// once, under many rules.
type brief struct {
	site    string
	arrived time.Time
	noticed time.Time // when the arrival was believed; zero: not yet
	left    time.Time // Outlook.Since
	state   VisitState
}
