package office

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// rehearsed returns what a rehearsal makes of the office's records, by index of the
// rules.
func rehearsed(t *testing.T, o *Office, rules presence.Rules, others ...presence.Rules) [][]Concluded {
	over := make([][]Concluded, 1+len(others))
	r := presence.NewRehearsal(o.Mapping(), &store.Codec{}, rules, others...)
	r.Over = func(i int, v presence.Visit, noticed time.Time) {
		over[i] = append(over[i], Concluded{v, noticed, v.Believed})
	}
	for events := o.Events; len(events) > 0 && events[0].Arrive.Before(o.Truth.Ends); {
		at := events[0].Arrive
		var batch []presence.Record
		for ; len(events) > 0 && events[0].Arrive.Equal(at); events = events[1:] {
			batch = append(batch, o.sent(t, events[0]))
		}
		r.Hear(batch...)
	}
	r.Finish()
	return over
}

// told writes the visits that were over by the time, for comparison.
func told(visits []Concluded, by time.Time) (all []string) {
	for _, v := range visits {
		if v.State == presence.Over && v.Believed.Before(by) {
			all = append(all, fmt.Sprintf("%s %s %s to %s %s, noticed %s, believed %s", v.User, v.Site, v.Arrived.Format(time.DateTime), v.Departed.Format(time.DateTime),
				v.End, v.Noticed.Format(time.TimeOnly), v.Believed.Format(time.TimeOnly)))
		}
	}
	slices.Sort(all)
	return all
}

// TestRehearsalIsTheDaemon: of the same records it concludes the same visits, and at
// the same moments, in weeks in which everything goes wrong.
func TestRehearsalIsTheDaemon(t *testing.T) {
	_, met := Makes()
	plans := map[string]Plan{"week": Week(8), "field": Field(8, met[:3]...), "calm": {People: 8, Days: 5, Begins: Week(1).Begins, Sites: Week(1).Sites, Calm: true}}
	weeks, least := uint64(3), 50
	if racing {
		weeks, least = 1, 1
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			visits := 0
			for seed := range weeks {
				o := New(seed, brief(plan, 2))
				rules := o.Rules()
				daemon, err := tracker(t, newMemory)(o, rules)
				if err != nil {
					t.Fatal(err)
				}
				over := rehearsed(t, o, rules)
				by := o.Events[len(o.Events)-1].Arrive
				want := told(daemon, by)
				if d := differ(want, told(over[0], by)); d != "" {
					t.Errorf("seed %d: what the daemon concluded (-) and the rehearsal (+):\n%s", seed, d)
				}
				visits += len(want)
			}
			if visits < least {
				t.Errorf("only %d visits were compared", visits)
			}
		})
	}
}

// TestEveryLingerIsOneOfItsOwn: what a rehearsal says of other rules beside its own is
// what it says under those alone.
func TestEveryLingerIsOneOfItsOwn(t *testing.T) {
	lingers := []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}
	_, met := Makes()
	for name, plan := range map[string]Plan{"week": Week(12), "field": Field(12, met[:3]...)} {
		o := New(1, brief(plan, 2))
		var others []presence.Rules
		for _, linger := range lingers {
			rules := o.Rules()
			rules.Linger, rules.Lunch, rules.NoDozes = linger, presence.Span{}, true
			others = append(others, rules)
		}
		by := o.Events[len(o.Events)-1].Arrive
		together := rehearsed(t, o, o.Rules(), others...)
		for i, rules := range others {
			alone := rehearsed(t, o, rules)
			if d := differ(told(alone[0], by), told(together[i+1], by)); d != "" {
				t.Errorf("%s, linger %v: alone (-) and beside others (+):\n%s", name, lingers[i], d)
			}
		}
		if len(together[1]) <= len(together[4]) && !racing {
			t.Errorf("%s: %d visits with the shortest linger, %d with the longest", name, len(together[1]), len(together[4]))
		}
	}
}
