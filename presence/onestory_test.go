package presence

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lines returns all that is told of the user, in order: with visits that are over for
// good.
func (o *office) lines(user string) (all []Entry) {
	o.t.Helper()
	p, err := o.store.Person(o.t.Context(), user)
	if err != nil {
		o.t.Fatal(err)
	}
	all = append(all, p.Story...)
	visits, err := o.store.History(o.t.Context(), user, hour(0).AddDate(0, 0, -1), hour(0).AddDate(0, 0, 2), 1000)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, v := range visits {
		all = append(all, v.Story...)
	}
	slices.SortStableFunc(all, Entry.Compare)
	return slices.CompactFunc(all, Entry.same)
}

// contradictions are the lines which say that something was not done to a booking that
// a line before says was done. Of one moment, which in a bubble is many, the order of
// lines tells nothing.
func contradictions(story []Entry) (all []string) {
	type doing struct {
		verb string
		at   time.Time
	}
	done := map[string]doing{} // by booking: what was done to it last
	for _, e := range story {
		verb, rest, about := strings.Cut(e.Text, " of booking ")
		if !about {
			continue
		}
		ids, _, _ := strings.Cut(rest, ":")
		ids, _, _ = strings.Cut(ids, " was ")
		ids, _, _ = strings.Cut(ids, " took ")
		for id := range strings.SplitSeq(ids, ", ") {
			if e.Kind == NotDone && done[id].verb == verb && e.At.After(done[id].at) {
				all = append(all, fmt.Sprintf("%s %s: %s", e.At.Format("15:04:05"), e.Kind, e.Text))
			}
			if e.Kind == Done {
				done[id] = doing{verb, e.At}
			}
		}
	}
	return all
}

// TestACheckOutSaysWhy in the story, and in a dry run too.
func TestACheckOutSaysWhy(t *testing.T) {
	for _, dry := range []bool{false, true} {
		inOffice(t, func(o *office) {
			o.stop()
			o.rules.DryRun = dry
			o.desk.fault = func(call string, _ *Booking) error {
				if dry && call != "read" {
					return ErrDryRun
				}
				return nil
			}
			o.start()
			o.desk.book("ann@example.com", "b", hour(9), hour(17))
			o.until(9, 0)
			o.hear(Start, "ann", laptop, "a")
			o.until(10, 0)
			o.hear(Stop, "ann", laptop, "a")
			o.until(12, 0)
			want := "check-out of booking b: every device has been gone for linger"
			if dry {
				want = "check-out of booking b: dry run, not sent; every device has been gone for linger"
			}
			if story := o.lines("ann@example.com"); !slices.ContainsFunc(story, func(e Entry) bool { return e.Kind == Done && e.Text == want }) {
				t.Errorf("no line %q in\n%s", want, o.story())
			}
		})
	}
}

// TestWhatIsFoundDoneIsTold: of a call whose answer was lost the story says that it took
// effect, and nothing to the contrary.
func TestWhatIsFoundDoneIsTold(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(23))
		o.desk.lost = func(string) bool { return true }
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(12, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(14, 0)
		story := o.lines("ann@example.com")
		for _, want := range []string{"check-in of booking b took effect: the booking is checkedIn", "check-out of booking b took effect: the booking is checkedOut"} {
			if !slices.ContainsFunc(story, func(e Entry) bool { return e.Kind == Done && e.Text == want }) {
				t.Errorf("no line %q in\n%s", want, o.story())
			}
		}
		if all := contradictions(story); len(all) > 0 {
			t.Errorf("%s\n%s", strings.Join(all, "\n"), o.story())
		}
	})
}

// TestOrdersAreLinesOfTheStory, as what follows from them is.
func TestOrdersAreLinesOfTheStory(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b", hour(9), hour(17))
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 30)
		id := o.visit("ann@example.com").ID
		for _, order := range []func(user, visit string) error{o.courier.Drop, o.courier.Retry} {
			if err := order("ann@example.com", id); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.courier.Drop("ann@example.com", "none"); err == nil {
			t.Error("no visit was dropped")
		}
		var told []string
		for _, e := range o.lines("ann@example.com") {
			if strings.HasPrefix(e.Text, "an operator") {
				told = append(told, string(e.Kind)+" "+e.Text)
			}
		}
		want := []string{"heard an operator dropped visit " + id + ": its bookings stay as they are", "heard an operator had the bookings of visit " + id + " looked at again"}
		slices.Sort(told)
		if !slices.Equal(told, want) {
			t.Errorf("the orders are told as %q", told)
		}
	})
}

// TestDoneInPartIsDone: of two bookings one is checked out, and she is back before the
// other: neither line nor errand says of the first that it was not.
func TestDoneInPartIsDone(t *testing.T) {
	inOffice(t, func(o *office) {
		o.desk.book("ann@example.com", "b1", hour(9), hour(22))
		o.desk.book("ann@example.com", "b2", hour(9), hour(22))
		o.desk.fails(func(call string, _ *Booking) error {
			if call == "out b2" {
				return &RefusedError{Reason: "not now"}
			}
			return nil
		})
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 0)
		o.hear(Stop, "ann", laptop, "a")
		o.until(11, 2)
		first := o.visit("ann@example.com").ID
		o.hear(Start, "ann", laptop, "b")
		o.until(11, 30)
		story := o.lines("ann@example.com")
		if all := contradictions(story); len(all) > 0 {
			t.Errorf("%s\n%s", strings.Join(all, "\n"), o.story())
		}
		const want = "check-out of booking b2: came back before the check-out got through"
		if !slices.ContainsFunc(story, func(e Entry) bool { return e.Kind == NotDone && e.Text == want }) {
			t.Errorf("no line %q in\n%s", want, o.story())
		}
		visits, err := o.store.History(t.Context(), "ann@example.com", hour(0), hour(23), 10)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(visits, func(v Visit) bool { return v.ID == first })
		if i < 0 {
			t.Fatalf("visit %s is not over\n%s", first, o.story())
		}
		if e := visits[i].CheckOut; e.Status != Effected || e.Reason != "of others not: came back before the check-out got through" {
			t.Errorf("the first check-out is %+v", e)
		}
	})
}
