package presence

import (
	"strings"
	"testing"
	"time"
)

// Bookings that nobody would make: each is served as a receptionist would, and
// told.
func TestOddBookings(t *testing.T) {
	in := func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 2)
	}
	t.Run("overlapping", func(t *testing.T) {
		allDay(t, func(o *office) {
			o.desk.book("ann@example.com", "a", hour(9), hour(13))
			o.desk.book("ann@example.com", "b", hour(9).Add(30*time.Minute), hour(20))
			in(o)
			o.want("in a, in b")
			o.until(15, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.until(16, 2)
			o.want("in a, in b, out b") // nothing ends "a" here but its time
		})
	})
	t.Run("without an end", func(t *testing.T) {
		allDay(t, func(o *office) {
			o.desk.book("ann@example.com", "a", hour(9), time.Time{})
			in(o)
			o.want("")
			if got := o.visit("ann@example.com").CheckIn.Reason; got != "booking a has no end" {
				t.Errorf("told: %q", got)
			}
		})
	})
	t.Run("of two days", func(t *testing.T) {
		allDay(t, func(o *office) {
			o.desk.book("ann@example.com", "a", hour(9), hour(57))
			in(o)
			o.until(17, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.until(32, 0)
			o.want("in a") // the desk is hers tomorrow, too
			if got := o.visit("ann@example.com").CheckOut.Reason; got != "booking a goes on tomorrow: it is kept until its end" {
				t.Errorf("told: %q", got)
			}
			o.until(33, 0)
			o.hear(Start, "ann", laptop, "b")
			o.until(41, 0)
			o.hear(Stop, "ann", laptop, "b")
			o.until(43, 0)
			o.wantStatus("a", CheckedIn)
		})
	})
	t.Run("in two buildings at once", func(t *testing.T) {
		allDay(t, func(o *office) {
			o.stop()
			paris := o.rules.Sites["london"]
			paris.Name = "paris"
			o.rules.Sites["paris"] = paris
			o.start()
			o.desk.book("ann@example.com", "here", hour(9), hour(20))
			o.desk.book("ann@example.com", "there", hour(9), hour(20))
			o.desk.change("here", func(_ *Booking, site *string) { *site = "london" })
			o.desk.change("there", func(_ *Booking, site *string) { *site = "paris" })
			in(o)
			o.want("in here")
			o.until(15, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.hearAt("paris", Start, "ann", laptop, "b")
			o.until(16, 30)
			o.want("in here, in there")
			o.hearAt("paris", Stop, "ann", laptop, "b")
			o.until(17, 35)
			if got := o.desk.made(); got != "in here, in there, out here, out there" && got != "in here, in there, out there, out here" {
				t.Errorf("calls: %s", got)
			}
		})
	})
	t.Run("moved to the other building", func(t *testing.T) {
		allDay(t, func(o *office) {
			o.desk.book("ann@example.com", "a", hour(9), hour(20))
			o.desk.change("a", func(_ *Booking, site *string) { *site = "london" })
			in(o)
			o.want("in a")
			o.until(10, 0)
			o.desk.change("a", func(_ *Booking, site *string) { *site = "paris" })
			o.until(15, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.until(16, 30)
			o.want("in a")
			if got := o.visit("ann@example.com").CheckOut.Reason; !strings.Contains(got, "no longer at this building") {
				t.Errorf("told: %q", got)
			}
		})
	})
}
