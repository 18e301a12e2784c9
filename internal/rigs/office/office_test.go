package office

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

var (
	seeds  = flag.Uint64("seeds", 50, "how many offices the promises are tried on")
	first  = flag.Uint64("first", 0, "the seed of the first of them")
	people = flag.Int("people", 8, "how many people work in each of them")
)

// week is the plan of the tests' offices. With the race detector it is two days
// long, into which as much goes wrong.
func week() Plan { return brief(Week(*people), 2) }

// brief shortens the plan to some days if the race detector is on.
func brief(plan Plan, days int) Plan {
	if racing {
		plan.Days = days
	}
	return plan
}

// TestWhoIsHereIsRight lets the tracker live through a working week in fifty
// offices and holds its visits against what really happened: nobody arrives
// unseen whom a packet shows, nobody arrives who does not come, and nobody is
// believed to have left whom a packet showed less than linger before. It
// prints the score of every seed.
func TestWhoIsHereIsRight(t *testing.T) {
	weeks := *seeds
	if racing {
		weeks = min(weeks, 2)
	}
	rows := make([]Row, weeks)
	t.Run("seeds", func(t *testing.T) {
		for i := range weeks {
			seed := *first + i
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				o := New(seed, week())
				visits, err := tracker(t, newMemory)(o, o.Rules())
				if err != nil {
					t.Fatal(err)
				}
				s := Compare(o.Truth, visits, o.Rules())
				rows[i] = Row{Of: fmt.Sprint(seed), Score: s}
				for _, note := range s.Notes {
					find(t, fmt.Sprintf("seed %d: %s", seed, note))
				}
			})
		}
	})
	total := Row{Of: "all"}
	for _, r := range rows {
		total.Add(r.Score)
	}
	if err := Print(t.Output(), "seed", append(rows, total)); err != nil {
		t.Fatal(err)
	}
	if total.Arrivals == 0 || total.Departures == 0 {
		t.Error("nobody came or went")
	}
}

// TestRealStoreConcludesTheSame: the file and the map give the same visits.
func TestRealStoreConcludesTheSame(t *testing.T) {
	plan := Week(8)
	plan.Days = 1
	o := New(3, plan)
	want, err := tracker(t, newMemory)(o, o.Rules())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "presenced.db")
	got, err := tracker(t, func() presence.Store {
		s, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})(o, o.Rules())
	if err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 {
		t.Fatal("nobody came")
	}
	less := func(a, b Concluded) bool { return a.ID < b.ID }
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(less), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(presence.Outlook{})); diff != "" {
		t.Errorf("-map +file\n%s", diff)
	}
}

// TestLingerTable prints what linger costs and saves, for whoever has to
// choose it:
//
//	go test ./internal/rigs/office -run TestLingerTable -v -args -seeds 6
func TestLingerTable(t *testing.T) {
	size, lingers := uint64(1), Lingers
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "seeds" {
			size = *seeds
		}
	})
	if racing {
		lingers = lingers[:2]
	}
	var offices []*Office
	for seed := range size {
		offices = append(offices, New(seed, week()))
	}
	rows, err := Sweep(t.Output(), offices, lingers, tracker(t, newMemory))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		for _, note := range r.Notes {
			find(t, fmt.Sprintf("linger %s: %s", r.Of, note))
		}
		if i > 0 && r.False > rows[0].False {
			t.Errorf("a linger of %s costs %d false departures, the shortest %d", r.Of, r.False, rows[0].False)
		}
	}
}
