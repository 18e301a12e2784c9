package presence

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A person may ask that nothing be done for them at the desk until the day turns at their
// site: no check-in, and no check-out of what is checked in. They are tracked as ever.
// What was asked is a note beside the person, because it holds for whoever has not come
// yet, too.

const (
	notTodayKind = "not-today"    // of the notes, by user: when it was asked
	notTodayMost = 48 * time.Hour // longer than any day in which it holds
)

// ErrNotToday is why nothing is tried for somebody at the desk.
var ErrNotToday = errors.New("they asked that nothing be done today")

// Asked returns when the user asked that nothing be done that day; zero if they did not,
// or if it is too long ago to hold anywhere.
func Asked(ctx context.Context, store interface {
	NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error)
}, user string, now time.Time) (time.Time, error) {
	notes, err := store.NotesOf(ctx, notTodayKind, []string{user})
	if err != nil {
		return time.Time{}, err
	}
	return askedBy(notes[0], now), nil
}

func askedBy(note []byte, now time.Time) time.Time {
	at, err := time.Parse(time.RFC3339Nano, string(note))
	if err != nil || now.Sub(at) > notTodayMost {
		return time.Time{}
	}
	return at
}

// RestsUntil returns until when nothing is done at the site for whoever asked for that at a
// time; zero if no longer.
func (r Rules) RestsUntil(site string, asked, now time.Time) time.Time {
	s := r.Sites[site]
	if asked.IsZero() || !s.Day(asked, r.DayStarts).Equal(s.Day(now, r.DayStarts)) {
		return time.Time{}
	}
	return s.NextDay(asked, r.DayStarts)
}

// NotToday has nothing done for the user until the day turns where they are.
func (c *Courier) NotToday(ctx context.Context, user string) error {
	now := time.Now()
	err := c.store.Update(ctx, []Change{{User: user, Apply: func(p *Person, _ [][]byte) Outcome {
		p.leaveAlone(notToday)
		if !p.Unknown() {
			p.tell(now, NotDone, "not today: nothing is done until the day turns, as they asked")
		}
		o := Outcome{Archived: p.archive(), Notes: []Note{{Kind: notTodayKind, Key: user, Value: []byte(now.UTC().Format(time.RFC3339Nano))}}}
		p.NextErrand = p.nextErrand()
		return o
	}}})
	c.Kick()
	return err
}

// TodayAfterAll takes back what [Courier.NotToday] was told.
func (c *Courier) TodayAfterAll(ctx context.Context, user string) error {
	now, rules := time.Now(), *c.rules.Load()
	err := c.store.Update(ctx, []Change{{User: user, Apply: func(p *Person, _ [][]byte) Outcome {
		for i := range p.Visits {
			if v := &p.Visits[i]; v.CheckOut.Reason == notToday && !v.endOfDay(rules).Before(now) {
				v.retry(now)
			}
		}
		if !p.Unknown() {
			p.tell(now, Heard, "today after all, as they asked")
		}
		p.NextErrand = p.nextErrand()
		return Outcome{Notes: []Note{{Kind: notTodayKind, Key: user}}}
	}}})
	c.Kick()
	return err
}

// LeaveAlone returns the change that leaves the bookings of somebody who opts out as they
// are, and writes the notes with that: what is still to be done for them is not.
func LeaveAlone(user string, notes ...Note) Change {
	return Change{User: user, Apply: func(p *Person, _ [][]byte) Outcome {
		p.leaveAlone(optedOut)
		p.NextErrand = p.nextErrand()
		return Outcome{Notes: notes}
	}}
}

func (p *Person) leaveAlone(why string) {
	for i := range p.Visits {
		p.Visits[i].drop(why)
	}
}

// heeds reports whether the visit's person asked that nothing be done today, and has the
// visit left alone then.
func (c *Courier) heeds(ctx context.Context, v Visit) (bool, error) {
	if v.dropped() {
		return false, nil // it is, and only waits for its bookings to end
	}
	asked, err := Asked(ctx, c.store, v.User, time.Now())
	if err != nil || c.rules.Load().RestsUntil(v.Site, asked, time.Now()).IsZero() {
		return false, err
	}
	return true, c.change(v, func(_ *Person, v *Visit, _ time.Time) { v.drop(notToday) })
}

// mayRetry returns why an operator cannot have something done for the user.
func (c *Courier) mayRetry(ctx context.Context, user string) error {
	now := time.Now()
	asked, err := Asked(ctx, c.store, user, now)
	if err != nil || asked.IsZero() {
		return err
	}
	for site := range c.rules.Load().Sites {
		if !c.rules.Load().RestsUntil(site, asked, now).IsZero() {
			return fmt.Errorf("%w: presenced not-today %s --undo takes it back", ErrNotToday, user)
		}
	}
	return nil
}

// Resting yields who asked that nothing be done, and when.
func Resting(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
}, now time.Time, yield func(user string, asked time.Time)) error {
	for notes, err := range AllNotes(ctx, store, notTodayKind) {
		if err != nil {
			return err
		}
		for _, n := range notes {
			if at := askedBy(n.Value, now); !at.IsZero() {
				yield(n.Key, at)
			}
		}
	}
	return nil
}

// TidyNotToday erases what was asked for days that are over.
func TidyNotToday(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
	Update(ctx context.Context, changes []Change) error
}, now time.Time) error {
	for notes, err := range AllNotes(ctx, store, notTodayKind) {
		if err != nil {
			return err
		}
		var changes []Change
		for _, n := range notes {
			if !askedBy(n.Value, now).IsZero() {
				continue
			}
			changes = append(changes, Change{Reads: []NoteKey{{n.Kind, n.Key}}, Apply: func(_ *Person, values [][]byte) Outcome {
				if !askedBy(values[0], now).IsZero() {
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
