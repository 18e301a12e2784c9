package control

import (
	"github.com/presenced/presenced/presence"
)

// Person is one row of `presenced people`: one user's open visit to one site.
type Person struct {
	User     string              `json:"user"`
	Site     string              `json:"site"`
	State    presence.VisitState `json:"state"`
	Since    Time                `json:"since"`    // when they arrived
	Deadline Time                `json:"deadline"` // when leaving will be believed; null while a device is here
	Until    Time                `json:"until"`    // when the state changes if nothing more is heard; null if that depends on more than time
	Why      string              `json:"why"`
	HeldBy   presence.HeldBy     `json:"held_by"` // what a departure or an arrival is waited for
	Devices  int                 `json:"devices"` // alive at the site now
	CheckIn  Errand              `json:"check_in"`
	Visit    string              `json:"visit"` // its id
}

// Session is one row of `presenced sessions`.
type Session struct {
	User    string                `json:"user"`
	Device  string                `json:"device"`
	Site    string                `json:"site"`
	SSID    string                `json:"ssid"`
	NAS     string                `json:"nas"`
	AP      string                `json:"ap"`
	ID      string                `json:"session_id"`
	State   presence.SessionState `json:"state"`
	Started Time                  `json:"started"`
	Seen    Time                  `json:"seen"`
	Ended   Time                  `json:"ended"`
	Interim Duration              `json:"interim"` // learned interval; "" if there are no interims
	Cause   string                `json:"cause"`   // why it ended or became suspect
}

// Visit is one row of `presenced visits`.
type Visit struct {
	ID       string              `json:"id"`
	User     string              `json:"user"`
	Site     string              `json:"site"`
	Arrived  Time                `json:"arrived"`
	Departed Time                `json:"departed"`
	State    presence.VisitState `json:"state"`
	End      presence.End        `json:"end"`   // how an over visit ended; "" before
	Until    Time                `json:"until"` // when the state changes if nothing more is heard; null if that depends on more than time, or it is over
	Why      string              `json:"why"`   // why that is believed; "" of an over visit of which only End tells
	CheckIn  Errand              `json:"check_in"`
	CheckOut Errand              `json:"check_out"`
}

// Errand is one side of a visit's delivery to the desk.
type Errand struct {
	Status   presence.ErrandStatus `json:"status"`
	At       Time                  `json:"at"`       // when it first took effect
	Bookings []string              `json:"bookings"` // ids of those on which it took effect
	Attempts int                   `json:"attempts"` // failures in a row
	Next     Time                  `json:"next"`     // not tried before
	Reason   string                `json:"reason"`
}

// Unmatched is one row of `presenced unmatched`: what led to no person.
type Unmatched struct {
	Kind   string `json:"kind"` // "identity", "ssid", "nas", "source", …
	Key    string `json:"key"`
	Count  int    `json:"count"`
	First  Time   `json:"first"`
	Last   Time   `json:"last"`
	Reason string `json:"reason"`
	Remedy string `json:"remedy"`
}

// Story is everything about one user, for `presenced show`.
type Story struct {
	User     string           `json:"user"`
	People   []Person         `json:"people"` // open visits
	Sessions []Session        `json:"sessions"`
	Visits   []Visit          `json:"visits"` // oldest first
	Story    []presence.Entry `json:"story"`  // heard, concluded, done and not done, in order
	Next     []Next           `json:"next"`   // what will happen by itself, soonest first
	Held     []string         `json:"held"`   // ids of the bookings that we checked in, and that run and are not checked out
	Rests    Time             `json:"rests"`  // until when nothing is done for them, as they asked; null if they did not
}

// Next is something that will happen by itself.
type Next struct {
	At   Time   `json:"at"`
	What string `json:"what"`
}

// Reload is what came of reading the configuration file again.
type Reload struct {
	File    string   `json:"file"`
	Faults  []string `json:"faults"`  // why it was refused, and the old one stays in force; none if it was not
	Changes []string `json:"changes"` // what is otherwise in it, and what follows for the people who are here
}

func errandRow(e presence.Errand) Errand {
	row := Errand{
		Status: e.Status, At: Time{e.At}, Bookings: e.Bookings, Attempts: e.Attempts, Next: Time{e.Next}, Reason: e.Reason,
	}
	if row.Bookings == nil {
		row.Bookings = []string{}
	}
	return row
}

// VisitRow returns the row of a visit, with the outlook that it has.
func VisitRow(v presence.Visit) Visit {
	row := Visit{
		ID: v.ID, User: v.User, Site: v.Site, Arrived: Time{v.Arrived}, Departed: Time{v.Departed}, State: v.State, End: v.End,
		CheckIn: errandRow(v.CheckIn), CheckOut: errandRow(v.CheckOut),
	}
	if (v.State == presence.Over) == (v.Outlook.State == presence.Over) {
		row.Why, row.Until = v.Outlook.Why, Time{v.Outlook.Until}
	}
	return row
}

// SessionRow returns the row of a session of the user.
func SessionRow(user string, s presence.Session) Session {
	ap := s.AP
	if ap == "" {
		ap = s.BSSID
	}
	return Session{
		User: user, Device: s.Device, Site: s.Site, SSID: s.SSID, NAS: string(s.NAS), AP: ap, ID: s.ID, State: s.State,
		Started: Time{s.Began}, Seen: Time{s.Seen}, Ended: Time{s.Ended}, Interim: Duration(s.Interim), Cause: s.Cause.String(),
	}
}

// PersonRows returns a row for each open visit of the person.
func PersonRows(p presence.View) (rows []Person) {
	for _, v := range p.Visits {
		if v.State == presence.Over {
			continue
		}
		o := p.Outlooks[v.ID]
		row := Person{
			User: p.User, Site: v.Site, State: o.State, Since: Time{v.Arrived}, Devices: p.LiveDevices(v.Site), Visit: v.ID, CheckIn: errandRow(v.CheckIn),
			Until: Time{o.Until}, Why: o.Why, HeldBy: o.Held,
		}
		if o.State == presence.Over { // it is about to be concluded
			row.State, row.Until = v.State, Time{v.Outlook.Until}
		}
		if row.State == presence.Leaving {
			row.Deadline = row.Until
		}
		rows = append(rows, row)
	}
	return rows
}
