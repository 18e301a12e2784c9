package main

import (
	"hash/fnv"
	"time"
)

// guest is a made-up user with one device, always at the same NAS: a session
// of a Start, some Interims and a Stop after the other.
type guest struct {
	user    int
	session uint64
	began   int64 // Event-Timestamp of the session's Start
	last    int64 // Event-Timestamp of the latest record
	step    int   // records of the session sent so far; 0: a session is to begin
	octets  uint32
}

// next returns the guest's next record at the time now, in seconds since
// 1970 by the clock of the NAS, in sessions of that many Interims. No two are equal,
// nor of the same second: an unchanged record would measure a cache of duplicates, and
// an Interim that is no later than the last need not be recorded.
func (g *guest) next(now int64, interims int) record {
	now = max(now, g.last+1)
	g.last = now
	if g.step == 0 || g.step > interims+1 {
		g.session, g.began, g.step, g.octets = sessionID(g.user, g.session), now, 0, 0
	}
	r := record{user: g.user, session: g.session, status: interim, at: now, age: uint32(now - g.began), octets: g.octets}
	switch g.step {
	case 0:
		r.status = start
	case interims + 1:
		r.status = stop
	}
	g.step++
	g.octets += 10007
	return r
}

// sessionID returns another id for every session of every guest of every run.
func sessionID(user int, last uint64) uint64 {
	if last != 0 {
		return last + 1
	}
	h := fnv.New64a()
	h.Write([]byte(time.Now().String()))
	return h.Sum64()&^0xffffffffff | uint64(user)<<16
}

// late returns the guest's next record when it was there already and its NAS
// delivers late: the Start of a minute ago, nearly, and an Interim. From these a
// server may learn in what interval the NAS sends Interims. What is older
// presenced would first wait to be contradicted.
func (g *guest) late(now int64) record {
	ago := int64(lateRecords-1-g.step) * 57
	r := g.next(now-ago, lateRecords)
	r.delay = uint32(ago)
	return r
}

const lateRecords = 2
