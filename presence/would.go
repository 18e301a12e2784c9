package presence

import "time"

// WouldAct returns when a visit would have been checked in to the booking, and checked
// out of it; zero if it would not have been. It asks what decides for the courier, at
// the moments at which that would have been asked: when the arrival was believed, or
// the booking became due while a device was there, and when the departure was
// believed. The answers of the desk are taken to be yes.
func WouldAct(b Booking, user, site string, arrived, noticed, departed, believed time.Time, r Rules) (in, out time.Time) {
	if noticed.IsZero() {
		return in, out
	}
	r.DryRun = false
	v := Visit{User: user, Site: site, Arrived: arrived, State: Present, CheckIn: Errand{Status: Pending, Next: noticed}, CheckOut: Errand{Status: Waiting}}
	at := later(noticed, b.Begin.Add(-r.Early))
	if !departed.IsZero() && at.After(departed) && at.After(noticed) {
		return in, out // it became due when nobody was here
	}
	b.Read = at
	due := v.look(Listing{Bookings: []Booking{b}, At: at}, time.Time{}, at, r)
	if len(due) == 0 {
		return in, out
	}
	in = at
	v.try(b, in, lease)
	v.effected(b, checkingIn, in, false)
	if believed.IsZero() || r.CheckOut == CheckOutNever {
		return in, out
	}
	p := Person{User: user}
	p.over(&v, Left, departed, believed, "", World{Rules: r})
	b.Status, b.Method = CheckedIn, "wifi"
	at = later(v.CheckOut.Next, believed) // after a stay that was shorter than brief: when the booking ends
	b.Read = at
	if due := v.look(Listing{Bookings: []Booking{b}, At: at}, departed, at, r); len(due) > 0 {
		out = at
	}
	return in, out
}
