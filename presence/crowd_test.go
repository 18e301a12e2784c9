package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// written is a store that counts what is written of people, and how often.
type written struct {
	*Memory
	commits, people atomic.Int64
}

func (w *written) Update(ctx context.Context, changes []Change) error {
	people := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.User == "" })
	if w.people.Add(int64(len(people))); len(people) > 0 {
		w.commits.Add(1)
	}
	return w.Memory.Update(ctx, changes)
}

// since returns what f has written.
func (w *written) since(f func()) (commits, people int64) {
	commits, people = w.commits.Load(), w.people.Load()
	f()
	return w.commits.Load() - commits, w.people.Load() - people
}

// strangers have so many come, or go.
func (o *office) strangers(status Status, n int) {
	o.flood("hq", n, func(i int, r *Record) {
		r.Status, r.UserName, r.Session = status, fmt.Sprint("stranger", i), fmt.Sprint("s", i)
		r.Device = fmt.Sprintf("02:00:00:02:%02x:%02x", i>>8, i&255)
	})
}

// Who comes together without a booking is looked at together, and who comes among them
// with one is checked in at once.
func TestACrowdIsLookedAtTogether(t *testing.T) {
	inOffice(t, func(o *office) {
		w := &written{}
		o.wrap = func(m *Memory) Store { w.Memory = m; return w }
		o.stop()
		o.start()
		o.desk.book("stranger300@example.com", "b", hour(8), hour(17))
		o.until(9, 0)
		const many = 600
		commits, _ := w.since(func() {
			o.strangers(Start, many)
			time.Sleep(2 * time.Second)
		})
		if commits > 20 {
			t.Errorf("%d commits for %d people who came", commits, many)
		}
		o.wantStatus("b", CheckedIn)
		for _, i := range []int{0, 299, many - 1} {
			if got := o.visit(fmt.Sprintf("stranger%d@example.com", i)).CheckIn; got.Status != Waiting || got.Reason != "no booking for today at this building" {
				t.Errorf("stranger%d: %+v", i, got)
			}
		}
	})
}

// Of thousands without a booking at one site some are looked at each few minutes, and
// everybody within half an hour. Who is given a booking meanwhile is checked in as soon
// as one of a few would be.
func TestThousandsWithoutABookingTakeTurns(t *testing.T) {
	inOffice(t, func(o *office) {
		w := &written{}
		o.wrap = func(m *Memory) Store { w.Memory = m; return w }
		o.stop()
		o.start()
		o.until(9, 0)
		const many = 3000
		o.strangers(Start, many)
		o.until(9, 30)
		if _, people := w.since(func() { o.until(10, 30) }); people < many || people > 3*many {
			t.Errorf("%d looks at %d people within an hour", people, many)
		}
		for n, i := range []int{0, 1500, many - 1} {
			id := fmt.Sprint("b", i)
			o.desk.book(fmt.Sprintf("stranger%d@example.com", i), id, o.at(10, 0), o.at(18, 0))
			o.until(10, 37+7*n)
			o.wantStatus(id, CheckedIn)
		}
	})
}

// Thousands who wait for a desk that answers nobody wait together.
func TestADeadDeskHasManyWaitTogether(t *testing.T) {
	inOffice(t, func(o *office) {
		w := &written{}
		o.wrap = func(m *Memory) Store { w.Memory = m; return w }
		o.stop()
		o.rules.Sites["paris"] = Site{Name: "paris", Zone: time.UTC, Closes: 24 * time.Hour}
		o.door = func(r *reception) Desk { return atParis{r} }
		o.start()
		const many = 500
		for i := range many {
			o.desk.book(fmt.Sprintf("stranger%d@example.com", i), fmt.Sprint("b", i), hour(9), hour(17))
		}
		o.door = func(r *reception) Desk { return atParis{r} }
		o.until(8, 50)
		o.hearAt("paris", Start, "ann", laptop, "a") // for whom it answers
		o.strangers(Start, many)
		o.until(9, 30)
		commits, people := w.since(func() { o.until(10, 0) })
		if commits > 200 || people > 10*many {
			t.Errorf("%d commits, of %d changes of people, in half an hour in which nothing changes", commits, people)
		}
	})
}

// Whose errand is due where the desk rests, too, is checked in where it answers.
func TestWhoIsDueWhereTheDeskRestsIsCheckedInElsewhere(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.rules.Sites["paris"] = Site{Name: "paris", Zone: time.UTC, Closes: 24 * time.Hour}
		o.door = func(r *reception) Desk { return atParis{r} }
		o.start()
		o.desk.book("ann@example.com", "b", hour(9), hour(17), func(b *Booking) { o.desk.site[b.ID] = "paris" })
		o.until(8, 50)
		o.hearAt("paris", Start, "bob", phone, "c") // for whom it answers
		o.strangers(Start, 50)
		o.hear(Start, "ann", laptop, "a")
		o.until(9, 30)
		if o.courier.site("london").Rests.IsZero() {
			t.Fatal("the desk does not rest")
		}
		o.hearAt("paris", Start, "ann", laptop, "b")
		time.Sleep(o.rules.Settle + 10*time.Second)
		o.wantStatus("b", CheckedIn)
	})
}

// atParis is a reception that answers for no other site.
type atParis struct{ *reception }

func (a atParis) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	if site == "london" {
		return Listing{}, errors.New("503 Service Unavailable")
	}
	return a.reception.Listed(ctx, user, site, asOf)
}

// A question on which nothing depends is asked of a few at once and of the others one
// after the other; each is answered for hours.
func TestFewQuestionsAreAskedForNothing(t *testing.T) {
	c, now := NewCourier(NewMemory(), newReception(), DefaultRules(), quiet), hour(9)
	asked := 0
	for i := range 10 * 3600 {
		user := fmt.Sprint(i%5000, "@example.com")
		if c.wonder(user, now) {
			asked++
			c.want(user, now)
			c.asked(user, false, ErrNoUser, now)
		}
		if !c.questions[user].next.IsZero() && !c.nobody(user, now) && now.Before(c.questions[user].next) {
			t.Fatalf("%s is not known to be nobody", user)
		}
		now = now.Add(time.Second)
	}
	if most := wondersMost + int(10*time.Hour/wonderEvery); asked > most || asked < most/2 {
		t.Errorf("%d questions in ten hours, at most %d", asked, most)
	}
}

// Of many about whom a question waits only some stay due, and who leaves meanwhile
// gives up their place.
func TestQuestionsThatWaitAreBounded(t *testing.T) {
	c, now := NewCourier(NewMemory(), newReception(), DefaultRules(), quiet), hour(9)
	waiting := func() (n int) {
		for i := range 3 * mostWanted {
			if c.want(fmt.Sprint(now, i), now).IsZero() {
				n++
			}
		}
		return n
	}
	if n := waiting(); n != mostWanted {
		t.Errorf("%d wait", n)
	}
	now = now.Add(2 * refresh)
	if n := waiting(); n != mostWanted {
		t.Errorf("%d wait after those before were forgotten", n)
	}
}

// laborious is a store that takes its time to read many people, and counts whom it reads.
type laborious struct {
	*Memory
	read atomic.Int64
}

func (s *laborious) Persons(ctx context.Context, users []string) ([]Person, error) {
	if s.read.Add(int64(len(users))); len(users) > 10 {
		time.Sleep(100 * time.Millisecond)
	}
	return s.Memory.Persons(ctx, users)
}

// sluggish is a reception that takes its time to check somebody in.
type sluggish struct{ *reception }

func (s sluggish) CheckIn(ctx context.Context, site string, b Booking) (Booking, error) {
	time.Sleep(500 * time.Millisecond)
	return s.reception.CheckIn(ctx, site, b)
}

// Who is due and waits is not read again because others arrive, or time passes: only who was
// written since.
func TestWhoWaitsIsNotReadAgain(t *testing.T) {
	inOffice(t, func(o *office) {
		s := &laborious{}
		o.wrap = func(m *Memory) Store { s.Memory = m; return s }
		o.door = func(r *reception) Desk { return sluggish{r} }
		o.stop()
		o.start()
		const many = 400
		for i := range many {
			o.desk.book(fmt.Sprintf("stranger%d@example.com", i), fmt.Sprint("b", i), hour(8), hour(17))
		}
		o.until(9, 0)
		o.strangers(Start, many)
		for range 400 { // 20 s, in which a fourth has their turn
			o.courier.Kick()
			time.Sleep(50 * time.Millisecond)
		}
		o.wantStatus("b10", CheckedIn)
		if o.desk.status("b399") == CheckedIn {
			t.Fatal("nobody has to wait")
		}
		if n := s.read.Load(); n > 4*many { // as they come, in a crowd, and before and after their call
			t.Errorf("of %d people %d were read", many, n)
		}
		time.Sleep(time.Minute)
		o.wantStatus("b399", CheckedIn)
	})
}

// TestWhoProbesADeadDeskWaitsNoLongerThanOthers: it is always somebody's errand by which
// is found out whether the desk answers again.
func TestWhoProbesADeadDeskWaitsNoLongerThanOthers(t *testing.T) {
	now := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		rests time.Time
		want  time.Duration
	}{{time.Time{}, 30 * time.Minute}, {now.Add(5 * time.Minute), 5 * time.Minute}} {
		v := Visit{State: Present, CheckIn: Errand{Status: Pending}}
		for range 12 {
			v.failed(errors.New("bad gateway"), false, c.rests, now)
		}
		if wait := v.CheckIn.Next.Sub(now); wait < c.want || wait > c.want*6/5 {
			t.Errorf("where the desk rests until %s, after twelve failures of theirs they wait %s, want %s", c.rests, wait, c.want)
		}
	}
}
