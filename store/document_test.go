package store

import (
	"fmt"
	"testing"
)

// Who is kept is bounded by what is counted for them, and who is not stored as
// it is there is not kept.
func TestRecentIsCounted(t *testing.T) {
	const each = recentMost / 100
	r := recent{people: map[string]*document{}}
	counted := func(when string) {
		t.Helper()
		sum := 0
		for _, d := range r.people {
			sum += d.kept
		}
		if r.size != sum || r.size > recentMost {
			t.Errorf("%s: %d octets of %d people are counted as %d, of %d at the most", when, sum, len(r.people), r.size, recentMost)
		}
	}
	take := func(user string, octets int, done bool) {
		d := r.people[user]
		if d == nil {
			d = &document{}
		}
		d.written, d.stored = true, make([]byte, octets)
		r.take(map[string]*document{user: d}, done)
	}
	most := 0
	for i := range 250 {
		take(fmt.Sprint(i), each, true)
		counted("another")
		most = max(most, len(r.people))
	}
	if most < 99 || len(r.people) == 250 {
		t.Errorf("%d people were kept, and %d are", most, len(r.people))
	}
	take("249", 2*each, true)
	counted("grown")
	if r.people["249"] == nil {
		t.Error("who was written again is not kept")
	}
	take("249", each, false)
	counted("failed")
	if r.people["249"] != nil {
		t.Error("what failed to be stored is kept")
	}
	take("248", each, true)
	r.people["248"].stored = nil
	r.take(map[string]*document{"248": r.people["248"]}, true)
	counted("erased")
	if r.people["248"] != nil {
		t.Error("who was erased is kept")
	}
}
