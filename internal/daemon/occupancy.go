package daemon

import (
	"context"
	"time"

	"github.com/presenced/presenced/presence"
)

// followOccupancy keeps how many are at each site, at the end of every slot, and who
// came and left in it. What came in one at whose end the daemon does not run is lost.
func (d *Daemon) followOccupancy(ctx context.Context) error {
	was := d.Tracker.Moves()
	for {
		begin := time.Now().UTC().Truncate(presence.OccupancySlot)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(begin.Add(presence.OccupancySlot))):
		}
		now := d.Tracker.Moves()
		if err := d.keepOccupancy(ctx, begin, was, now); err != nil {
			if ctx.Err() == nil {
				d.Log.WithError(err).Error("keep the occupancy")
			}
			continue // the next slot has what came in this one, too
		}
		was = now
	}
}

// keepOccupancy keeps what happened at each site in the slot, between the two counts.
func (d *Daemon) keepOccupancy(ctx context.Context, begin time.Time, was, now map[string]presence.Moves) error {
	var changes []presence.Change
	for _, site := range d.inForce.Load().mapping.Sites {
		m := now[site.Name]
		m.Present = max(0, m.Present)
		m.Arrived -= was[site.Name].Arrived
		for i := range m.Left {
			m.Left[i] -= was[site.Name].Left[i]
		}
		changes = append(changes, presence.CountSlot(site.Name, begin, m))
	}
	return d.Store.Update(ctx, changes)
}
