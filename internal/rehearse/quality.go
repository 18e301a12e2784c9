package rehearse

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
)

// Grade is what the accounting of a NAS is worth to presence.
type Grade string

// The grades.
const (
	Good   Grade = "good"
	Fair   Grade = "fair"
	Poor   Grade = "poor"
	Scarce Grade = "-" // too little was heard to tell
)

// NASRow is what the accounting of one NAS is like.
type NASRow struct {
	NAS       string   `json:"nas"`
	Client    string   `json:"client"`
	Records   uint64   `json:"records"`
	Sessions  uint64   `json:"sessions"`
	Long      uint64   `json:"long_sessions"`            // those of half an hour and more, which interims belong to
	Interims  float64  `json:"with_interims"`            // the share of these with interims; negative: it cannot be told
	Interval  Duration `json:"interim_interval"`         // the usual one; 0: none
	LostStops float64  `json:"lost_stops"`               // the share of sessions whose Stop never came
	Late      float64  `json:"late"`                     // the share of records that tell of what was more than a minute ago
	Repeated  float64  `json:"repeated"`                 // the share of records that had come already
	Skew      Duration `json:"clock_behind"`             // how far its clock is off; negative: ahead
	BadStamps uint64   `json:"stamps_not_believed"`      // records with an Event-Timestamp that is not believed
	Anonymous float64  `json:"anonymous"`                // the share of records that hide whose they are
	MACNames  float64  `json:"names_that_are_addresses"` // the share of records whose name is a MAC address
	Grade     Grade    `json:"grade"`
	Remedies  []string `json:"remedies"` // what to change on it, in docs/controllers.md's words
}

// quality tells what the accounting of each NAS is like.
type quality struct {
	cfg      *configs.Config
	seed     maphash.Seed
	nases    map[presence.NASName]*nas
	sessions map[uint64]*session
	latest   map[uint64]uint64 // by device: its latest session
	swept    time.Time
	devices  map[uint64]struct{} // of people
	ahead    []*presence.Reading // of the records that are read next
	hidden   bool                // the record that is being read hides whose it is
	scant    bool                // the records that come now are of a format that leaves interims out
	sparse   bool                // a format was read that leaves interims out
	whole    bool                // … and one that does not
}

// nas is what has been counted of one.
type nas struct {
	row       NASRow
	lost      uint64
	ended     uint64
	regular   uint64 // long sessions with interims
	late      uint64
	repeats   uint64
	anonymous uint64
	macs      uint64
	gaps      map[int32]uint32 // between interims, in units of ten seconds
	whole     bool             // heard in a format that has interims
}

// session is one that is on.
type session struct {
	nas      *nas
	began    int64 // in seconds
	seen     int64
	interims uint32
	started  bool
}

const (
	longSession = 30 * time.Minute
	sweepEvery  = time.Hour
	gapUnit     = 10 * time.Second
)

// mostDevices bounds how many devices are counted: private addresses may change daily.
const mostDevices = 1 << 20

func (q *quality) init(cfg *configs.Config) {
	q.cfg, q.seed = cfg, maphash.MakeSeed()
	q.nases, q.sessions, q.latest = map[presence.NASName]*nas{}, map[uint64]*session{}, map[uint64]uint64{}
	q.devices = map[uint64]struct{}{}
}

func (q *quality) of(r *presence.Record) *nas {
	name := r.NAS()
	n := q.nases[name]
	if n == nil {
		n = &nas{gaps: map[int32]uint32{}}
		client, own, _ := strings.Cut(string(name), "/")
		n.row.NAS, n.row.Client = strings.Clone(cmp.Or(strings.TrimPrefix(own, "/"), client)), strings.Clone(client)
		q.nases[presence.NASName(strings.Clone(string(name)))] = n
	}
	return n
}

// Read implements [presence.Mapping]: it returns what the configured one made of the
// record before it was known when that was, and counts that here.
func (q *quality) Read(r *presence.Record) *presence.Reading {
	g := q.ahead[0]
	q.ahead = q.ahead[1:]
	g.Date(r)
	q.hidden = g.Hidden
	if g.Nobody.Kind == "" && r.Device != "" && len(q.devices) < mostDevices {
		q.devices[maphash.String(q.seed, r.Device)] = struct{}{}
	}
	q.hear(r, q.scant)
	return g
}

// repeat takes in a record that had come already.
func (q *quality) repeat(r *presence.Record) {
	n := q.of(r)
	n.row.Records++
	n.repeats++
}

// hear takes in a record whose event time is known.
func (q *quality) hear(r *presence.Record, sparse bool) {
	n := q.of(r)
	n.row.Records++
	n.whole, q.sparse, q.whole = n.whole || !sparse, q.sparse || sparse, q.whole || !sparse
	switch r.Status {
	case presence.Start, presence.Interim, presence.Stop:
	default:
		return
	}
	if r.Heard.Sub(r.At) > time.Minute {
		n.late++
	}
	if r.BadStamp {
		n.row.BadStamps++
	}
	if r.UserName != "" && r.Device != "" && isDevice(r.UserName, r.Device) {
		n.macs++
	} else if q.hidden {
		n.anonymous++
	}
	q.session(n, r)
	if r.Heard.Sub(q.swept) > sweepEvery {
		q.sweep(r.Heard)
	}
}

// isDevice reports whether a name is the device's MAC address in any spelling.
func isDevice(name, device string) bool {
	at := 0
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'F' {
			c += 'a' - 'A'
		}
		if c == ':' || c == '-' || c == '.' {
			continue
		}
		for at < len(device) && device[at] == ':' {
			at++
		}
		if at == len(device) || device[at] != c {
			return false
		}
		at++
	}
	return at == len(device)
}

func (q *quality) session(n *nas, r *presence.Record) {
	key := maphash.Comparable(q.seed, [3]string{string(r.NAS()), r.Session, r.Device})
	device := maphash.String(q.seed, r.Device)
	at := r.At.Unix()
	s := q.sessions[key]
	if s == nil {
		s = &session{nas: n, began: at, seen: at}
		if r.HasAge && r.Age < 24*time.Hour {
			s.began = at - int64(r.Age/time.Second)
		}
		q.sessions[key] = s
		n.row.Sessions++
	}
	switch r.Status {
	case presence.Start:
		if was := q.latest[device]; was != 0 && was != key && r.Device != "" {
			if old := q.sessions[was]; old != nil && at-old.seen > int64(deadSession/time.Second) { // it was never told to have ended
				q.end(was, old, true)
			}
		}
		s.started = true
		q.latest[device] = key
	case presence.Interim:
		if gap := at - s.seen; s.interims > 0 && gap >= 55 && gap <= 4*3600 {
			n.gaps[int32((gap+5)/int64(gapUnit/time.Second))]++
		}
		s.interims++
	case presence.Stop:
		s.seen = max(s.seen, at)
		q.end(key, s, false)
		if q.latest[device] == key {
			delete(q.latest, device)
		}
		return
	}
	s.seen = max(s.seen, at)
}

// deadSession is how long a session was not heard before another of its device for its
// Stop to count as lost: an access point that waits for its station tells late.
const deadSession = 10 * time.Minute

// end takes in a session that is over.
func (q *quality) end(key uint64, s *session, lost bool) {
	n := s.nas
	n.ended++
	if lost {
		n.lost++
	}
	if s.seen-s.began >= int64(longSession/time.Second) {
		n.row.Long++
		if s.interims > 0 {
			n.regular++
		}
	}
	delete(q.sessions, key)
}

// sweep ends the sessions that have not been heard for longer than any goes unheard.
func (q *quality) sweep(now time.Time) {
	q.swept = now
	past := now.Add(-q.cfg.Rules.MaxSession).Unix()
	for key, s := range q.sessions {
		if s.seen < past {
			q.end(key, s, true)
		}
	}
	for device, key := range q.latest {
		if q.sessions[key] == nil {
			delete(q.latest, device)
		}
	}
}

// rows returns a row for each NAS, the worst first.
func (q *quality) rows(known map[presence.NASName]presence.NAS) []NASRow {
	for _, s := range q.sessions { // those that are on when the records end
		if n := s.nas; s.seen-s.began >= int64(longSession/time.Second) {
			n.row.Long++
			if s.interims > 0 {
				n.regular++
			}
		}
	}
	rows := []NASRow{}
	for name, n := range q.nases {
		r := n.row
		records := float64(max(r.Records, 1))
		r.Interims = -1
		if r.Long > 0 && n.whole {
			r.Interims = float64(n.regular) / float64(r.Long)
		}
		var most uint32
		for gap, count := range n.gaps {
			if count > most || count == most && Duration(gap)*Duration(gapUnit) < r.Interval {
				most, r.Interval = count, Duration(gap)*Duration(gapUnit)
			}
		}
		if n.ended > 0 {
			r.LostStops = float64(n.lost) / float64(n.ended)
		}
		r.Late, r.Repeated = float64(n.late)/records, float64(n.repeats)/records
		r.Anonymous, r.MACNames = float64(n.anonymous)/records, float64(n.macs)/records
		if clock := known[name].Clock; !clock.Since.IsZero() {
			r.Skew = Duration(clock.Lag.Round(time.Second))
		}
		r.grade(time.Duration(q.cfg.Rules.MaxSkew))
		rows = append(rows, r)
	}
	order := map[Grade]int{Poor: 0, Fair: 1, Good: 2, Scarce: 3}
	slices.SortFunc(rows, func(a, b NASRow) int {
		return cmp.Or(cmp.Compare(order[a.Grade], order[b.Grade]), cmp.Compare(b.Records, a.Records), cmp.Compare(a.NAS, b.NAS))
	})
	return rows
}

// halfHour is what zones differ by.
const halfHour = 30 * time.Minute

// few is how many sessions are too few for a grade.
const few = 5

// grade judges the row.
func (r *NASRow) grade(maxSkew time.Duration) {
	r.Grade, r.Remedies = Good, []string{}
	worse := func(g Grade, remedy string, args ...any) {
		if r.Grade == Good || g == Poor {
			r.Grade = g
		}
		r.Remedies = append(r.Remedies, fmt.Sprintf(remedy, args...))
	}
	if r.Sessions < few {
		r.Grade = Scarce
		return
	}
	const interims = "have it send interim updates every 10 minutes (five to fifteen): "
	switch {
	case r.Interims >= 0 && r.Interims < 0.5:
		worse(Poor, interims+"without them a lost Stop is only noticed after max_session")
	case r.Interims >= 0 && r.Interims < 0.9:
		worse(Fair, interims+"some sessions have none")
	case time.Duration(r.Interval) > 20*time.Minute:
		worse(Fair, interims+"a device is found silent after three that are missing, which takes %v here", 3*time.Duration(r.Interval))
	case r.Interval > 0 && time.Duration(r.Interval) < 3*time.Minute:
		worse(Fair, "interim updates every %v are more than anybody needs: 10 minutes do", time.Duration(r.Interval))
	}
	switch {
	case r.LostStops > 0.2:
		worse(Poor, "one Stop in %.0f is lost: have it send accounting again that is not answered, and look at the network between", 1/r.LostStops)
	case r.LostStops > 0.05:
		worse(Fair, "one Stop in %.0f is lost: have it send accounting again that is not answered", 1/r.LostStops)
	}
	switch skew := time.Duration(r.Skew).Abs(); {
	case skew >= halfHour-time.Minute && (skew-skew.Round(halfHour)).Abs() <= time.Minute:
		worse(Poor, "event times and times of arrival are %s apart: if the file is in the time of another zone, give --time-zone; else NTP", Short(skew.Round(halfHour)))
	case skew > maxSkew || r.BadStamps > r.Records/10:
		worse(Poor, "NTP: event times more than max_skew off are not believed, and the time of arrival counts instead")
	case skew > time.Minute:
		worse(Fair, "NTP: its clock is %v off", skew)
	}
	switch {
	case r.Anonymous > 0.1:
		worse(Poor, "have the RADIUS server return the real name in the User-Name of the Access-Accept: %.0f %% of its records hide whose they are", 100*r.Anonymous)
	case r.Anonymous > 0.01:
		worse(Fair, "some of its records hide whose they are: have the RADIUS server return the real name in the User-Name of the Access-Accept")
	}
	if r.MACNames > 0.1 {
		worse(Fair, "%.0f %% of its records name a MAC address: a network that is not 802.1X leads to nobody; if it is to count, let people sign in by 802.1X", 100*r.MACNames)
	}
	if r.Late > 0.05 {
		worse(Fair, "%.0f %% of its records come more than a minute late: look at what is between it and the RADIUS server", 100*r.Late)
	}
	if r.Repeated > 0.2 {
		worse(Fair, "%.0f %% of its records come twice: answers get lost, or two servers wrote each down", 100*r.Repeated)
	}
}
