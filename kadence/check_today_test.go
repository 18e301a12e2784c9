package kadence

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

func TestHoursAreHeldAgainstWhenTheBuildingTakesBookings(t *testing.T) {
	onsite := presence.WalkIns{Rule: presence.WalkInsOnsite}
	for _, c := range []struct {
		what         string
		site         presence.Site
		change       func(o *office, user string)
		hours, doubt string
		walkIn       string
	}{
		{"as it opens", presence.Site{Opens: 8 * time.Hour, Closes: 18 * time.Hour}, nil, "takes bookings from 08:00 to 18:00, and arrivals count then", "", `walk_ins is "never"`},
		{"always", presence.Site{WalkIns: onsite}, nil, "arrivals count then", "", "an onsite pass from 09:20 to 18:00"},
		{"too late", presence.Site{Opens: 10 * time.Hour, Closes: 18 * time.Hour, WalkIns: onsite}, nil, "", "and arrivals count from 10:00 to 18:00 only", "an onsite pass"},
		{"full", presence.Site{WalkIns: onsite}, func(o *office, user string) {
			o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.Passes = 1 })
			o.Book(sandbox.Booking{User: user, Building: o.london, Type: "onsite", Begin: at("08:00"), End: at("18:00")})
		}, "arrivals count then", "", "booked nothing now: there is no onsite pass: noCapacity"},
		{"no right", presence.Site{WalkIns: onsite}, func(o *office, user string) {
			o.ChangeUser(user, func(u *sandbox.User) { u.Barred = map[string]struct{}{o.london: {}} })
		}, "nothing to compare", "", "booked nothing now: the building is closed today, or the person may not book there"},
		{"closed today", presence.Site{Opens: 7 * time.Hour, Closes: 19 * time.Hour, WalkIns: onsite}, func(o *office, _ string) {
			o.ChangeBuilding(o.london, func(b *sandbox.Building) { b.Closures = []string{"2000-01-01"} })
		}, "from 08:00 to 18:00, and arrivals count then", "", "booked nothing now: the building is closed today"},
	} {
		inOffice(t, func(t *testing.T, o *office) {
			o.opens(0)
			user := o.AddUser("ann@example.com")
			time.Sleep(9*time.Hour + 20*time.Minute)
			if c.change != nil {
				c.change(o, user)
			}
			c.site.Name = "london"
			got := o.CheckToday(context.Background(), "ann@example.com", c.site)
			if len(got) != 2 || !strings.Contains(got[0].Detail, c.hours) || !strings.Contains(got[0].Odd, c.doubt) || (c.doubt == "") != (got[0].Odd == "") ||
				!strings.Contains(got[1].Detail, c.walkIn) || got[0].Error+got[1].Error != "" {
				t.Errorf("%s: %+v", c.what, got)
			}
			if o.Calls(bookRoute) > 0 {
				t.Error("checking booked")
			}
		})
	}
}

// Who is not known, or a building that is not there, is told of once, by Check.
func TestWhatCheckSaysIsNotSaidAgain(t *testing.T) {
	inOffice(t, func(t *testing.T, o *office) {
		for _, site := range []string{"london", "mars"} {
			if got := o.CheckToday(context.Background(), "nobody@example.com", presence.Site{Name: site}); got != nil {
				t.Errorf("%+v", got)
			}
		}
	})
}

func TestWhoHasNeverSignedInIsToldOf(t *testing.T) {
	for _, pending := range []bool{true, false} {
		inOffice(t, func(t *testing.T, o *office) {
			user := o.AddUser("ann@example.com")
			o.ChangeUser(user, func(u *sandbox.User) { u.Pending = pending })
			o.bookings("ann@example.com") // who it is is found out
			l, err := o.Listed(context.Background(), "ann@example.com", "london", time.Time{})
			if err != nil || (l.Remark == ", and the person has never signed in to Kadence") != pending {
				t.Errorf("pending %v: %+v, %v", pending, l, err)
			}
		})
	}
}
