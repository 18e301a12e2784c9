package presence

import "time"

// How a session stands at a moment: what is worked out of its facts at each look, and
// never stored.

// SessionState is how far a session has come.
type SessionState string

// The states of a session.
const (
	Open    SessionState = "open"    // alive as far as is known
	Suspect SessionState = "suspect" // ended or fell silent by the infrastructure's fault; held as present
	Ended   SessionState = "ended"
	Expired SessionState = "expired" // max_session ended it; nobody knows when it really ended
)

// Session is one accounting session of one device, as the facts show it at a
// moment.
type Session struct {
	ID      string // Acct-Session-Id
	Device  string
	Site    string
	SSID    string
	NAS     NASName // "" soon after the session ended
	AP      string
	BSSID   string
	Multi   string // Acct-Multi-Session-Id
	State   SessionState
	Began   time.Time     // for this person: if it named somebody else first, when it first named this person
	Seen    time.Time     // latest event time at which it was alive
	Heard   time.Time     // arrival of its latest record, by our own clock, from which it ages
	Ended   time.Time     // event time of its end
	Age     time.Duration // Acct-Session-Time of its latest record
	Interim time.Duration // interval between its interims; 0: unknown
	Cause   Cause         // why it ended or became suspect
	Hold    time.Time     // a suspect session is believed ended from here on; zero: not while its NAS is silent
	Until   time.Time     // when time alone changes its state; zero if that depends on its NAS

	facts     *Facts
	first     Mark // the mark that it began with
	rhythm    rhythm
	end       Mark      // the mark that ended it
	hold      time.Time // since when it is held
	back      time.Time // when its NAS was heard again after silence
	boot      time.Time // when its NAS came up, just before the session began
	nas, ap   uint32    // as in its latest sign
	ended     bool
	exact     bool // it began with its Start
	twin      bool // superseded, and another NAS told of the station from the same moment on
	named     bool // a record of it named the person
	foreign   bool // it is somebody else's, or on a network that does not count
	elsewhere bool // it is foreign because its network does not count
	lone      bool // known by its Stop alone
	vague     bool // Site is only its client's
	inherits  bool // Site is that of the device's session before
	divides   bool // it began on a day on which nothing had been heard of the session before
	next      int  // index of the session that took the device over; -1 if none did
}

// Live reports whether the session counts as present: open, or suspect.
func (s *Session) Live() bool { return s.State == Open || s.State == Suspect }

// Exact reports whether the session's Start was heard, so that Began is no
// estimate.
func (s *Session) Exact() bool { return s.exact }

// Found returns when the session's end became known; zero if it has not ended.
func (s *Session) Found() time.Time { return s.end.Heard }

// HeldBy says what keeps a belief waiting.
type HeldBy string

// stretch is how long one session shows its device at a site.
type stretch struct {
	device  string
	site    string
	streak  time.Time // when its streak began; zero: it is of none
	from    time.Time
	to      time.Time // when the device was last there: of an Idle-Timeout before the wait of the access point
	raw     time.Time // to, by the Stop's own stamp
	leave   time.Time // where linger begins: to, or the end of a hold
	linger  time.Duration
	why     HeldBy        // which linger it is
	awake   time.Duration // linger, if that is a doze of facts that were dropped, from which the device has come back; else 0
	alive   bool
	until   time.Time // when time alone ends it, if it is alive; zero if that depends on its NAS
	held    bool      // leave is the end of a hold
	sure    bool      // a Stop with a cause of the station's own ended it
	lone    bool      // known by its Stop alone: it may prolong a stay, and begins none
	unknown bool      // only max_session ended it
	found   time.Time // it fell silent: the device is not believed to have left sooner
	old     bool      // its begin was old news
	divided bool      // it began a streak only because yesterday's Stop was not heard
	session *Session  // nil: the facts of the session are stored apart, or have been dropped
	over    *Stretch  // what is kept of facts that are stored apart; nil: they are not
}

// room is memory in which one look at a person takes place after the other: what the
// one before made there is no longer valid. Whoever has a room looks at one person at
// a time.
type room struct {
	sessions []Session
	parts    []stretch
}
