package presence

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestNotTodayNothingIsDone: whoever asks for it before they come is not checked in, who is
// checked in keeps the desk after leaving, and who is leaving is not checked out; over a
// restart; and the next day everything is as ever.
func TestNotTodayNothingIsDone(t *testing.T) {
	const ann = "ann@example.com"
	for name, c := range map[string]struct {
		asked float64 // hour
		calls string  // by the end of the day
		in    ErrandStatus
	}{
		"before coming":     {8.5, "", Skipped},
		"once checked in":   {10, "in b", Effected},
		"while lingering":   {16.5, "in b", Effected},
		"when it is over":   {17.5, "in b, out b", Effected},
		"before, and twice": {8.25, "", Skipped},
	} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, func(o *office) {
				o.desk.book(ann, "b", hour(9), hour(18))
				ask := func(to float64) {
					if o.until(int(to), int(to*60)%60); c.asked == to {
						if err := o.courier.NotToday(t.Context(), ann); err != nil {
							t.Fatal(err)
						}
						o.stop()
						o.start()
					}
				}
				ask(8.25)
				ask(8.5)
				o.until(9, 0)
				o.hear(Start, "ann", laptop, "a")
				ask(10)
				o.until(16, 0)
				o.hear(Stop, "ann", laptop, "a")
				ask(16.5)
				ask(17.5)
				o.until(18, 30)
				o.want(c.calls)
				if v := o.visit(ann); v.CheckIn.Status != c.in {
					t.Errorf("the check-in is %+v", v.CheckIn)
				}
				if lines := o.lines(ann); c.asked > 9 && !slices.ContainsFunc(lines, func(e Entry) bool { return strings.HasPrefix(e.Text, "not today") }) {
					t.Errorf("the story does not tell that they asked: %v", lines)
				}
				o.desk.book(ann, "next", hour(24+9), hour(24+17))
				o.until(24+9, 0)
				o.hear(Start, "ann", laptop, "b")
				o.until(24+10, 0)
				o.want(strings.TrimPrefix(c.calls+", in next", ", "))
			})
		})
	}
}

// TestNotTodayIsTakenBack: what was left alone is done.
func TestNotTodayIsTakenBack(t *testing.T) {
	const ann = "ann@example.com"
	inOffice(t, func(o *office) {
		o.desk.book(ann, "b", hour(9), hour(18))
		if err := o.courier.NotToday(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		o.until(9, 0)
		o.hear(Start, "ann", laptop, "a")
		o.until(10, 0)
		o.want("")
		if err := o.courier.Retry(ann, o.visit(ann).ID); !errors.Is(err, ErrNotToday) || !strings.Contains(err.Error(), "--undo") {
			t.Errorf("an operator has it tried: %v", err)
		}
		if asked, err := Asked(t.Context(), o.store, ann, hour(10)); err != nil || !o.rules.RestsUntil("london", asked, hour(10)).Equal(hour(24+4)) {
			t.Errorf("it holds until %s, %v", o.rules.RestsUntil("london", asked, hour(10)), err)
		}
		if err := o.courier.TodayAfterAll(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		o.until(10, 1)
		o.want("in b")
		o.hear(Stop, "ann", laptop, "a")
		o.until(11, 30)
		o.want("in b, out b")
	})
}

// TestNotTodayOfOneIsNobodyElses: of many who come together without a booking and are looked
// at together, one asked; once they book, all others are checked in.
func TestNotTodayOfOneIsNobodyElses(t *testing.T) {
	inOffice(t, func(o *office) {
		if err := o.courier.NotToday(t.Context(), "p3@example.com"); err != nil {
			t.Fatal(err)
		}
		o.until(9, 0)
		var want []string
		for i := range 20 {
			o.hear(Start, fmt.Sprintf("p%d", i), fmt.Sprintf("02:00:00:00:01:%02x", i), fmt.Sprint("s", i))
		}
		o.until(9, 20)
		for i := range 20 {
			user := fmt.Sprintf("p%d@example.com", i)
			o.desk.book(user, fmt.Sprintf("b%d", i), hour(9), hour(18))
			if i != 3 {
				want = append(want, fmt.Sprintf("in b%d", i))
			}
		}
		o.until(9, 40)
		got := strings.Split(o.desk.made(), ", ")
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("the desk did %v, want %v", got, want)
		}
	})
}

// TestNotTodayIsForgotten: with the person, and once its day is over.
func TestNotTodayIsForgotten(t *testing.T) {
	inOffice(t, func(o *office) {
		asked := func() (users []string) {
			if err := Resting(t.Context(), o.store, time.Now(), func(user string, _ time.Time) { users = append(users, user) }); err != nil {
				t.Fatal(err)
			}
			return users
		}
		for _, user := range []string{"ann@example.com", "bob@example.com"} {
			if err := o.courier.NotToday(t.Context(), user); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.tracker.Forget(t.Context(), "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		if got := asked(); !slices.Equal(got, []string{"bob@example.com"}) {
			t.Errorf("when ann is forgotten, there are %v", got)
		}
		o.until(49+8, 0)
		if got := asked(); got != nil {
			t.Errorf("two days later there are %v", got)
		}
		if err := TidyNotToday(t.Context(), o.store, time.Now()); err != nil {
			t.Fatal(err)
		}
		if notes, err := o.store.Notes(t.Context(), notTodayKind, "", 10); err != nil || len(notes) > 0 {
			t.Errorf("after tidying there are %v, %v", notes, err)
		}
	})
}
