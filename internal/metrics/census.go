package metrics

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/presenced/presenced/presence"
)

const (
	censusWait = time.Second      // how long a scrape waits for a count before it tells the one before
	censusAge  = 10 * time.Second // counted anew after this long …
	censusRest = 20               // … and after this many times what it took, which bounds its cost to a twentieth of a core
)

// household is the part of a store that a census reads.
type household interface {
	People(ctx context.Context, after string, limit int) ([]presence.Person, error)
}

// census counts people, sessions and errands. That takes a walk over
// everybody, in short reads, so it is done when somebody scrapes and not each
// time: for a million people it takes seconds.
type census struct {
	store household
	world func() presence.World
	sites func() []string // those of the configuration

	mu       sync.Mutex // guards what follows
	last     *count     // nil: none yet
	counting chan struct{}
}

// count is what a census found.
type count struct {
	at, ended time.Time
	people    map[[2]string]int // by site and state
	sessions  map[[2]string]int // by site and state
	clients   map[[2]string]int // live sessions by client and whether there are interims
	errands   map[[2]string]int // by errand and status
	pending   map[string]time.Duration
	overdue   time.Duration
	silent    map[presence.NASName]bool
}

// latest returns the latest count, one that is made now if that is due and
// quick; nil if there is none.
func (c *census) latest() *count {
	c.mu.Lock()
	if c.counting == nil && (c.last == nil || time.Since(c.last.ended) > max(censusAge, censusRest*c.last.ended.Sub(c.last.at))) {
		c.counting = make(chan struct{})
		go c.count(c.counting)
	}
	counting := c.counting
	c.mu.Unlock()
	if counting != nil {
		select {
		case <-counting:
		case <-time.After(censusWait):
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// count makes the next count. One that fails, because the store does, leaves
// the one before.
func (c *census) count(done chan struct{}) {
	n := newCount(time.Now())
	n.zeroes(c.sites())
	err := n.walk(c.store, c.world)
	n.ended = time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.last = n
	}
	c.counting = nil
	close(done)
}

func newCount(now time.Time) *count {
	return &count{
		at: now, people: map[[2]string]int{}, sessions: map[[2]string]int{}, clients: map[[2]string]int{}, errands: map[[2]string]int{},
		pending: map[string]time.Duration{"check_in": 0, "check_out": 0}, silent: map[presence.NASName]bool{},
	}
}

// zeroes adds nothing to each count, so that a count of nobody is told and not
// left out.
func (n *count) zeroes(sites []string) {
	for _, errand := range []string{"check_in", "check_out"} {
		n.errands[[2]string{errand, string(presence.Pending)}] += 0
	}
	for _, site := range sites {
		for _, state := range []presence.VisitState{presence.Arriving, presence.Present, presence.Leaving} {
			n.people[[2]string{site, string(state)}] += 0
		}
		for _, state := range []presence.SessionState{presence.Open, presence.Suspect} {
			n.sessions[[2]string{site, string(state)}] += 0
		}
	}
}

func (n *count) walk(store household, world func() presence.World) error {
	for people, err := range presence.Everybody(context.Background(), store, "") {
		if err != nil {
			return err
		}
		w, now := world(), time.Now()
		for i := range people {
			n.person(people[i].View(now, w))
		}
	}
	return nil
}

func (n *count) person(p presence.View) {
	for i := range p.Sessions {
		if p.Sessions[i].Live() {
			n.session(&p.Sessions[i])
		}
	}
	for i := range p.Visits {
		n.visit(&p.Visits[i])
	}
}

// interimsBy is how old a session has become when it should have sent interims
// from which their interval can be told.
const interimsBy = time.Hour

func (n *count) session(s *presence.Session) {
	n.sessions[[2]string{s.Site, string(s.State)}]++
	interims := "not_yet"
	switch {
	case s.Interim > 0:
		interims = "yes"
	case n.at.Sub(s.Began) > interimsBy:
		interims = "no"
	}
	n.clients[[2]string{s.NAS.Client(), interims}]++
	if s.State == presence.Suspect && s.Cause == presence.NASSilent {
		n.silent[s.NAS] = true
	}
}

func (n *count) visit(v *presence.Visit) {
	if v.State != presence.Over {
		n.people[[2]string{v.Site, string(v.State)}]++
		n.errand("check_in", v.CheckIn, v.CheckIn.Status != presence.Skipped && v.State != presence.Arriving, refused(v, &v.CheckIn), wanted(v))
		return
	}
	n.errand("check_out", v.CheckOut, v.CheckOut.Status == presence.Waiting || v.CheckOut.Status == presence.Pending, refused(v, &v.CheckOut), v.Departed)
}

// refused reports whether the errand is pending because Kadence refuses it for now, and
// not for want of an answer: who has not self-certified is asked for again every few minutes all day.
func refused(v *presence.Visit, e *presence.Errand) bool {
	return e.Attempts == 0 && slices.ContainsFunc(v.Claims, func(c presence.Claim) bool { return c.Refused != "" && c.Refused == e.Reason })
}

// wanted is since when the visit's check-in has been wanted, as far as is
// known: since the arrival, or since the begin of what is still to be checked in.
func wanted(v *presence.Visit) time.Time {
	var begin time.Time
	for _, c := range v.Claims {
		if c.In.IsZero() && (begin.IsZero() || c.Begin.Before(begin)) {
			begin = c.Begin
		}
	}
	if begin.After(v.Arrived) {
		return begin
	}
	return v.Arrived
}

// errand counts one side of a visit; open says that it is still to be run, refused that
// Kadence answered, and for now refuses.
func (n *count) errand(name string, e presence.Errand, open, refused bool, since time.Time) {
	n.errands[[2]string{name, string(e.Status)}]++
	if e.Status == presence.Pending && !refused {
		n.pending[name] = max(n.pending[name], n.at.Sub(since))
	}
	if open && !e.Next.IsZero() {
		n.overdue = max(n.overdue, n.at.Sub(e.Next))
	}
}

// censusCollector tells what the census found, and which NASes are heard.
func censusCollector(c *census, t *presence.Tracker) collector {
	people := newGauge("people", "People at a site, by state.", "site", "state")
	sessions := newGauge("sessions", "Live sessions at a site, by state.", "site", "state")
	clients := newGauge("client_sessions", `Live sessions that a client told of, by whether it sends interims of them; "not_yet" are younger than an hour.`,
		"client", "interims")
	errands := newGauge("errands", "Check-ins of visits that are on and check-outs of those that are over, by status, until the visit is archived.",
		"errand", "status")
	pending := newGauge("errands_oldest_pending_seconds",
		"For how long the longest pending check-in or check-out has been wanted that Kadence has not answered, at most; 0 if there is none.", "errand")
	overdue := newGauge("errands_overdue_seconds", "How late the courier is with the errand that was due first.")
	counted := newGauge("people_counted_timestamp_seconds", "When people, sessions and errands were counted; with many people not at each scrape.")
	nases := newGauge("nases", `NASes known, by whether they were heard within the hour ("heard"), were not ("quiet"), or miss interims of people there ("silent").`,
		"client", "state")
	all := []*family{people, sessions, clients, errands, pending, overdue, counted, nases}
	return collector{all, func(ch out) {
		n := c.latest()
		if n == nil {
			return
		}
		for f, counts := range map[*family]map[[2]string]int{people: n.people, sessions: n.sessions, clients: n.clients, errands: n.errands} {
			for labels, n := range counts {
				f.send(ch, float64(n), labels[0], labels[1])
			}
		}
		for errand, age := range n.pending {
			pending.send(ch, age.Seconds(), errand)
		}
		overdue.send(ch, n.overdue.Seconds())
		counted.sendTime(ch, n.at)
		for labels, n := range nasesBy(t.NASes(), n.silent) {
			nases.send(ch, float64(n), labels[0], labels[1])
		}
	}}
}

// nasesBy counts NASes by client and state.
func nasesBy(all map[presence.NASName]presence.NAS, silent map[presence.NASName]bool) map[[2]string]int {
	counts := map[[2]string]int{}
	for name, n := range all {
		state := "quiet"
		switch {
		case silent[name]:
			state = "silent"
		case time.Since(n.Heard) < time.Hour:
			state = "heard"
		}
		client := name.Client()
		for _, any := range []string{"heard", "quiet", "silent"} {
			counts[[2]string{client, any}] += 0
		}
		counts[[2]string{client, state}]++
	}
	return counts
}
