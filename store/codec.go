package store

import (
	"encoding/binary"
	"time"

	"github.com/presenced/presenced/presence"
)

// codecVersion is the first octet of what people and visits are written as; then comes
// every field in the order of its type's declaration. A field that is added, moved or
// removed makes another version; for what older ones wrote see codec1.go.
const codecVersion = 4

// The fewest bytes that one of each takes up: its number of fields. They bound
// what a wrong length can have allocated.
const (
	leastFacts  = 10
	leastMark   = 8 // the same site again is a bit
	leastDevice = 5
	leastFloor  = 2
	leastVisit  = 28
	leastClaim  = 9
	leastEntry  = 3
	leastText   = 1

	leastApart   = 6
	leastStretch = 7 // the same device and site again are a bit, and so is one moment in place of three
)

// appendPerson leaves out the user, which is the key, and what is stored apart.
func appendPerson(b []byte, p *presence.Person) []byte {
	b = appendList(b, p.Facts, appendFacts)
	b = appendOver(b, p.Over)
	b = appendList(b, p.Devices, appendDevice)
	b = appendList(b, p.Floors, appendFloor)
	b = appendTime(b, p.News)
	b = appendText(b, p.Client)
	b = appendTime(b, p.Shared.Until)
	b = binary.AppendUvarint(b, p.Shared.Count)
	b = appendTime(b, p.Shared.Heard)
	b = appendList(b, p.Visits, appendVisit)
	b = binary.AppendUvarint(b, uint64(p.Told.Lines))
	b = appendTime(b, p.Told.From)
	b = appendTime(b, p.Told.To)
	b = appendTime(b, p.Wake)
	return appendTime(b, p.NextErrand)
}

func readPerson(r *reader, p *presence.Person) {
	if r.version == 1 {
		readPerson1(r, p)
		return
	}
	p.Facts = readListTo(r.facts(), r, leastFacts, readFacts)
	if r.version > 3 {
		p.Over = readOver(r)
	}
	p.Devices = readList(r, leastDevice, readDevice)
	p.Floors = readList(r, leastFloor, readFloor)
	p.News = r.time()
	p.Client = readText[string](r)
	p.Shared.Until = r.time()
	p.Shared.Count = r.uvarint()
	p.Shared.Heard = r.time()
	p.Visits = readList(r, leastVisit, readVisit)
	if r.version > 3 {
		p.Told.Lines = int(r.uvarint())
		p.Told.From, p.Told.To = r.time(), r.time()
	} else {
		p.Story = readList(r, leastEntry, readEntry)
	}
	p.Wake = r.time()
	p.NextErrand = r.time()
}

// appendFacts writes the marks' times as what lies between them: most are whole
// seconds apart, and arrive within one of the event.
func appendFacts(b []byte, f *presence.Facts) []byte {
	b = appendText(b, f.ID)
	b = appendText(b, f.Device)
	b = appendText(b, f.Place.Site)
	b = appendText(b, f.Place.SSID)
	b = appendText(b, f.Place.NAS)
	b = appendText(b, f.Place.AP)
	b = appendText(b, f.Place.BSSID)
	b = appendText(b, f.Place.Multi)
	b = appendTime(b, f.Place.At)
	b = binary.AppendUvarint(b, uint64(len(f.Marks)))
	was := presence.Mark{}
	for i := range f.Marks {
		m := &f.Marks[i]
		b = append(b, byte(m.Status)|byte(m.Whose)<<3|bit(m.Vague, 5)|bit(m.Guess, 6)|bit(m.Site == was.Site, 7))
		if m.Site != was.Site {
			b = appendText(b, m.Site)
		}
		if i == 0 {
			b = appendTime(b, m.At)
		} else {
			b = appendSince(b, m.At, was.At)
		}
		b = appendSince(b, m.Heard, m.At)
		b = appendSpan(b, int64(m.Age))
		b = binary.AppendUvarint(b, uint64(m.Cause))
		b = binary.AppendUvarint(b, uint64(m.NAS^was.NAS))
		b = binary.AppendUvarint(b, uint64(m.AP^was.AP))
		b = appendTime(b, m.Stamp)
		was = *m
	}
	return b
}

func readFacts(r *reader, f *presence.Facts) {
	f.ID = readText[string](r)
	f.Device = readText[string](r)
	f.Place.Site = readText[string](r)
	f.Place.SSID = readText[string](r)
	f.Place.NAS = readText[presence.NASName](r)
	f.Place.AP = readText[string](r)
	f.Place.BSSID = readText[string](r)
	f.Place.Multi = readText[string](r)
	f.Place.At = r.time()
	was, first, least := presence.Mark{}, true, leastMark
	if r.version == 2 { // it had no stamps
		least--
	}
	f.Marks = readListTo(r.marks(), r, least, func(r *reader, m *presence.Mark) {
		flags := r.byte()
		m.Status, m.Whose = presence.Status(flags&7), presence.Whose(flags>>3&3)
		m.Vague, m.Guess, m.Site = flags&(1<<5) != 0, flags&(1<<6) != 0, was.Site
		if flags&(1<<7) == 0 {
			m.Site = readText[string](r)
		}
		if first {
			m.At = r.time()
		} else {
			m.At = r.since(was.At)
		}
		m.Heard = r.since(m.At)
		m.Age = time.Duration(r.span())
		m.Cause = presence.Cause(r.uvarint())
		m.NAS = was.NAS ^ uint32(r.uvarint())
		m.AP = was.AP ^ uint32(r.uvarint())
		if r.version > 2 {
			m.Stamp = r.time()
		}
		was, first = *m, false
	})
	if len(f.Marks) == 0 {
		r.fail(errTruncated) // there is no id of which nothing was heard
	}
}

func appendDevice(b []byte, d *presence.Device) []byte {
	b = appendText(b, d.ID)
	b = appendText(b, d.Site)
	b = appendTime(b, d.Began)
	b = appendTime(b, d.Last)
	return binary.AppendVarint(b, int64(d.Doze))
}

func readDevice(r *reader, d *presence.Device) {
	d.ID = readText[string](r)
	d.Site = readText[string](r)
	d.Began = r.time()
	d.Last = r.time()
	d.Doze = time.Duration(r.varint())
}

func appendFloor(b []byte, f *presence.Floor) []byte { return appendTime(appendText(b, f.Site), f.At) }

func readFloor(r *reader, f *presence.Floor) {
	f.Site = readText[string](r)
	f.At = r.time()
}

func appendVisit(b []byte, v *presence.Visit) []byte {
	b = appendText(b, v.ID)
	b = appendText(b, v.User)
	b = appendText(b, v.Site)
	b = appendTime(b, v.Arrived)
	b = appendTime(b, v.Departed)
	b = appendTime(b, v.Believed)
	b = appendText(b, v.State)
	b = appendText(b, v.End)
	b = appendErrand(b, &v.CheckIn)
	b = appendErrand(b, &v.CheckOut)
	b = appendList(b, v.Claims, appendClaim)
	b = appendOutlook(b, &v.Outlook)
	return appendList(b, v.Story, appendEntry)
}

func appendOutlook(b []byte, o *presence.Outlook) []byte {
	b = appendText(b, o.State)
	b = appendText(b, o.Why)
	b = appendTime(b, o.Since)
	b = appendTime(b, o.Until)
	b = appendText(b, o.Held)
	return appendTime(b, o.At)
}

func readOutlook(r *reader, o *presence.Outlook) {
	o.State = readText[presence.VisitState](r)
	o.Why = readText[string](r)
	o.Since = r.time()
	o.Until = r.time()
	o.Held = readText[presence.HeldBy](r)
	o.At = r.time()
}

func readVisit(r *reader, v *presence.Visit) {
	v.ID = readText[string](r)
	v.User = readText[string](r)
	v.Site = readText[string](r)
	v.Arrived = r.time()
	v.Departed = r.time()
	if r.version > 1 {
		v.Believed = r.time()
	}
	v.State = readText[presence.VisitState](r)
	v.End = readText[presence.End](r)
	readErrand(r, &v.CheckIn)
	readErrand(r, &v.CheckOut)
	v.Claims = readList(r, leastClaim, readClaim)
	if r.version > 1 {
		readOutlook(r, &v.Outlook)
	}
	v.Story = readList(r, leastEntry, readEntry)
}

func appendErrand(b []byte, e *presence.Errand) []byte {
	b = appendText(b, e.Status)
	b = appendTime(b, e.At)
	b = appendList(b, e.Bookings, func(b []byte, id *string) []byte { return appendText(b, *id) })
	b = binary.AppendVarint(b, int64(e.Attempts))
	b = appendTime(b, e.Next)
	return appendText(b, e.Reason)
}

func readErrand(r *reader, e *presence.Errand) {
	e.Status = readText[presence.ErrandStatus](r)
	e.At = r.time()
	e.Bookings = readList(r, leastText, func(r *reader, id *string) { *id = readText[string](r) })
	e.Attempts = int(r.varint())
	e.Next = r.time()
	e.Reason = readText[string](r)
}

func appendClaim(b []byte, c *presence.Claim) []byte {
	b = appendText(b, c.Booking)
	b = appendTime(b, c.Begin)
	b = appendTime(b, c.End)
	b = appendTime(b, c.Tried)
	b = appendTime(b, c.In)
	b = appendTime(b, c.Out)
	b = appendTime(b, c.Next)
	b = appendText(b, c.Refused)
	return appendBool(b, c.DryRun)
}

func readClaim(r *reader, c *presence.Claim) {
	c.Booking = readText[string](r)
	c.Begin = r.time()
	c.End = r.time()
	c.Tried = r.time()
	c.In = r.time()
	c.Out = r.time()
	c.Next = r.time()
	c.Refused = readText[string](r)
	c.DryRun = r.bool()
}

func appendEntry(b []byte, e *presence.Entry) []byte {
	b = appendTime(b, e.At)
	b = appendText(b, e.Kind)
	return appendText(b, e.Text)
}

func readEntry(r *reader, e *presence.Entry) {
	e.At = r.time()
	e.Kind = readText[presence.EntryKind](r)
	e.Text = readText[string](r)
}
