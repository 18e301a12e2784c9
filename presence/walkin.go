package presence

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Who comes without a booking is booked a pass, where that is configured: one in a
// day, for a person and a site, whatever fails. What comes in: what was read of the
// desk, and what is remembered of today. What goes out: whether to ask for a pass,
// or why not.
//
// The desk has no key by which it would know a repeated request. So a request of
// which nobody knows what came is never made again that day: the bookings tell, and
// if they do not, the person is as well off as without.

// walkIn is what is remembered of a pass that was asked for: a note beside the
// person, because it outlives the visit. It is written before the call is made.
type walkIn struct {
	Site    string    `json:"site"`
	Tried   time.Time `json:"tried"`
	Begin   time.Time `json:"begin"` // as asked for
	End     time.Time `json:"end"`
	Booking string    `json:"booking,omitempty"` // that came of it, once it is known
	Refused string    `json:"refused,omitempty"` // why the desk made none
	DryRun  bool      `json:"dry_run,omitempty"`
}

// walkInKind is the kind of note that keeps them, by user.
const walkInKind = "walk-in"

// decodeWalkIns returns what a note keeps, and whether it can be read.
func decodeWalkIns(note []byte) (all []walkIn, ok bool) {
	if len(note) > 0 {
		err := json.Unmarshal(note, &all)
		return all, err == nil
	}
	return nil, true
}

// walkInKept is how long they are kept: longer than any day lasts that they count for.
const walkInKept = 48 * time.Hour

// pastWalkIns reports whether a note is of no use any longer.
func pastWalkIns(note []byte, now time.Time) bool {
	all, _ := decodeWalkIns(note)
	return !slices.ContainsFunc(all, func(w walkIn) bool { return now.Sub(w.Tried) <= walkInKept })
}

// noted returns the note with w in it, and without what no longer counts.
func noted(user string, all []walkIn, w walkIn) Note {
	kept := slices.DeleteFunc(slices.Clone(all), func(o walkIn) bool {
		return o.Site == w.Site && o.Tried.Equal(w.Tried) || w.Tried.Sub(o.Tried) > walkInKept
	})
	return noteOf(user, append(kept, w))
}

// unnoted returns the note without w.
func unnoted(user string, all []walkIn, w walkIn) Note {
	return noteOf(user, slices.DeleteFunc(slices.Clone(all), func(o walkIn) bool { return o.Site == w.Site && o.Tried.Equal(w.Tried) }))
}

func noteOf(user string, all []walkIn) Note {
	n := Note{Kind: walkInKind, Key: user}
	if len(all) > 0 {
		n.Value, _ = json.Marshal(all) // of texts and times, which never fails
	}
	return n
}

// today reports whether the pass is of the site's day that holds now: by its own day,
// by the calendar's, or because its time is not over.
func (w *walkIn) today(s Site, now time.Time, r Rules) bool {
	return now.Before(w.End) || s.Day(w.Tried, r.DayStarts).Equal(s.Day(now, r.DayStarts)) || s.midnight(w.Tried).Equal(s.midnight(now))
}

// walkInToday returns what was asked for at the site today; nil if nothing was, or
// only pretended in a dry run that is over.
func walkInToday(all []walkIn, s Site, now time.Time, r Rules) *walkIn {
	for i := range all {
		if w := &all[i]; w.Site == s.Name && w.today(s, now, r) && (r.DryRun || !w.DryRun) {
			return w
		}
	}
	return nil
}

// walkInAt returns when the visit's person is to be booked a pass who has no booking;
// zero if never.
func (v *Visit) walkInAt(r Rules) time.Time {
	rule := r.Sites[v.Site].WalkIns
	if rule.Rule != WalkInsOnsite || v.State != Present {
		return time.Time{}
	}
	return v.Arrived.Add(r.Settle + rule.After)
}

// walksIn reports whether the visit's person is to be booked a pass now, as far as
// the visit tells: who has been here for long enough, without a booking.
func (v *Visit) walksIn(now time.Time, r Rules) bool {
	at := v.walkInAt(r)
	return !at.IsZero() && !now.Before(at) && v.CheckIn.Status == Waiting && len(v.CheckIn.Bookings) == 0 && r.Sites[v.Site].Within(now)
}

// expectWalkIn makes the visit due when its person is to be booked a pass, and tells of
// the one that was.
func (v *Visit) expectWalkIn(w *walkIn, now time.Time, r Rules) {
	e := &v.CheckIn
	if at := v.walkInAt(r); now.Before(at) && e.Status == Waiting && len(e.Bookings) == 0 {
		e.Next = earlier(e.Next, at)
		e.Reason += "; walk-in: at " + at.UTC().Format(time.RFC3339)
	}
	if w != nil && w.Booking != "" && e.Reason == "" && slices.Contains(e.Bookings, w.Booking) {
		e.Reason = "walk-in: " + w.said() + " was booked"
	}
}

// noWalkIn says which of the bookings of today is why its person is booked no pass;
// "" if none is. Whoever has a place here, or had one, has it; whoever cancelled or
// checked out does not want one; only from whom it was taken does it not count. A
// room is no place.
func noWalkIn(all []Booking, s Site, now time.Time) string {
	end := s.midnight(now)
	begin := s.clock(end, -1, 0)
	for i := range all {
		b := &all[i]
		switch {
		case b.Guest || !place(b.Type):
		case !b.Begin.Before(end) && b.Status != CheckedIn, !b.End.IsZero() && !b.End.After(begin): // another day's
		case b.Status == Cancelled && b.Taken:
		case b.Status == Cancelled:
			return "booking " + b.ID + " of today was cancelled"
		default:
			return "booking " + b.ID + " of today is " + string(b.Status)
		}
	}
	return ""
}

// place reports whether a booking of the type is a place to be at.
func place(kind string) bool { return kind == "desk" || kind == "private_office" || kind == "onsite" }

// found returns that of the bookings which came of the request; nil if none did.
func (w *walkIn) found(all []Booking) *Booking {
	for i := range all {
		b := &all[i]
		switch {
		case w.Booking != "" && b.ID == w.Booking:
			return b
		case w.Booking != "" || w.Refused != "" || w.DryRun:
		case b.Type == "onsite" && b.Via == "publicApi" && b.Maker == "" && !b.Made.Before(w.Tried.Add(-clocksApart)):
			return b
		}
	}
	return nil
}

// clocksApart is how far the desk's clock may be from ours.
const clocksApart = time.Minute

// said says of a pass for which time it is.
func (w *walkIn) said() string {
	return fmt.Sprintf("an onsite pass from %s to %s", w.Begin.UTC().Format(time.RFC3339), w.End.UTC().Format(time.RFC3339))
}

// why says why no pass is asked for although none is there: of what was asked for
// today.
func (w *walkIn) why() string {
	switch {
	case w.DryRun:
		return "walk-in: " + w.said() + " would have been booked (dry run)"
	case w.Refused != "":
		return "walk-in: " + w.said() + " was refused: " + w.Refused
	case w.Booking != "":
		return "walk-in: the pass that was booked, " + w.Booking + ", is not here any more"
	}
	return "walk-in: whether the desk booked the pass that was asked for at " + w.Tried.UTC().Format(time.RFC3339) + " nobody knows: it is not asked again today"
}

// tally is how the requests of a site's day went.
type tally struct {
	day     time.Time // when it began
	asked   int
	refused int
}

// These stop the asking at a site for the rest of its day: most requests are refused.
const refusedAtLeast = 5

// stopped reports whether the desk refuses most.
func (t tally) stopped() bool { return t.refused >= refusedAtLeast && 2*t.refused > t.asked }

// tallied counts what was asked for at the site in the day that holds now.
func (t *tally) add(w *walkIn) {
	t.asked++
	if w.Refused != "" {
		t.refused++
	}
}

// full says why nobody more is booked at the site today; "" if somebody may be.
func (t tally) full(s Site) string {
	switch {
	case t.stopped():
		return fmt.Sprintf("walk-ins are stopped at this site until the day turns: %d of %d were refused", t.refused, t.asked)
	case t.asked >= s.WalkIns.Max:
		return fmt.Sprintf("walk-ins of today have reached walk_ins_max = %d", s.WalkIns.Max)
	}
	return ""
}

// WalkInCount is how the requests of a site for passes went since the start, and
// today.
type WalkInCount struct {
	Booked  uint64 `json:"booked"`            // passes, of which the answer or a reading told
	Refused uint64 `json:"refused"`           // by the desk
	Unclear uint64 `json:"unclear"`           // nobody knows
	DryRun  uint64 `json:"dry_run"`           // only pretended
	Undone  uint64 `json:"undone"`            // cancelled by us, because nobody had checked in
	Today   int    `json:"today"`             // asked for in the site's day
	Stopped string `json:"stopped,omitempty"` // why nobody more is booked today
}

// none is why a visit's person is booked no pass, and when to look again.
type none struct {
	why  string
	next time.Time
}

// passes is the courier's part of what is known of walk-ins. Its owner's mu guards it.
type passes struct {
	counts map[string]*WalkInCount // by site
	days   map[string]*tally       // by site
	nones  map[string]none         // by visit
	read   bool                    // days holds what was noted before the start
}
