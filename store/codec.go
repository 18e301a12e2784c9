package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/presenced/presenced/presence"
)

// What people and visits are written as: a version byte, and then every field
// in the order of its type's declaration. Texts and lists begin with their
// length; numbers, durations and times (nanoseconds since 1970, one more than
// that, or 0 for the zero time) are varints. A field that is added, moved or
// removed makes another version.
const codecVersion = 1

var errTruncated = errors.New("it ends early, or a length in it is wrong")

func appendText[T ~string](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, is bool) []byte {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	ns := nanoseconds(t)
	return binary.AppendUvarint(b, uint64(ns<<1^ns>>63)+1)
}

func appendList[T any](b []byte, list []T, one func([]byte, *T) []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = one(b, &list[i])
	}
	return b
}

// reader reads what the append functions wrote. After the first fault it
// reads zeros.
type reader struct {
	data  []byte
	text  string // the same as data; every text that is read is a part of it
	at    int
	wrong error
}

func newReader(data []byte) *reader {
	r := &reader{data: data, text: string(data)}
	if version := r.byte(); r.wrong == nil && version != codecVersion {
		r.fail(fmt.Errorf("it is of version %d, and this presenced reads %d", version, codecVersion))
	}
	return r
}

func (r *reader) fail(err error) {
	if r.wrong == nil {
		r.wrong = err
	}
	r.data, r.at = nil, 0
}

// end returns what was wrong with what was read, all of it.
func (r *reader) end() error {
	if r.wrong == nil && r.at < len(r.data) {
		r.fail(fmt.Errorf("%d bytes too many", len(r.data)-r.at))
	}
	return r.wrong
}

func (r *reader) byte() byte {
	if r.at == len(r.data) {
		r.fail(errTruncated)
		return 0
	}
	r.at++
	return r.data[r.at-1]
}

func (r *reader) bool() bool { return r.byte() != 0 }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data[r.at:])
	if n <= 0 {
		r.fail(errTruncated)
		return 0
	}
	r.at += n
	return v
}

func (r *reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *reader) time() time.Time {
	v := r.uvarint()
	if v == 0 {
		return time.Time{}
	}
	v--
	return time.Unix(0, int64(v>>1)^-int64(v&1)).UTC()
}

// length reads the length of what takes up at least the given number of bytes
// each.
func (r *reader) length(least int) int {
	n := r.uvarint()
	if n > uint64((len(r.data)-r.at)/least) {
		r.fail(errTruncated)
		return 0
	}
	return int(n)
}

func readText[T ~string](r *reader) T {
	n := r.length(1)
	if n == 0 {
		return ""
	}
	r.at += n
	return T(r.text[r.at-n : r.at])
}

func readList[T any](r *reader, least int, one func(*reader, *T)) []T {
	n := r.length(least)
	if n == 0 {
		return nil
	}
	list := make([]T, n)
	for i := range list {
		one(r, &list[i])
	}
	return list
}

// The fewest bytes that one of each takes up: its number of fields. They bound
// what a wrong length can have allocated.
const (
	leastSession = 19
	leastDevice  = 5
	leastVisit   = 20
	leastClaim   = 9
	leastEntry   = 3
	leastText    = 1
)

// appendPerson leaves out the user, which is the key.
func appendPerson(b []byte, p *presence.Person) []byte {
	b = appendList(b, p.Sessions, appendSession)
	b = appendList(b, p.Devices, appendDevice)
	b = appendList(b, p.Visits, appendVisit)
	b = appendList(b, p.Story, appendEntry)
	b = appendTime(b, p.Wake)
	return appendTime(b, p.Errand)
}

func readPerson(r *reader, p *presence.Person) {
	p.Sessions = readList(r, leastSession, readSession)
	p.Devices = readList(r, leastDevice, readDevice)
	p.Visits = readList(r, leastVisit, readVisit)
	p.Story = readList(r, leastEntry, readEntry)
	p.Wake = r.time()
	p.Errand = r.time()
}

func appendSession(b []byte, s *presence.Session) []byte {
	b = appendText(b, s.ID)
	b = appendText(b, s.Multi)
	b = appendText(b, s.Device)
	b = appendText(b, s.Site)
	b = appendText(b, s.SSID)
	b = appendText(b, s.NAS)
	b = appendText(b, s.AP)
	b = appendText(b, s.BSSID)
	b = appendText(b, s.State)
	b = appendTime(b, s.Began)
	b = appendBool(b, s.Exact)
	b = appendTime(b, s.Seen)
	b = appendTime(b, s.Steady)
	b = appendTime(b, s.Heard)
	b = appendTime(b, s.Ended)
	b = binary.AppendVarint(b, int64(s.Age))
	b = binary.AppendVarint(b, int64(s.Interim))
	b = binary.AppendUvarint(b, uint64(s.Cause))
	return appendTime(b, s.Hold)
}

func readSession(r *reader, s *presence.Session) {
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
}

func appendDevice(b []byte, d *presence.Device) []byte {
	b = appendText(b, d.ID)
	b = appendText(b, d.Site)
	b = appendTime(b, d.Began)
	b = appendTime(b, d.Last)
	return appendBool(b, d.Closed)
}

func readDevice(r *reader, d *presence.Device) {
	d.ID = readText[string](r)
	d.Site = readText[string](r)
	d.Began = r.time()
	d.Last = r.time()
	d.Closed = r.bool()
}

func appendVisit(b []byte, v *presence.Visit) []byte {
	b = appendText(b, v.ID)
	b = appendText(b, v.User)
	b = appendText(b, v.Site)
	b = appendTime(b, v.Arrived)
	b = appendTime(b, v.Departed)
	b = appendText(b, v.State)
	b = appendText(b, v.End)
	b = appendErrand(b, &v.CheckIn)
	b = appendErrand(b, &v.CheckOut)
	b = appendList(b, v.Claims, appendClaim)
	return appendList(b, v.Story, appendEntry)
}

func readVisit(r *reader, v *presence.Visit) {
	v.ID = readText[string](r)
	v.User = readText[string](r)
	v.Site = readText[string](r)
	v.Arrived = r.time()
	v.Departed = r.time()
	v.State = readText[presence.VisitState](r)
	v.End = readText[presence.End](r)
	readErrand(r, &v.CheckIn)
	readErrand(r, &v.CheckOut)
	v.Claims = readList(r, leastClaim, readClaim)
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
