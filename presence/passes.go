package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// How the courier has passes booked, and keeps what comes of it.

const (
	passAgain = 15 * time.Minute // after having found that there is no pass for somebody: looked again
	mostNone  = queueDepth       // visits of which that is remembered
)

// WalkIns returns how the requests for passes went, by site.
func (c *Courier) WalkIns() map[string]WalkInCount {
	now, rules := time.Now(), *c.rules.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]WalkInCount{}
	for name, site := range rules.Sites {
		if site.WalkIns.Rule != WalkInsOnsite {
			continue
		}
		n := *c.count(name)
		if t := c.passes.days[name]; t != nil && t.day.Equal(site.Day(now, rules.DayStarts)) {
			n.Today = t.asked
			if t.stopped() {
				n.Stopped = t.full(site)
			}
		}
		all[name] = n
	}
	return all
}

// count returns the count of the site. The caller holds c.mu.
func (c *Courier) count(site string) *WalkInCount {
	n := c.passes.counts[site]
	if n == nil {
		n = &WalkInCount{}
		c.passes.counts[site] = n
	}
	return n
}

// counted changes the count of the site, and how its day goes.
func (c *Courier) counted(site string, change func(*WalkInCount, *tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.passes.days[site]
	before := t.stopped()
	change(c.count(site), t)
	if t.stopped() && !before {
		c.log.Error("the desk refuses most passes: nobody more is booked here today", "site", site, "asked", t.asked, "refused", t.refused)
	}
}

// WalkInsOf returns which of the users had a pass asked for at the site in its day that
// holds at, or would have had, and the booking that came of it: "" in a dry run.
func WalkInsOf(ctx context.Context, store interface {
	NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error)
}, users []string, site Site, at time.Time, r Rules) (map[string]string, error) {
	passes := map[string]string{}
	for some := range slices.Chunk(users, walkPage) {
		notes, err := store.NotesOf(ctx, walkInKind, some)
		if err != nil {
			return nil, err
		}
		for i, note := range notes {
			all, _ := decodeWalkIns(note)
			if w := walkInToday(all, site, at, r); w != nil && (w.Booking != "" || w.DryRun) {
				passes[some[i]] = w.Booking
			}
		}
	}
	return passes, nil
}

// TidyWalkIns erases what was noted of passes and is of no use any longer.
func TidyWalkIns(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
	Update(ctx context.Context, changes []Change) error
}, now time.Time) error {
	for notes, err := range AllNotes(ctx, store, walkInKind) {
		if err != nil {
			return err
		}
		var changes []Change
		for _, n := range notes {
			if !pastWalkIns(n.Value, now) {
				continue
			}
			changes = append(changes, Change{Reads: []NoteKey{{n.Kind, n.Key}}, Apply: func(_ *Person, values [][]byte) Outcome {
				if !pastWalkIns(values[0], now) {
					return Outcome{}
				}
				return Outcome{Notes: []Note{{Kind: n.Kind, Key: n.Key}}}
			}})
		}
		if err := store.Update(ctx, changes); err != nil {
			return err
		}
	}
	return nil
}

// reserve takes a place in the site's day for one request more, or says why there is
// none.
func (c *Courier) reserve(ctx context.Context, site Site, now time.Time) (full string, err error) {
	if err := c.recallWalkIns(ctx, now); err != nil {
		return "", err
	}
	rules := *c.rules.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	day := site.Day(now, rules.DayStarts)
	t := c.passes.days[site.Name]
	if t == nil || !t.day.Equal(day) {
		t = &tally{day: day}
		c.passes.days[site.Name] = t
	}
	if full := t.full(site); full != "" {
		return full, nil
	}
	t.asked++
	return "", nil
}

// giveBack gives back a place in the site's day: nothing was asked for.
func (c *Courier) giveBack(site string) {
	c.counted(site, func(_ *WalkInCount, t *tally) { t.asked-- })
}

// recallWalkIns counts what was asked for today before the start.
func (c *Courier) recallWalkIns(ctx context.Context, now time.Time) error {
	c.mu.Lock()
	read := c.passes.read
	c.mu.Unlock()
	if read {
		return nil
	}
	rules, days := *c.rules.Load(), map[string]*tally{}
	for notes, err := range AllNotes(ctx, c.store, walkInKind) {
		if err != nil {
			return err
		}
		for _, n := range notes {
			all, _ := decodeWalkIns(n.Value)
			for _, w := range all {
				site, ok := rules.Sites[w.Site]
				day := site.Day(now, rules.DayStarts)
				if !ok || !site.Day(w.Tried, rules.DayStarts).Equal(day) || w.DryRun && !rules.DryRun {
					continue
				}
				if days[w.Site] == nil {
					days[w.Site] = &tally{day: day}
				}
				days[w.Site].add(&w)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.passes.read {
		c.passes.read, c.passes.days = true, days
	}
	return nil
}

// noPass remembers why the visit's person is booked no pass.
func (c *Courier) noPass(v Visit, why string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other := range c.passes.nones {
		if len(c.passes.nones) < mostNone {
			break
		}
		delete(c.passes.nones, other)
	}
	c.passes.nones[v.ID] = none{why, now.Add(passAgain)}
}

// noneFor returns why the visit's person was booked no pass, if it is too early to look
// again.
func (c *Courier) noneFor(v *Visit, now time.Time) (why string, holds bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.passes.nones[v.ID]
	return n.why, now.Before(n.next)
}

// without notes, with the visit and in its story, why its person is booked no pass.
func (c *Courier) without(v Visit, why string) error {
	now := time.Now()
	was, _ := c.noneFor(&v, now)
	c.noPass(v, why, now)
	return c.change(v, func(p *Person, v *Visit, now time.Time) {
		if was != why {
			p.tell(now, NotDone, why)
		}
		v.add(why)
	})
}

// add adds to why the check-in waits that its person is booked no pass.
func (v *Visit) add(why string) {
	if e := &v.CheckIn; e.Status == Waiting && len(e.Bookings) == 0 {
		e.Reason += "; " + why
	}
}

// request is the state of one person's walk-in at one site.
type request struct {
	desk  Passes // nil: there are none, of the site or of the desk
	site  Site
	w     *walkIn // what was asked for today; nil: nothing
	none  string  // why there was no pass lately
	holds bool    // … and it is too early to look again

	ours attempts
}

// request returns the state of the walk-in of the visit's person; a zero one if the
// site has none, or the desk.
func (c *Courier) request(ctx context.Context, v *Visit) (q *request, err error) {
	now, rules := time.Now(), *c.rules.Load()
	desk, ok := c.desk.(Passes)
	site := rules.Sites[v.Site]
	if !ok || site.WalkIns.Rule != WalkInsOnsite {
		return &request{}, nil
	}
	note, err := c.store.Note(ctx, walkInKind, v.User)
	if err != nil {
		return nil, err
	}
	all, ok := decodeWalkIns(note)
	if !ok { // somebody was booked, perhaps
		return &request{}, nil
	}
	return &request{desk: desk, site: site, w: walkInToday(all, site, now, rules)}, nil
}

// clearedUp notes that the booking came of the request, if it is one of which that was
// not known.
func (c *Courier) clearedUp(v Visit, q *request, all []Booking) error {
	if q.w == nil || q.w.Booking != "" {
		return nil
	}
	b := q.w.found(all)
	if b == nil {
		return nil
	}
	q.w.Booking = b.ID
	c.countBooked(v.Site)
	return c.noteWalkIn(v, q, Done, "walk-in: "+q.w.said()+" was booked after all: "+b.ID)
}

func (c *Courier) countBooked(site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(site).Booked++
}

// noteWalkIn notes what became of the request, and tells it. The visit may be over by
// now, but nothing is noted of whom nothing is known any more.
func (c *Courier) noteWalkIn(v Visit, q *request, kind EntryKind, text string) error {
	w, now := *q.w, time.Now()
	return c.store.Update(context.Background(), []Change{{User: v.User, Reads: []NoteKey{{walkInKind, v.User}}, Apply: func(p *Person, values [][]byte) Outcome {
		if p.Unknown() {
			return Outcome{}
		}
		p.tell(now, kind, text)
		all, _ := decodeWalkIns(values[0])
		return Outcome{Notes: []Note{noted(v.User, all, w)}}
	}}})
}

// unnoteWalkIn forgets the request, which was not made.
func (c *Courier) unnoteWalkIn(v Visit, w walkIn) error {
	return c.store.Update(context.Background(), []Change{{Reads: []NoteKey{{walkInKind, v.User}}, Apply: func(_ *Person, values [][]byte) Outcome {
		all, _ := decodeWalkIns(values[0])
		return Outcome{Notes: []Note{unnoted(v.User, all, w)}}
	}}})
}

// walkIn has a pass booked for the visit's person, who has been here for long enough
// without a booking. It returns the bookings that there are now, if there are any to
// be looked at.
func (c *Courier) walkIn(ctx context.Context, v Visit, q *request) (all []Booking, err error) {
	if q.w != nil {
		return c.clearUp(ctx, v, q)
	}
	pass, err := q.desk.Pass(ctx, v.User, v.Site)
	if err != nil {
		return nil, c.failed(v, q.ours, err)
	}
	c.answers(v.Site)
	if pass.None != "" {
		return nil, c.without(v, "walk-in: "+pass.None)
	}
	if all, err = q.desk.Today(ctx, v.User, v.Site); err != nil {
		return nil, c.failed(v, q.ours, err)
	}
	now := time.Now()
	if why := noWalkIn(all, q.site, now); why != "" {
		return all, c.without(v, "walk-in: "+why)
	}
	if !pass.End.After(pass.Begin) {
		return nil, c.without(v, "walk-in: the building is about to close")
	}
	switch full, err := c.reserve(ctx, q.site, now); {
	case err != nil:
		return nil, err
	case full != "":
		return nil, c.without(v, full)
	}
	q.w = &walkIn{Site: v.Site, Tried: now, Begin: pass.Begin, End: pass.End}
	if stays, err := c.attempt(v, q); err != nil || !stays {
		c.giveBack(v.Site)
		return nil, err
	}
	return c.book(ctx, v, q, pass)
}

// attempt notes the request and leases the visit's errand, and reports whether the call
// is to be made: nobody else has asked meanwhile, and the person is still here without
// a booking.
func (c *Courier) attempt(v Visit, q *request) (is bool, err error) {
	rules, w := *c.rules.Load(), *q.w
	leased, _ := c.leases()
	found, err := c.stepNoting(v, []NoteKey{{walkInKind, v.User}}, func(p *Person, v *Visit, values [][]byte, now time.Time) (step, []Note) {
		all, ok := decodeWalkIns(values[0])
		if !ok || q.ours.taken(v, now) || walkInToday(all, q.site, now, rules) != nil || !v.walksIn(now, rules) || !p.Wake.IsZero() && !now.Before(p.Wake) {
			return step{}, nil
		}
		v.CheckIn.Next = now.Add(leased)
		q.ours.write(v)
		return step{act: true}, []Note{noted(v.User, all, w)}
	})
	return found.act, err
}

// book makes the call that has been noted, and notes what came of it.
func (c *Courier) book(ctx context.Context, v Visit, q *request, pass Pass) ([]Booking, error) {
	b, err := q.desk.BookPass(ctx, v.Site, pass)
	var refused *RefusedError
	var denied *DeniedError
	var throttled *ThrottledError
	var closed *ClosedError
	switch w := q.w; {
	case err == nil:
		c.answers(v.Site)
		w.Booking = b.ID
		c.countBooked(v.Site)
		return []Booking{b}, c.noteWalkIn(v, q, Done, "walk-in: booked "+w.said()+": "+b.ID)
	case errors.Is(err, ErrDryRun):
		w.DryRun = true
		c.counted(v.Site, func(n *WalkInCount, _ *tally) { n.DryRun++ })
		return nil, errors.Join(c.noteWalkIn(v, q, Done, w.why()), c.without(v, w.why()))
	case errors.As(err, &throttled), errors.As(err, &closed), errors.Is(err, ErrNotSent):
		c.giveBack(v.Site)
		return nil, errors.Join(c.unnoteWalkIn(v, *w), c.failed(v, q.ours, err))
	case errors.As(err, &refused):
		w.Refused = refused.Reason
	case errors.As(err, &denied):
		w.Refused = denied.Reason
	default:
		c.counted(v.Site, func(n *WalkInCount, _ *tally) { n.Unclear++ })
		c.faulted(v.User, v.Site, err)
		if noted := c.noteWalkIn(v, q, NotDone, fmt.Sprintf("walk-in: asked for %s, and nobody knows what came of it: %v", w.said(), err)); noted != nil {
			return nil, noted
		}
		return c.clearUp(ctx, v, q)
	}
	c.answers(v.Site)
	c.counted(v.Site, func(n *WalkInCount, t *tally) { n.Refused++; t.refused++ })
	if err := c.noteWalkIn(v, q, NotDone, q.w.why()); err != nil {
		return nil, err
	}
	return c.clearUp(ctx, v, q) // somebody else may have booked
}

// clearUp reads what became of the request that was made today, and of the day's
// bookings. It asks for nothing again.
func (c *Courier) clearUp(ctx context.Context, v Visit, q *request) ([]Booking, error) {
	all, err := q.desk.Today(ctx, v.User, v.Site)
	if err != nil {
		return nil, c.failed(v, q.ours, err)
	}
	c.answers(v.Site)
	if err := c.clearedUp(v, q, all); err != nil {
		return nil, err
	}
	if q.w.Booking == "" || q.w.found(all) == nil {
		err = c.without(v, q.w.why())
	}
	return all, err
}

// next returns what to do for the visit, whose bookings are as they should be: cancel
// the pass to which nobody was checked in, or have one booked.
func (q *request) next(v *Visit, all []Booking, now time.Time, leased time.Duration, r Rules) step {
	if q.desk == nil {
		return step{}
	}
	if b := q.undoes(v, all, now); b != nil {
		is := v.doubted(*b)
		v.CheckOut.Status, v.CheckOut.Reason = Pending, ""
		v.try(is, now, leased)
		return step{act: true, booking: is, action: cancelling}
	}
	switch walks := v.walksIn(now, r) && noWalkIn(all, q.site, now) == ""; {
	case walks && q.holds:
		v.add(q.none)
	case !walks:
		v.expectWalkIn(q.w, now, r)
	default:
		return step{walks: true}
	}
	return step{}
}

// undoes returns the booking that is to be cancelled because the visit is over, it came
// of a request of ours, and nobody has checked in to it; nil if there is none.
func (q *request) undoes(v *Visit, all []Booking, now time.Time) *Booking {
	if v.State != Over || q.w == nil || !q.site.WalkIns.Undo {
		return nil
	}
	c, b := v.claim(q.w.Booking), q.w.found(all)
	switch {
	case c == nil, b == nil, !c.In.IsZero(), c.DryRun, b.Status != Booked, !now.Before(b.End):
		return nil
	case c.Refused != "" && c.Tried.After(v.Believed): // that it is cancelled
		return nil
	}
	return b
}
