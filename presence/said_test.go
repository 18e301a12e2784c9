package presence

import (
	"strings"
	"testing"
	"time"
)

// What the desk tells is told on.
func TestWhyNothingIsCheckedInIsToldInTheDesksWords(t *testing.T) {
	for _, c := range []struct {
		b    Booking
		want string
	}{
		{Booking{Status: CheckedIn, InVia: "ios", InAt: hour(8).Add(41 * time.Minute)}, "booking b is already checked in, by ios at 08:41"},
		{Booking{Status: CheckedIn}, "booking b is already checked in, by other means"},
		{Booking{Status: Cancelled, Cause: "buildingClosure"}, "booking b is cancelled: the building is closed"},
		{Booking{Status: Cancelled, Cause: "byUser"}, "booking b is cancelled (byUser)"},
		{Booking{Status: Cancelled, Cause: "autoSpaceRelease", Released: hour(8)}, "booking b is cancelled: it was released, because nobody had checked in"},
		{Booking{Status: Cancelled}, "booking b is cancelled"},
	} {
		inOffice(t, func(o *office) {
			o.desk.book("ann@example.com", "b", hour(8), hour(17), func(b *Booking) {
				b.Status, b.InVia, b.InAt, b.Cause, b.Released = c.b.Status, c.b.InVia, c.b.InAt, c.b.Cause, c.b.Released
			})
			o.comes()
			if got := o.visit("ann@example.com").CheckIn.Reason; got != c.want {
				t.Errorf("%s %s: told %q, want %q", c.b.Status, c.b.Cause, got, c.want)
			}
		})
	}
}

func TestARefusalOfWhoHasNotSelfCertifiedSaysPerhaps(t *testing.T) {
	for _, certified := range []bool{true, false} {
		inOffice(t, func(o *office) {
			o.desk.book("ann@example.com", "b", hour(8), hour(17), func(b *Booking) {
				if certified {
					b.Certified = hour(7)
				}
			})
			o.desk.fails(func(call string, _ *Booking) error {
				if strings.HasPrefix(call, "in") {
					return &RefusedError{Reason: "422"}
				}
				return nil
			})
			o.comes()
			if got := o.visit("ann@example.com").CheckIn.Reason; strings.Contains(got, "perhaps they have not self-certified") == certified {
				t.Errorf("certified %v: told %q", certified, got)
			}
		})
	}
}

// The one number that is to be nothing: desks that were given away from whoever had
// come.
func TestADeskThatIsReleasedAlthoughItsOwnerIsHereIsCountedOnce(t *testing.T) {
	inOffice(t, func(o *office) {
		release := func(id, user string) {
			o.desk.book(user, id, hour(9), hour(17))
			o.desk.change(id, func(b *Booking, _ *string) {
				b.Status, b.Taken, b.Released, b.Cause = Cancelled, true, o.at(9, 15), "autoSpaceRelease"
			})
		}
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 16)
		release("hers", "ann@example.com")
		release("his", "bob@example.com")
		o.hear(Start, "bob", phone, "a") // who came too late
		o.until(11, 0)
		if got := o.courier.Lost()["london"]; got != 1 {
			t.Errorf("counted %d", got)
		}
		if got, want := o.visit("ann@example.com").CheckIn.Reason, "booking hers was released at 09:15, although its user had been here since 09:00"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestAssignedDesksAreCheckedOutUnlessConfiguredNotToBe(t *testing.T) {
	for _, keep := range []bool{true, false} {
		inOffice(t, func(o *office) {
			o.stop()
			o.rules.KeepAssigned = keep
			o.start()
			o.desk.book("ann@example.com", "b", hour(8), hour(17), func(b *Booking) { b.Assigned = true })
			o.comes()
			o.hear(Stop, "ann", laptop, "a")
			o.until(12, 0)
			want := CheckedOut
			if keep {
				want = CheckedIn
			}
			o.wantStatus("b", want)
		})
	}
}
