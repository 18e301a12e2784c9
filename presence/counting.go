package presence

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// How those who come and go are counted as they are concluded, and what was is read.

// counting is how many are present at each site, and came and left since the start.
type counting struct {
	mu    sync.Mutex // guards what follows
	sites map[string]Moves
	holds map[EventKind]Holds
}

// Holds is how often people were held as present because of something that happened to
// the network, and how many.
type Holds struct{ Times, People uint64 }

// hold counts people who are held.
func (c *counting) hold(because EventKind, people int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holds == nil {
		c.holds = map[EventKind]Holds{}
	}
	h := c.holds[because]
	c.holds[because] = Holds{h.Times + 1, h.People + uint64(people)}
}

// Holds returns how often people were held since the start, because a NAS was reset or
// lost most of its people at once.
func (t *Tracker) Holds() map[EventKind]Holds {
	t.counts.mu.Lock()
	defer t.counts.mu.Unlock()
	return map[EventKind]Holds{EventNASReset: t.counts.holds[EventNASReset], EventMassEnd: t.counts.holds[EventMassEnd]}
}

// move counts one who came or left.
func (c *counting) move(site string, in bool, end End) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, known := c.sites[site]
	if !known {
		site = strings.Clone(site)
	}
	if in {
		m.Present, m.Arrived = m.Present+1, m.Arrived+1
	} else {
		m.Present--
		if i := slices.Index(Ends, end); i >= 0 {
			m.Left[i]++
		}
	}
	c.sites[site] = m
}

// forget counts those no longer as present who stood there. They have not left.
func (c *counting) forget(all []standing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range all {
		m := c.sites[s.site]
		m.Present--
		c.sites[s.site] = m
	}
}

// stand counts anew who is present.
func (c *counting) stand(present map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for site, m := range c.sites {
		m.Present = present[site]
		c.sites[site] = m
	}
	for site, n := range present {
		m := c.sites[site]
		m.Present = n
		c.sites[site] = m
	}
}

// Moves returns how many are present at each site, and how many came and left since
// the start.
func (t *Tracker) Moves() map[string]Moves {
	t.counts.mu.Lock()
	defer t.counts.mu.Unlock()
	all := maps.Clone(t.counts.sites)
	for site := range t.policy.Load().rules.Sites {
		if _, heard := all[site]; !heard {
			all[site] = Moves{} // nobody
		}
	}
	return all
}

// counted applies the change to the person, and has who comes and goes by it counted.
func (t *Tracker) counted(apply func(*Person, [][]byte) Outcome, p *Person, notes [][]byte) Outcome {
	var room [4]standing
	was := p.stand(room[:0])
	o := apply(p, notes)
	type move struct {
		site string
		in   bool
		end  End
	}
	var moves []move
	p.moved(was, o.Archived, func(site string, in bool, end End) { moves = append(moves, move{site, in, end}) })
	if len(moves) == 0 {
		return o
	}
	then := o.Then
	o.Then = func() {
		for _, m := range moves {
			t.counts.move(m.site, m.in, m.end)
		}
		if then != nil {
			then()
		}
	}
	return o
}

// Occupancy returns the slots of the site that begin in [from, to), in order.
func Occupancy(ctx context.Context, store interface {
	NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error)
}, site string, from, to time.Time) (all []Slot, err error) {
	first := from.UTC().Truncate(24 * time.Hour)
	var keys []string
	for day := first; day.Before(to); day = day.AddDate(0, 0, 1) {
		keys = append(keys, occupancyKey(site, day).Key)
	}
	for i, some := range slices.Collect(slices.Chunk(keys, walkPage)) {
		notes, err := store.NotesOf(ctx, occupancyKind, some)
		if err != nil {
			return nil, err
		}
		for j, note := range notes {
			day, err := decodeSlots(note)
			if err != nil {
				continue
			}
			midnight := first.AddDate(0, 0, i*walkPage+j)
			for n, slot := range day {
				slot.Begin = midnight.Add(time.Duration(n) * OccupancySlot)
				if !slot.Begin.Before(from) && slot.Begin.Before(to) {
					all = append(all, slot)
				}
			}
		}
	}
	return all, nil
}

// OccupancyKept is for how many days the numbers are kept.
const OccupancyKept = 400

// TidyOccupancy erases the numbers that have been kept for long enough.
func TidyOccupancy(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
	Update(ctx context.Context, changes []Change) error
}, now time.Time) error {
	for notes, err := range AllNotes(ctx, store, occupancyKind) {
		if err != nil {
			return err
		}
		var gone []Note
		for _, n := range notes {
			if _, day := occupancyOf(n.Key); !day.AddDate(0, 0, 1).After(now.AddDate(0, 0, -OccupancyKept)) {
				gone = append(gone, Note{Kind: n.Kind, Key: n.Key})
			}
		}
		if len(gone) > 0 {
			if err := store.Update(ctx, []Change{WriteNotes(gone...)}); err != nil {
				return err
			}
		}
	}
	return nil
}
