package replay

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rehearse"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// rehearsed returns what a rehearsal makes of a replay's file.
func rehearsed(t *testing.T, file string, r *Replay) []rehearse.Visit {
	t.Helper()
	var visits []rehearse.Visit
	report, err := rehearse.Run(t.Context(), rehearse.Plan{
		Names: []string{file}, Config: r.config, Form: radiusacct.Form{Zone: zone}, Visit: func(v rehearse.Visit) { visits = append(visits, v) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Files {
		if f.Flaws > 0 || int(f.Packets) != len(r.Packets) {
			t.Errorf("%d packets of %d, flaws: %s", f.Packets, len(r.Packets), f.First)
		}
	}
	slices.SortStableFunc(visits, func(a, b rehearse.Visit) int { return a.Arrived.Compare(b.Arrived) })
	return visits
}

// rehearsalFaults holds the visits of a rehearsal against those that the replay wants.
// A rehearsal ends with the last record: who is there then is not asked how they left,
// and what it decides after the replay's end is not over yet.
func (r *Replay) rehearsalFaults(visits []rehearse.Visit) []string {
	last, end := r.Packets[len(r.Packets)-1].Heard, r.looks[len(r.looks)-1]
	o := &Outcome{Visits: map[string][]Visit{}}
	for _, v := range visits {
		is := Visit{presence.Visit{User: v.User, Site: v.Site, Arrived: v.Arrived, Departed: v.Departed, State: presence.VisitState(v.State), End: v.End}, v.Noticed, v.Believed}
		if is.State == presence.Over && is.Believed.After(end) {
			is.State = presence.Leaving
		}
		o.Visits[v.User] = append(o.Visits[v.User], is)
	}
	asked := *r
	asked.wants.moments = nil
	asked.wants.visits = map[string][]visit{}
	for user, all := range r.wants.visits {
		for i, want := range all {
			if is := o.Visits[user]; i < len(is) && is[i].State != presence.Over && end.After(last.Add(10*time.Minute)) {
				want.departed, want.believed = nil, nil
			}
			asked.wants.visits[user] = append(asked.wants.visits[user], want)
		}
	}
	return asked.Faults(o)
}

// TestReplaysRehearsed: a rehearsal of what controllers sent comes to the visits that
// are right.
func TestReplaysRehearsed(t *testing.T) {
	for _, file := range slices.Concat(match(t, "testdata/field/*.detail"), match(t, *also)) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".detail"), func(t *testing.T) {
			r := read(t, file)
			faults := r.rehearsalFaults(rehearsed(t, file, r))
			if falls(file) == "" && len(faults) > 0 {
				t.Errorf("%s\n%s", r.Situation, strings.Join(faults, "\n"))
			}
		})
	}
}
