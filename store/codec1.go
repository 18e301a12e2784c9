package store

import (
	"time"

	"github.com/presenced/presenced/presence"
)

// The fewest bytes that one of each took up in the first version.
const (
	leastSession1 = 19
	leastDevice1  = 5
	leastVisit1   = 21
)

// readPerson1 reads a person of the first version, which kept of each session
// what was concluded of it and not what was heard.
func readPerson1(r *reader, p *presence.Person) {
	var old presence.Person1
	old.Sessions = readList(r, leastSession1, func(r *reader, s *presence.Session1) {
		s.ID = readText[string](r)
		s.Multi = readText[string](r)
		s.Device = readText[string](r)
		s.Site = readText[string](r)
		s.SSID = readText[string](r)
		s.NAS = readText[string](r)
		s.AP = readText[string](r)
		s.BSSID = readText[string](r)
		s.State = readText[presence.SessionState](r)
		s.Began = r.time()
		s.Exact = r.bool()
		s.Seen = r.time()
		s.Steady = r.time()
		s.Heard = r.time()
		s.Ended = r.time()
		s.Age = time.Duration(r.varint())
		s.Interim = time.Duration(r.varint())
		s.Cause = presence.Cause(r.uvarint())
		s.Hold = r.time()
	})
	old.Devices = readList(r, leastDevice1, func(r *reader, d *presence.Device1) {
		d.ID = readText[string](r)
		d.Site = readText[string](r)
		d.Began = r.time()
		d.Last = r.time()
		d.Closed = r.bool()
	})
	p.Visits = readList(r, leastVisit1, readVisit)
	p.Story = readList(r, leastEntry, readEntry)
	p.Wake = r.time()
	p.NextErrand = r.time()
	old.Take(p)
}
