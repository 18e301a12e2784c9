package presence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hinting is a store whose index does what it is allowed to: it names people too early,
// and says that somebody is due before anybody is.
type hinting struct {
	*Memory
	asking sync.Mutex // guards r: the tracker asks, and the courier
	r      *rand.Rand
}

func (h *hinting) Due(ctx context.Context, q Queue, by time.Time, limit int) ([]string, time.Time, error) {
	users, next, err := h.Memory.Due(ctx, q, by, limit)
	return h.hint(users), next, err
}

func (h *hinting) NewlyDue(ctx context.Context, by time.Time, limit int, anew bool) ([]string, time.Time, error) {
	users, next, err := h.Memory.NewlyDue(ctx, by, limit, anew)
	users = h.hint(users)
	h.asking.Lock()
	defer h.asking.Unlock()
	if h.r.IntN(4) == 0 {
		next = earlier(next, by.Add(time.Duration(1+h.r.IntN(600))*time.Second))
	}
	return users, next, err
}

// hint adds people who are not due to those who are.
func (h *hinting) hint(users []string) []string {
	everybody, _ := h.People(context.Background(), "", 100)
	h.asking.Lock()
	defer h.asking.Unlock()
	for _, p := range everybody {
		if h.r.IntN(4) == 0 && !slices.Contains(users, p.User) {
			users = append(users, p.User)
		}
	}
	return users
}

// early are the troubles of an engine of which one daemon has all answers.
var early = Troubles{Conflicts: UsualTroubles.Conflicts, Hints: UsualTroubles.Hints}

// A wake-up is never missing, whatever the index says too early, of one person
// or of three, and with everybody else asleep: whoever is there is checked in as
// each booking becomes due, and whoever leaves is checked out.
func TestNobodyIsSleptThrough(t *testing.T) {
	for seed := range (*seeds + 5) / 6 {
		for _, people := range []int{1, 3} {
			allDay(t, func(o *office) {
				r := rand.New(rand.NewPCG(seed, uint64(people)))
				o.stop()
				o.store.InTrouble(seed, early)
				if seed%2 == 1 {
					o.wrap = func(m *Memory) Store { return &hinting{Memory: m, r: rand.New(rand.NewPCG(seed, 1))} }
				}
				o.rules.Lunch = Span{}
				o.start()
				type due struct {
					at     time.Time
					id     string
					status BookingStatus
				}
				var all []due
				type event struct {
					at time.Time
					do func()
				}
				var events []event
				minute := func(from, to int) time.Time {
					return hour(0).Add(time.Duration(from+r.IntN(to-from)) * time.Minute)
				}
				for i := range people {
					user, device := fmt.Sprintf("u%d", i), fmt.Sprintf("02:00:00:00:02:%02x", i)
					came, left := minute(8*60+1, 10*60), minute(16*60, 18*60)
					events = append(events, event{came, func() { o.hear(Start, user, device, "a") }})
					events = append(events, event{left, func() { o.hear(Stop, user, device, "a") }})
					for n := range 1 + r.IntN(4) {
						begin := minute(8*60, 16*60)
						id := fmt.Sprintf("%s-%d", user, n)
						end := begin.Add(time.Duration(30+r.IntN(600)) * time.Minute)
						o.desk.book(user+"@example.com", id, begin, end)
						in := later(came, begin.Add(-time.Hour)).Add(2 * time.Minute)
						if in.Before(end) && in.Before(left) {
							all = append(all, due{in, id, CheckedIn})
							if out := left.Add(o.rules.Linger + 2*time.Minute); out.Before(end) {
								all = append(all, due{out, id, CheckedOut})
							}
						}
					}
				}
				for _, d := range all {
					events = append(events, event{d.at, func() {
						if got := o.desk.status(d.id); got != d.status && (d.status != CheckedIn || got != CheckedOut) {
							t.Errorf("seed %d, %d people: at %s %s is %s, want %s: %s\n%s", seed, people, d.at.Format("15:04"), d.id, got, d.status, o.desk.made(), o.story())
						}
					}})
				}
				slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
				for _, e := range events {
					time.Sleep(time.Until(e.at))
					synctest.Wait()
					e.do()
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}
