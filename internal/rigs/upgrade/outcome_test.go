package upgrade

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

// branch is one way in which things went on after the store was left:
// expected.json says what version 1 made of each.
type branch struct {
	Until  time.Time            `json:"until"`
	People map[string]*expected `json:"people"`
}

// expected is what becomes of one person.
type expected struct {
	outcome
	Differs    []outcome `json:"differs,omitempty"`     // one of these instead, where the rules were changed on purpose since
	StillRight bool      `json:"still_right,omitempty"` // … or as it was
}

// outcome is a person's visits and the calls for them, from when the store was
// left. What was said about the moment of a conclusion or a call holds within a
// minute, or within Within.
type outcome struct {
	Why    string `json:"why,omitempty"` // … it differs
	Within string `json:"within,omitempty"`
	Visits []stay `json:"visits"`
	Calls  []call `json:"calls,omitempty"`
}

type stay struct {
	Site     string    `json:"site"`
	Arrived  time.Time `json:"arrived"`
	Departed time.Time `json:"departed,omitzero"`
	State    string    `json:"state"`
	End      string    `json:"end,omitempty"`
	Over     time.Time `json:"over,omitzero"` // when it was first stored as over, since the store was left
	CheckIn  string    `json:"check_in"`
	CheckOut string    `json:"check_out"`
}

// goOn opens the store at path, has what the branch's detail file holds be
// heard, and returns what became of everybody until the given moment.
func (k keptStore) goOn(t *testing.T, path, name string, until time.Time) map[string]*outcome {
	t.Helper()
	heard := k.packets(t, name+".detail")
	config := k.configured(t)
	d := k.desk(t, config)
	var became map[string]*outcome
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(k.opened()))
		p := run(t, path, config, d)
		w := &watch{program: p, over: map[string]time.Time{}}
		synctest.Wait()
		for look := k.opened(); !look.After(until); look = look.Add(k.pace(look)) {
			for len(heard) > 0 && heard[0].Heard.Before(look) {
				time.Sleep(time.Until(heard[0].Heard))
				p.hear(heard[0])
				heard = heard[1:]
			}
			time.Sleep(time.Until(look))
			w.look()
		}
		p.rest()
		became = w.became(d)
		if err := p.store.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return became
}

// pace is how long to look away: in the evening people leave, and then little
// ends.
func (k keptStore) pace(t time.Time) time.Duration {
	if t.Before(k.closed.Add(3 * time.Hour)) {
		return time.Minute
	}
	return 10 * time.Minute
}

// watch notes when visits are first stored as over.
type watch struct {
	*program
	open []string             // ids of the visits that were not archived at the last look
	over map[string]time.Time // by id
}

func (w *watch) look() {
	w.t.Helper()
	var open []string
	now := time.Now().UTC()
	for _, v := range w.notArchived() {
		open = append(open, v.ID)
		if v.State == presence.Over && w.over[v.ID].IsZero() {
			w.over[v.ID] = now
		}
	}
	if slices.Equal(open, w.open) {
		return // nothing was archived
	}
	w.open = open
	for _, v := range history(w.t, w.store) {
		if w.over[v.ID].IsZero() {
			w.over[v.ID] = now
		}
	}
}

func (w *watch) notArchived() (visits []presence.Visit) {
	w.t.Helper()
	people, err := w.store.People(w.t.Context(), "", most)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range people {
		visits = append(visits, people[i].Visits...)
	}
	return visits
}

// became sums up what became of everybody whom the store knows.
func (w *watch) became(d *desk) map[string]*outcome {
	w.t.Helper()
	everybody := map[string]*outcome{}
	of := func(user string) *outcome {
		if everybody[user] == nil {
			everybody[user] = &outcome{Visits: []stay{}}
		}
		return everybody[user]
	}
	people, err := w.store.People(w.t.Context(), "", most)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range people {
		of(p.User)
	}
	for _, v := range slices.Concat(history(w.t, w.store), w.notArchived()) {
		s := stay{
			Site: v.Site, Arrived: v.Arrived, Departed: v.Departed, State: string(v.State), End: string(v.End),
			CheckIn: string(v.CheckIn.Status), CheckOut: string(v.CheckOut.Status), Over: w.over[v.ID],
		}
		of(v.User).Visits = append(of(v.User).Visits, s)
	}
	for _, o := range everybody {
		slices.SortFunc(o.Visits, func(a, b stay) int { return a.Arrived.Compare(b.Arrived) })
	}
	for _, c := range d.calls {
		o := of(d.user(c.Booking))
		o.Calls = append(o.Calls, c)
	}
	return everybody
}

// unlike says how o is not as wanted; it returns "" if it is.
func (o *outcome) unlike(want outcome) string {
	within := time.Minute
	if want.Within != "" {
		var err error
		if within, err = time.ParseDuration(want.Within); err != nil {
			return err.Error()
		}
	}
	near := func(a, b time.Time) bool { return a.IsZero() == b.IsZero() && a.Sub(b).Abs() <= within }
	if len(o.Visits) != len(want.Visits) {
		return fmt.Sprintf("visits %s, want %s", o.Visits, want.Visits)
	}
	for i, v := range o.Visits {
		w := want.Visits[i]
		if near(v.Over, w.Over) {
			w.Over = v.Over
		}
		if v != w {
			return fmt.Sprintf("visit %s, want %s", v, w)
		}
	}
	if len(o.Calls) != len(want.Calls) {
		return fmt.Sprintf("calls %s, want %s", o.Calls, want.Calls)
	}
	for i, c := range o.Calls {
		if w := want.Calls[i]; c.Call != w.Call || c.Booking != w.Booking || !near(c.At, w.At) {
			return fmt.Sprintf("call %s, want %s", c, w)
		}
	}
	return ""
}

func (s stay) String() string {
	line := fmt.Sprintf("%s %s %s", s.Site, s.State, clock(s.Arrived))
	if s.State == "over" {
		line += fmt.Sprintf("–%s %s, stored %s", clock(s.Departed), s.End, clock(s.Over))
	}
	return line + fmt.Sprintf(" (%s, %s)", s.CheckIn, s.CheckOut)
}

func (c call) String() string { return fmt.Sprintf("%s of %s at %s", c.Call, c.Booking, clock(c.At)) }

func clock(t time.Time) string { return t.UTC().Format("Mon 15:04:05") }
