package office

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

// TestWhatIsToldHappens: on fifty random days, at the settings as delivered, everybody's
// state changes when it was told to if nothing more is heard of them, and no sooner; and
// until when that is told to last changes by news of the network alone.
func TestWhatIsToldHappens(t *testing.T) {
	days := *seeds
	if racing {
		days = min(days, 2)
	}
	found := make([]tally, days)
	t.Run("days", func(t *testing.T) {
		for i := range days {
			plan := Week(*people)
			plan.Days = 1
			t.Run("", func(t *testing.T) {
				t.Parallel()
				found[i] = outlived(t, New(*first+i, plan))
			})
		}
	})
	var all tally
	for _, one := range found {
		all.add(one)
	}
	t.Logf("%d days: %+v", days, all)
	if all.Stayed == 0 || all.Left == 0 || all.Leaving == 0 {
		t.Errorf("not everything happened: %+v", all)
	}
}

// tally is what became of what was told of people of whom nothing was heard meanwhile.
type tally struct {
	Stayed  int // it did not change, as told
	Leaving int // it changed as told, and they are not believed to have left
	Left    int // they were believed to have left, as told
	Open    int // when was not told: it depended on more than time
	Moved   int // because of the network it was told to last longer, or not as long
	Heard   int // something was heard of them: nothing was told for that
}

func (a *tally) add(b tally) {
	a.Stayed, a.Leaving, a.Left, a.Open, a.Moved, a.Heard = a.Stayed+b.Stayed, a.Leaving+b.Leaving, a.Left+b.Left, a.Open+b.Open, a.Moved+b.Moved, a.Heard+b.Heard
}

// telling is what is told of a visit at one look.
type telling struct {
	visit presence.Visit
	is    presence.Outlook
}

// outlived has a tracker live through the office's day, looks every ten minutes what is told
// of everybody, and holds that against what is so at the next look.
func outlived(t *testing.T, o *Office) (found tally) {
	const every, slack = 10 * time.Minute, 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(o.Begins))
		store := presence.NewMemory()
		tr := presence.NewTracker(store, o.Mapping(), o.Rules(), slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { tr.Run(ctx) })
		before, next := map[string]telling{}, o.Begins.Add(every)
		heard := map[string]bool{} // the devices of which something was, since the last look
		rest := func(until time.Time) {
			for ; !next.After(until); next = next.Add(every) {
				time.Sleep(time.Until(next))
				synctest.Wait()
				before = against(t, &found, store, tr.World(), before, heard, next, every, slack)
				clear(heard)
			}
			time.Sleep(time.Until(until))
		}
		for events := o.Events; len(events) > 0 && events[0].Arrive.Before(o.Truth.Ends); events = events[1:] {
			rest(events[0].Arrive)
			r := o.sent(t, events[0])
			heard[r.Device] = true
			if err := tr.Record(t.Context(), []presence.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		rest(o.Truth.Ends)
		cancel()
		running.Wait()
	})
	return found
}

// against holds what was told before against what is so now, and returns what is told now.
func against(t *testing.T, found *tally, store *presence.Memory, w presence.World, before map[string]telling, heard map[string]bool, now time.Time, every, slack time.Duration) map[string]telling {
	people, err := store.People(t.Context(), "", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	after, news, held := map[string]telling{}, map[string]bool{}, map[string]bool{}
	for i := range people {
		p := &people[i]
		view := p.View(now, w)
		for _, v := range p.Visits {
			if v.State != presence.Over {
				after[v.ID] = telling{v, view.Outlooks[v.ID]}
			}
		}
		for _, s := range view.Sessions {
			news[p.User] = news[p.User] || heard[s.Device]
			held[p.User] = held[p.User] || s.State == presence.Suspect
		}
	}
	for id, was := range before {
		then, on := after[id]
		told, is := was.is, then.is
		what := func(text string) {
			t.Errorf("%s: %s was told %s at %s until %s (%q, %s), and %s: %+v", now.Format("15:04:05"), was.visit.User, told.State, was.visit.Site, told.Until.Format("15:04:05"), told.Why, told.Held, text, is)
		}
		switch {
		case news[was.visit.User]:
			found.Heard++
		case told.Until.IsZero():
			found.Open++
		case !on:
			v, err := over(t.Context(), store, was.visit)
			if d := v.Believed.Sub(told.Until); err != nil || d.Abs() > slack {
				what("it was over at " + v.Believed.Format("15:04:05"))
			}
			found.Left++
		case is.State != told.State:
			if told.Until.After(now.Add(slack)) || told.Until.Before(now.Add(-every-slack)) {
				what("it has changed")
			}
			found.Leaving++
		case is.Until.Equal(told.Until):
			if is.Until.Before(now.Add(-slack)) {
				what("it has not changed")
			}
			found.Stayed++
		case held[was.visit.User], slices.Contains(byTheNetwork, is.Held), slices.Contains(byTheNetwork, told.Held):
			found.Moved++
		default:
			what("that moved by itself")
		}
	}
	return after
}

// byTheNetwork are what a belief waits for that news of others may change.
var byTheNetwork = []presence.HeldBy{presence.HeldByOutage, presence.HeldByListening, presence.HeldByOldNews, presence.HeldByNAS, presence.HeldBySilence}

// over returns the visit as it ended.
func over(ctx context.Context, store *presence.Memory, was presence.Visit) (presence.Visit, error) {
	p, err := store.Person(ctx, was.User)
	if err != nil {
		return was, err
	}
	all, err := store.History(ctx, was.User, was.Arrived.Add(-24*time.Hour), was.Arrived.Add(24*time.Hour), 1000)
	for _, v := range append(all, p.Visits...) {
		if v.ID == was.ID {
			return v, err
		}
	}
	return was, err
}
