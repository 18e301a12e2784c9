package kadence

import (
	"context"
	"fmt"
	"time"

	"github.com/presenced/presenced/presence"
)

// CheckToday holds a site's hours, in which arrivals count, against when the user
// may book at its building, and says what would become of them today if they came
// without a booking. It books nothing.
func (d *Desk) CheckToday(ctx context.Context, user string, site presence.Site) []Finding {
	hours := Finding{Subject: fmt.Sprintf("hours of site %q", site.Name)}
	walkIn := Finding{Subject: fmt.Sprintf("walk-in of %s at site %q", user, site.Name)}
	p, err := d.place(ctx, site.Name)
	if err != nil { // Check says so
		return nil
	}
	known, err := d.userID(ctx, user)
	if err != nil { // likewise
		return nil
	}
	days, err := d.bookableDays(ctx, known.ID, p)
	if err != nil {
		hours.Error, hours.Remedy = err.Error(), "let the API key read bookable days"
		return []Finding{hours}
	}
	opens, closes := openingHours(days, p.zone, time.Now())
	site.Zone = p.zone
	switch always := site.Opens == site.Closes || site.Closes-site.Opens >= 24*time.Hour; {
	case closes == 0:
		hours.Detail = "Kadence names no day on which " + user + " may book there: nothing to compare"
	case always || site.Closes < site.Opens, site.Opens <= opens && closes <= site.Closes:
		hours.Detail = fmt.Sprintf("Kadence takes bookings from %s to %s, and arrivals count then", wallClock(opens), wallClock(closes))
	default:
		hours.Odd = fmt.Sprintf("Kadence takes bookings from %s to %s, and arrivals count from %s to %s only",
			wallClock(opens), wallClock(closes), wallClock(site.Opens), wallClock(site.Closes))
		hours.Remedy = "widen the [[site]] hours, or see that nobody books outside of them"
	}
	if site.WalkIns.Rule != presence.WalkInsOnsite {
		walkIn.Detail = `walk_ins is "never": nobody is booked who comes without a booking`
		return []Finding{hours, walkIn}
	}
	pass, err := d.Pass(ctx, user, site.Name)
	switch {
	case err != nil:
		walkIn.Error, walkIn.Remedy = err.Error(), "let the API key read bookable days and onsite passes"
	case pass.None != "":
		walkIn.Detail = "would be booked nothing now: " + pass.None
	default:
		walkIn.Detail = fmt.Sprintf("would be booked an onsite pass from %s to %s, had they no booking today",
			pass.Begin.In(p.zone).Format("15:04"), pass.End.In(p.zone).Format("15:04"))
	}
	return []Finding{hours, walkIn}
}

// openingHours returns the earliest and the latest that the days allow, since local
// midnight. A day that has begun tells its end alone: it begins now. Without days both
// are zero.
func openingHours(days []bookableDay, zone *time.Location, now time.Time) (opens, closes time.Duration) {
	begun := time.Duration(-1)
	for _, day := range days {
		start, end := day.Start.In(zone), day.End.In(zone)
		y, m, d := start.Date()
		midnight := time.Date(y, m, d, 0, 0, 0, 0, zone)
		from := start.Sub(midnight)
		if start.After(now) {
			if begun < 0 || from < begun {
				begun = from
			}
		}
		closes = max(closes, end.Sub(midnight))
		opens = max(opens, from)
	}
	if begun >= 0 {
		opens = begun
	}
	return opens, closes
}

// wallClock is a time of the day, 24:00 at its end.
func wallClock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
