package presence

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// What comes in: one sighting at a time, in any order, any number of times. What
// goes out: a set of marks for each Acct-Session-Id of a device. Joining is set
// union: it judges nothing, so that every order of records comes to the same. The
// sessions are worked out from the marks at each look.

// A Mark is one event of a session: one that a record told, or a finding of
// presence's, which is kept as a fact because the world that showed it moves on.
type Mark struct {
	Status Status        // Start, Interim or Stop; Other: a finding, and Cause says which
	At     time.Time     // event time
	Heard  time.Time     // arrival, the earliest of all copies
	Age    time.Duration // Acct-Session-Time; negative if the record carried none
	Cause  Cause         // of a Stop, and of a finding
	Whose  Whose         // what the record said of whose the session is
	Site   string        // where it was; "" if the record did not say, noSite if at none
	Vague  bool          // Site is by no name or address in the record: its client's site, or the only one with its network
	NAS    uint32        // hash32 of the NAS's name: tells NASes apart, and names none
	AP     uint32        // likewise of the access point's; 0 if the record named none
	Guess  bool          // the record carried no time: At is its arrival
	Stamp  time.Time     // its Event-Timestamp as it stands, if At was not taken from that
}

// noSite is the Mark.Site of a network or place that does not count.
const noSite = "-"

// Facts are everything that was heard of one Acct-Session-Id of one device.
type Facts struct {
	ID     string `json:"id,omitempty"`
	Device string `json:"device"`
	Place  Place  `json:"place"` // as the latest sign told it
	Marks  []Mark `json:"marks"` // by event time

	pace pace // as of the latest look; none if nobody asked
}

// pace is how a session is heard that is open; zero if it is not, or its signs may tell
// more than that it goes on.
type pace struct {
	gap   time.Duration // its interval; if it has none yet, the shortest time between two of its signs, or longestInterim
	young bool          // it has none yet
}

// Place is where a session was lately. The fields that tell of an access point are
// emptied soon after the session ended.
type Place struct {
	Site  string    `json:"site,omitempty"`
	SSID  string    `json:"ssid,omitempty"`
	NAS   NASName   `json:"nas,omitempty"`
	AP    string    `json:"ap,omitempty"`    // name of the access point, else BSSID
	BSSID string    `json:"bssid,omitempty"` // MAC address of the access point's radio
	Multi string    `json:"multi,omitempty"` // Acct-Multi-Session-Id, of which the AP is a part (RFC 3580 2.2)
	At    time.Time `json:"at"`              // event time of the sign that told it
}

const (
	signsKept = 6  // signs that are kept between two other marks: the latest, beside the first
	marksKept = 32 // marks of one id, after shorten; twice as many before
)

// mark returns the mark that the sighting leaves.
func (n *Sighting) mark() Mark {
	m := Mark{
		Status: n.Status, At: n.At, Heard: n.Heard, Age: -1, Whose: n.Whose, Site: n.Site, Vague: n.Vague, NAS: hash32(n.NAS), Guess: n.Guess,
	}
	if ap := cmp.Or(n.BSSID, n.AP); ap != "" {
		m.AP = hash32(ap)
	}
	if !n.Stamp.IsZero() && !within(n.Stamp, n.At, moment) {
		m.Stamp = n.Stamp
	}
	if n.HasAge && n.Age >= 0 {
		m.Age = n.Age
	}
	if n.Status == Stop { // some NASes send a cause in an Interim too
		m.Cause = n.Cause
	}
	return m
}

// hash32 returns a hash that is long enough to tell names apart, and too short to
// tell the name.
func hash32[T ~string](name T) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}

// sign reports whether the mark shows the session alive.
func (m *Mark) sign() bool { return m.Status == Start || m.Status == Interim }

// same reports whether two marks are of one event: copies of one record that
// came at other times or by other paths, or with and without its name.
func (m *Mark) same(o *Mark) bool {
	return m.Status == o.Status && m.At.Equal(o.At) && m.Age == o.Age && m.Cause == o.Cause && m.NAS == o.NAS &&
		(m.Status != Other || m.Heard.Equal(o.Heard))
}

// compare puts marks in order: by event time, findings after what NASes said
// of the same moment, and then by arrival.
func (m *Mark) compare(o *Mark) int {
	if c := m.At.Compare(o.At); c != 0 {
		return c
	}
	if m.Status == Other || o.Status == Other {
		if c := cmp.Compare(b2i(m.Status == Other), b2i(o.Status == Other)); c != 0 {
			return c
		}
	}
	return cmp.Or(m.Heard.Compare(o.Heard), cmp.Compare(m.Status, o.Status), cmp.Compare(m.Age, o.Age))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// join adds the mark, and reports whether it is news.
func (f *Facts) join(m Mark) bool {
	for i := len(f.Marks) - 1; i >= 0 && !f.Marks[i].At.Before(m.At); i-- {
		was := &f.Marks[i]
		if !was.same(&m) {
			continue
		}
		news := false
		if m.Heard.Before(was.Heard) {
			was.Heard, was.Guess, news = m.Heard, was.Guess && m.Guess, true
		}
		if m.Whose == Mine && was.Whose != Mine || was.Whose == Unsaid && m.Whose == Another {
			was.Whose, news = m.Whose, true
		}
		if was.Site == "" || was.Vague && !m.Vague && m.Site != "" {
			news = news || was.Site != m.Site
			was.Site, was.Vague = m.Site, m.Vague
		}
		if news {
			slices.SortFunc(f.Marks, func(a, b Mark) int { return a.compare(&b) })
		}
		return news
	}
	at, _ := slices.BinarySearchFunc(f.Marks, m, func(a, b Mark) int { return a.compare(&b) })
	f.Marks = slices.Insert(f.Marks, at, m)
	f.thin()
	return true
}

// place updates the place from the sighting, if no later sighting has. Fields that
// the sighting leaves out stay as they were.
func (f *Facts) place(n *Sighting) {
	p := &f.Place
	if n.Status == Stop || n.At.Before(p.At) || n.Whose == Another {
		return
	}
	if n.Site != "" {
		p.Site = kept(p.Site, n.Site)
	}
	if n.SSID != "" {
		p.SSID = kept(p.SSID, n.SSID)
	}
	if n.AP != "" || n.BSSID != "" {
		p.AP, p.BSSID = kept(p.AP, n.AP), kept(p.BSSID, n.BSSID)
	}
	if n.Multi != "" {
		p.Multi = kept(p.Multi, n.Multi)
	}
	p.NAS, p.At = n.NAS, n.At
}

// forgetAP drops the fields that tell of the access point.
func (p *Place) forgetAP() { p.AP, p.BSSID, p.Multi = "", "", "" }

// thin drops superfluous marks. Of the signs between two other marks it keeps the
// first and the latest few, and of those in one minute the latest: a burst of
// interims, for an address, a profile or a roam, teaches nothing more. Which it keeps
// depends on their event times only, not on the order of arrival.
func (f *Facts) thin() {
	kept := f.Marks[:0]
	for from := 0; from < len(f.Marks); {
		to := from
		for to < len(f.Marks) && f.Marks[to].Status == Interim && f.Marks[to].Whose == f.Marks[from].Whose && f.Marks[to].Site == f.Marks[from].Site {
			to++
		}
		if to == from { // no sign, or a Start: it stays
			kept = append(kept, f.Marks[from])
			from++
			continue
		}
		signs := f.Marks[from:to]
		kept = append(kept, signs[0])
		latest := len(kept)
		for i := 1; i < len(signs); i++ {
			if i+1 < len(signs) && signs[i].At.Truncate(time.Minute).Equal(signs[i+1].At.Truncate(time.Minute)) {
				continue
			}
			kept = append(kept, signs[i])
		}
		if over := len(kept) - latest - signsKept; over > 0 {
			kept = slices.Delete(kept, latest, latest+over)
		}
		from = to
	}
	if over := len(kept) - 2*marksKept; over > 0 {
		kept = slices.Delete(kept, 1, 1+over)
	}
	clear(f.Marks[len(kept):])
	f.Marks = kept
}

// last returns the event time of the latest mark.
func (f *Facts) last() time.Time { return f.Marks[len(f.Marks)-1].At }

// resumed returns when a session went on that was believed to have ended by t. If a
// finding ended it, that is its next sign of life, because nothing is known of the
// time between; if a Stop did, it is t.
func (f *Facts) resumed(t time.Time) time.Time {
	for i := 1; i < len(f.Marks); i++ {
		if m := &f.Marks[i]; m.sign() && m.At.After(t) {
			if f.Marks[i-1].Status == Other {
				return m.At
			}
			return t
		}
	}
	return t
}

// heard returns the latest arrival of a mark.
func (f *Facts) heard() (t time.Time) {
	for i := range f.Marks {
		t = later(t, f.Marks[i].Heard)
	}
	return t
}

// of returns the facts of the id on the device, nil if there are none. Sessions
// without an id are told apart by their NAS.
func (p *Person) of(id, device string, nas NASName) *Facts {
	for i := range p.Facts {
		f := &p.Facts[i]
		if f.ID == id && f.Device == device && (id != "" || f.Marks[0].NAS == hash32(nas)) {
			return f
		}
	}
	return nil
}

// takeIn adds the sighting to the facts of its id, and reports whether it is news.
func (p *Person) takeIn(n *Sighting) bool {
	f := p.of(n.Session, n.Device, n.NAS)
	if f == nil {
		p.Facts = append(p.Facts, Facts{ID: strings.Clone(n.Session), Device: n.Device, Place: Place{NAS: n.NAS}})
		f = &p.Facts[len(p.Facts)-1]
	}
	news := f.join(n.mark())
	if news {
		f.place(n)
	}
	return news
}
