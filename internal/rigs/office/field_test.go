package office

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

var (
	only   = flag.String("makes", "", "the equipment that TestFieldIsRight is about: names with commas, or all")
	single = flag.Int64("seed", -1, "the only seed to try")
	who    = flag.String("who", "", "whose story is told if something was got wrong of them")
)

// equipped returns the makes that are asked for, and whether presence is held
// to what they send.
func equipped() (names []string, held bool) {
	week, met := Makes()
	if *only == "" || *only == "all" {
		return append(week, met...), judged || *only == "all"
	}
	return strings.Split(*only, ","), true
}

// seedsOf returns the seeds to try.
func seedsOf(n uint64) (all []uint64) {
	if *single >= 0 {
		return []uint64{uint64(*single)}
	}
	for i := range n {
		all = append(all, *first+i)
	}
	return all
}

// TestFieldIsRight lets the tracker live through working weeks at sites with
// one make of equipment each, as they are met in the field, and holds its
// visits against what really happened. It prints the score of each make; with
// -v, and one make or a name, the story of whoever something was got wrong of:
//
//	go test ./internal/rigs/office -run TestFieldIsRight -v -args -makes 'Cisco 9800' -people 12 -seed 3
//	go test ./internal/rigs/office -run TestFieldIsRight -v -args -people 300 -seed 3 -who femi.park
func TestFieldIsRight(t *testing.T) {
	names, held := equipped()
	all := seedsOf(*seeds)
	if *only == "" {
		all = all[:min(len(all), 1)]
	}
	scores := make([][]Row, len(all))
	stories := make([]strings.Builder, len(all))
	t.Run("seeds", func(t *testing.T) {
		for i, seed := range all {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				o := New(seed, brief(Field(max(*people, 3*len(names)), names...), 1))
				visits, err := tracker(t, newMemory)(o, o.Rules())
				if err != nil {
					t.Fatal(err)
				}
				scores[i] = o.ByMake(visits, o.Rules())
				for _, row := range scores[i] {
					for _, note := range row.Notes {
						told := len(names) == 1 || *who != "" && strings.Contains(note.User, *who)
						if told && testing.Verbose() {
							o.Tell(&stories[i], note, visits)
						}
					}
				}
			})
		}
	})
	var rows []Row
	total := Row{Of: "all"}
	for i, name := range names {
		row := Row{Of: name}
		for j := range all {
			if scores[j] == nil {
				continue
			}
			row.Add(scores[j][i].Score)
			for _, note := range scores[j][i].Notes {
				if !held {
					break
				}
				find(t, fmt.Sprintf("seed %d: %s", all[j], note))
			}
		}
		rows = append(rows, row)
		total.Add(row.Score)
	}
	for i := range stories {
		io.WriteString(t.Output(), stories[i].String())
	}
	if err := Print(t.Output(), "make", append(rows, total)); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(rows, func(r Row) bool { return r.Arrivals == 0 || r.Departures == 0 }); i >= 0 && *single < 0 && !racing {
		t.Errorf("nobody came or went at %s", rows[i].Of)
	}
}
