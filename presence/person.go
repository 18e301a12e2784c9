package presence

import "time"

// Sighting is what a record says after mapping: this user's device at this
// site was alive, or ended, at that time.
type Sighting struct {
	User, Device, Site string
	Session, Multi     string
	SSID, NAS, AP      string
	BSSID              string
	Status             Status // Start, Interim or Stop
	At                 time.Time
	Heard              time.Time
	Age                time.Duration
	HasAge             bool
	Cause              Cause
}

// Person is everything remembered about one user, and the unit of update:
// whatever must change together is inside it.
type Person struct {
	User     string    `json:"user"`
	Sessions []Session `json:"sessions,omitempty"` // live ones, and tombstones of those that ended
	Devices  []Device  `json:"devices,omitempty"`
	Visits   []Visit   `json:"visits,omitempty"` // not yet settled with the desk
	Story    []Entry   `json:"story,omitempty"`  // what was heard and concluded lately, oldest first
	Wake     time.Time `json:"wake,omitzero"`    // the earliest moment at which time alone changes something
	Errand   time.Time `json:"errand,omitzero"`  // the earliest moment at which the courier has something to do
}

// SessionState is how far a session has come.
type SessionState string

// The states of a session.
const (
	Open    SessionState = "open"    // alive as far as is known
	Suspect SessionState = "suspect" // ended or fell silent by the infrastructure's fault; held as present
	Ended   SessionState = "ended"
	Expired SessionState = "expired" // only max_session ended it; when it really ended is unknown
)

// Session is one accounting session of one device. Ended and expired sessions
// stay as tombstones for a while so that nothing late revives them.
type Session struct {
	ID      string        `json:"id,omitempty"`    // Acct-Session-Id
	Multi   string        `json:"multi,omitempty"` // Acct-Multi-Session-Id
	Device  string        `json:"device"`
	Site    string        `json:"site"`
	SSID    string        `json:"ssid,omitempty"`
	NAS     string        `json:"nas,omitempty"`   // as Record.NAS names it
	AP      string        `json:"ap,omitempty"`    // dropped when the session ends
	BSSID   string        `json:"bssid,omitempty"` // dropped when the session ends
	State   SessionState  `json:"state"`
	Began   time.Time     `json:"began"`             // event time of its start
	Seen    time.Time     `json:"seen"`              // latest event time at which it was alive
	Heard   time.Time     `json:"heard"`             // arrival of its latest record: ageing runs on our own clock
	Ended   time.Time     `json:"ended,omitzero"`    // event time of its end
	Age     time.Duration `json:"age,omitempty"`     // Acct-Session-Time of its latest record
	Interim time.Duration `json:"interim,omitempty"` // learned interval between interims; 0: none seen
	Cause   Cause         `json:"cause,omitempty"`   // why it ended or became suspect
	Hold    time.Time     `json:"hold,omitzero"`     // a suspect session is believed ended from here on; zero: not while its NAS is silent
}

// Device is a station of the person at a site, with its streak: an unbroken
// stay that runs on over gaps shorter than linger.
type Device struct {
	ID     string    `json:"id"` // MAC address, or "session ID" for a session that names none
	Site   string    `json:"site"`
	Began  time.Time `json:"began"`            // when the streak began
	Last   time.Time `json:"last"`             // latest event time in the streak
	Closed bool      `json:"closed,omitempty"` // the visit that it carried is over; what comes next is another streak
}

// Entry is one line of a person's story.
type Entry struct {
	At   time.Time `json:"at"`
	Kind EntryKind `json:"kind"`
	Text string    `json:"text"`
}

// EntryKind says which kind of line an Entry is.
type EntryKind string

// The kinds of lines in a story.
const (
	Heard     EntryKind = "heard"
	Concluded EntryKind = "concluded"
	Done      EntryKind = "done"
	NotDone   EntryKind = "not done"
)
