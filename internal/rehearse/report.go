package rehearse

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a time.Duration that JSON has in seconds.
type Duration time.Duration

// MarshalJSON implements [json.Marshaler].
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).Seconds()) }

// Report is what a rehearsal found.
type Report struct {
	Files       []File      `json:"files"`
	Records     uint64      `json:"records"`
	Repeats     uint64      `json:"repeats"` // copies of records that had come already
	From        time.Time   `json:"from"`
	To          time.Time   `json:"to"`
	People      int         `json:"people"`
	Devices     int         `json:"devices"`
	Sites       int         `json:"sites"`
	Visits      int         `json:"visits"`
	Under       Duration    `json:"linger"`       // that of the visits
	Alone       bool        `json:"linger_alone"` // lunch and dozes are off for them
	Nowhere     []Nowhere   `json:"nowhere"`      // what led to nobody, and why
	Accounting  []NASRow    `json:"accounting"`
	Lingers     []LingerRow `json:"lingers"`
	Advice      Advice      `json:"advice"`
	Bookings    *Outcome    `json:"bookings,omitempty"`
	Days        []Visit     `json:"-"`                // of the user who was asked about
	Sparse      bool        `json:"interims_missing"` // no format that was read has the interims of a session
	Interrupted bool        `json:"interrupted"`
	Read        int64       `json:"octets_read"`
	Of          int64       `json:"octets"`

	lunch    bool // lunch_linger holds in the visits
	pictures *pictures
}

// Nowhere is why records led to nobody.
type Nowhere struct {
	Kind    string `json:"kind"`
	Key     string `json:"key"`
	Records uint64 `json:"records"`
	Reason  string `json:"reason"`
	Remedy  string `json:"remedy"`
}

// Returns are within how long after a believed departure returns are counted.
var Returns = [...]time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}

// LingerRow is what one linger would have come to, without lunch and dozes.
type LingerRow struct {
	Of         Duration          `json:"linger"`
	Arrivals   int               `json:"arrivals"`
	Departures int               `json:"departures"`       // believed
	Returns    [len(Returns)]int `json:"returns"`          // within 15, 30, 60 and 120 minutes of a believed departure
	Unknown    int               `json:"unknown"`          // visits whose end is unknown: only max_session ended them
	DayTurned  int               `json:"day_turned"`       // visits that were on when the day turned
	Wait       Duration          `json:"believed_after"`   // from a departure until it is believed, on average
	Unheard    Duration          `json:"unknown_presence"` // for how long those of unknown end were taken to be present after they were last heard

	waited, unknown time.Duration
}

func (l *LingerRow) finish() {
	if l.Departures > 0 {
		l.Wait = Duration((l.waited / time.Duration(l.Departures)).Round(time.Minute))
	}
	l.Unheard = Duration(l.unknown.Round(time.Second))
}

// lost is how many of a hundred believed departures somebody came back from within an
// hour: each a desk that might have been lost.
func (l *LingerRow) lost() float64 {
	if l.Departures == 0 {
		return 0
	}
	return 100 * float64(l.Returns[2]) / float64(l.Departures)
}

// Advice is which linger fits, and why.
type Advice struct {
	Of      Duration `json:"linger"` // 0: too little is known
	Reasons []string `json:"reasons"`
}

const (
	enough    = 50  // departures from which on advice is given
	tolerable = 2.0 // returns within an hour, of a hundred departures
	worthIt   = 0.5 // … that a longer linger has to save to be worth waiting for
)

// recommend sets the advice: the shortest linger after which few come back, or after
// which waiting longer saves little.
func (r *Report) recommend() {
	a := Advice{Reasons: []string{}}
	rows := r.Lingers
	if rows[0].Departures < enough {
		a.Reasons = append(a.Reasons, fmt.Sprintf("only %d departures: too few to tell; linger is 1h unless configured", rows[0].Departures))
		r.Advice = a
		return
	}
	at := len(rows) - 1
	for i := range rows {
		if rows[i].lost() <= tolerable || i+1 < len(rows) && rows[i].lost()-rows[i+1].lost() < worthIt && rows[i].Of >= Duration(30*time.Minute) {
			at = i
			break
		}
	}
	row := &rows[at]
	a.Of = row.Of
	say := func(text string, args ...any) { a.Reasons = append(a.Reasons, fmt.Sprintf(text, args...)) }
	say("with %s, %.1f of 100 who are believed gone are back within an hour", Short(time.Duration(row.Of)), row.lost())
	if at > 0 {
		shorter := &rows[at-1]
		say("with %s it would be %.1f of 100", Short(time.Duration(shorter.Of)), shorter.lost())
	}
	if at+1 < len(rows) {
		longer := &rows[at+1]
		say("with %s %.1f, and a free desk would be told of %s later", Short(time.Duration(longer.Of)), longer.lost(),
			Short((time.Duration(longer.Wait) - time.Duration(row.Wait)).Round(time.Minute)))
	}
	if row.Unknown > row.Departures/10 {
		say("the ends of %d visits are unknown: first mend the accounting, above", row.Unknown)
	}
	if r.Sparse {
		say("these records lack interims: silence cannot be judged, and gaps look longer than they are")
	}
	r.Advice = a
}

// Short writes a duration without zeroes at its end: 90s, 15m, 1h, 1h15m.
func Short(d time.Duration) string {
	s := d.String()
	if d >= time.Minute {
		if len(s) > 2 && s[len(s)-2:] == "0s" && (s[len(s)-3] == 'm') {
			s = s[:len(s)-2]
		}
		if len(s) > 2 && s[len(s)-2:] == "0m" && s[len(s)-3] == 'h' {
			s = s[:len(s)-2]
		}
	}
	return s
}
