package main

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is what every NAS of an office is to send.
type load struct {
	window   int           // requests in flight per NAS, at most
	every    time.Duration // between two requests of a NAS; 0: as soon as there is room in the window
	after    time.Duration // when the first goes out
	count    int           // requests per NAS; 0: no limit
	during   time.Duration
	patience time.Duration // for answers after that
	next     func(g *guest, at int64) record
}

// tally is what came of a load.
type tally struct {
	sent    int
	acked   int // with a right Response Authenticator
	inTime  int // of those, before the load ended
	resent  int // sent again, unanswered for retryAfter
	lost    int // unanswered for good
	late    int // answers to what was answered already, or repeated since
	wrong   int // answers that are not authentic
	latency histogram
}

func (t *tally) add(o *tally) {
	t.sent += o.sent
	t.acked += o.acked
	t.inTime += o.inTime
	t.resent += o.resent
	t.lost += o.lost
	t.late += o.late
	t.wrong += o.wrong
	t.latency.merge(&o.latency)
}

// office is a number of NASes with guests, in front of one server.
type office struct{ nases []*nas }

// newOffice returns an office whose NASes have one source address and port
// each, which share the users evenly.
func newOffice(to door, nases, users int) (*office, error) {
	o := &office{}
	each := users / nases
	if each == 0 {
		return nil, fmt.Errorf("share %d users among %d NASes: too few", users, nases)
	}
	for i := range nases {
		guests := make([]guest, each)
		for j := range guests {
			guests[j].user = i*each + j
		}
		from := netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i)})
		n, err := newNAS(fmt.Sprintf("ap-%02d", i), from, to, guests)
		if err != nil {
			o.close()
			return nil, err
		}
		o.nases = append(o.nases, n)
	}
	return o, nil
}

func (o *office) close() {
	for _, n := range o.nases {
		n.wire.Close()
	}
}

// run sends the load from every NAS.
func (o *office) run(l load) (*tally, error) {
	each, err := o.each(l)
	if err != nil {
		return nil, err
	}
	var sum tally
	for _, t := range each {
		sum.add(t)
	}
	return &sum, nil
}

// each is run, with a tally for each NAS. Paced NASes take turns.
func (o *office) each(l load) ([]*tally, error) {
	all := make([]*tally, len(o.nases))
	var g errgroup.Group
	for i, n := range o.nases {
		l := l
		l.after += l.every * time.Duration(i) / time.Duration(len(o.nases))
		g.Go(func() (err error) {
			all[i], err = n.run(l)
			return err
		})
	}
	return all, g.Wait()
}

// keep keeps so many requests in flight all the time.
func (o *office) keep(inFlight, interims int, during time.Duration) (*tally, error) {
	busy := &office{o.nases[:min(inFlight, len(o.nases))]}
	return busy.run(load{
		window: inFlight / len(busy.nases), during: during, patience: patience, next: live(interims),
	})
}

// pace returns the load of so many requests a second.
func (o *office) pace(rate, interims int, during time.Duration) load {
	return load{
		window: identifiers - 1, every: time.Second * time.Duration(len(o.nases)) / time.Duration(rate),
		during: during, patience: patience, next: live(interims),
	}
}

func (o *office) guests() int { return len(o.nases) * len(o.nases[0].guests) }

// fill sends the first so many records of a session of every guest, for as long
// as that takes up to a limit, and spreads the guests over the course of
// sessions with so many Interims.
func (o *office) fill(records, interims int, limit time.Duration, next func(*guest, int64) record) error {
	t, err := o.run(load{
		window: max(1, 256/len(o.nases)), count: records * len(o.nases[0].guests), during: limit, patience: patience, next: next,
	})
	if err == nil && t.wrong > 0 && t.resent == 0 {
		err = fmt.Errorf("%d answers are not authentic", t.wrong)
	}
	for _, n := range o.nases {
		for i := range n.guests {
			if g := &n.guests[i]; g.step > 0 {
				g.step = 1 + g.user%(interims+1)
			}
		}
	}
	return err
}

// patience is how long answers are waited for at the end of a load: until the
// last request is given up.
const patience = tries * retryAfter

// live returns what guests send as it happens.
func live(interims int) func(*guest, int64) record {
	return func(g *guest, at int64) record { return g.next(at, interims) }
}
