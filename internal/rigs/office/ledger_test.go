package office

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/replay"
	"github.com/presenced/presenced/presence"
)

// watch is a store that writes down what visits are taken to be.
type watch struct {
	presence.Store
	mu     sync.Mutex // guards all
	open   map[string]*Spell
	spells []Spell
}

func (w *watch) Update(ctx context.Context, changes []presence.Change) error {
	return w.Store.Update(ctx, replay.Watched(changes, func(visits []presence.Visit) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i := range visits {
			w.see(&visits[i])
		}
	}))
}

func (w *watch) see(v *presence.Visit) {
	was, now := w.open[v.ID], time.Now()
	if was != nil && was.State == v.State {
		if n := len(was.Gone); n > 0 && !was.Gone[n-1].Since.Equal(v.Outlook.Since) {
			was.Gone = append(was.Gone, Gone{now, v.Outlook.Since})
		}
		return
	}
	if was != nil && was.State != presence.Over {
		was.To, was.Over = now, v.State == presence.Over && v.End == presence.Left
		w.spells = append(w.spells, *was)
	}
	w.open[v.ID] = &Spell{User: v.User, Site: v.Site, Arrived: v.Arrived, State: v.State, From: now}
	if v.State == presence.Leaving {
		w.open[v.ID].Gone = []Gone{{now, v.Outlook.Since}}
	}
}

// keep has the daemon live through the office's days with the bookings, and
// returns what became of them.
func keep(t *testing.T, o *Office, rules presence.Rules) (a Account) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(o.Begins))
		w := &watch{Store: presence.NewMemory(), open: map[string]*Spell{}}
		ledger := NewLedger(o.Bookings())
		log := slog.New(slog.DiscardHandler)
		tr := presence.NewTracker(w, o.Mapping(), rules, log)
		c := presence.NewCourier(w, ledger, rules, log)
		tr.HasWork = c.Kick
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { tr.Run(ctx) })
		running.Go(func() { c.Run(ctx) })
		for events := o.Events; len(events) > 0 && events[0].Arrive.Before(o.Truth.Ends); {
			at := events[0].Arrive
			time.Sleep(time.Until(at))
			var batch []presence.Record
			for ; len(events) > 0 && events[0].Arrive.Equal(at); events = events[1:] {
				batch = append(batch, o.sent(t, events[0]))
			}
			if err := tr.Record(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Until(o.Truth.Ends))
		cancel()
		running.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, s := range w.open {
			if s.To = time.Now(); s.State != presence.Over {
				w.spells = append(w.spells, *s)
			}
		}
		a = ledger.Judge(o, w.spells, rules)
	})
	return a
}

// TestEveryBookingAllDay holds a desk's ledger against offices of one, three and
// eight people, at the default settings and with lunch turned off, and prints
// what became of the bookings; larger offices and more weeks by
//
//	go test ./internal/rigs/office -run TestEveryBookingAllDay -v -timeout 2h -args -people 300 -seeds 50
func TestEveryBookingAllDay(t *testing.T) {
	sizes, weeks := []int{1, 3, 8}, uint64(4)
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "people":
			sizes = []int{*people}
		case "seeds":
			weeks = *seeds
		}
	})
	if racing {
		sizes, weeks = []int{3}, 1
	}
	type row struct {
		name    string
		account Account
	}
	var rows []*row
	t.Run("offices", func(t *testing.T) {
		for _, size := range sizes {
			for _, lunch := range []bool{true, false} {
				r := &row{name: fmt.Sprintf("%d, without lunch", size)}
				if lunch {
					r.name = fmt.Sprint(size)
				}
				rows = append(rows, r)
				t.Run(r.name, func(t *testing.T) {
					t.Parallel()
					for i := range weeks {
						plan := Week(size)
						if racing {
							plan.Days = 1
						}
						o := New(*first+i, plan)
						rules := o.Rules()
						if !lunch {
							rules.Lunch = presence.Span{}
						}
						r.account.Add(keep(t, o, rules))
					}
					r.account.Settle()
				})
			}
		}
	})
	var names []string
	var accounts []Account
	checkIns := 0
	for _, r := range rows {
		a := r.account
		names, accounts, checkIns = append(names, r.name), append(accounts, a), checkIns+a.CheckIns
		if a.Missed+a.Late+a.Invented+a.Undone > 0 {
			for _, n := range a.Notes[:min(len(a.Notes), 20)] {
				t.Errorf("people %s: %s", r.name, n)
			}
		}
	}
	if err := PrintAccounts(t.Output(), "people", names, accounts); err != nil {
		t.Fatal(err)
	}
	if checkIns == 0 {
		t.Error("nobody was checked in")
	}
}
