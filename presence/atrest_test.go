package presence

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestWhatRulesMakeOfAPersonSurvivesARest: whatever rules made of a person is the same
// after it was packed, whether they agree or not.
func TestWhatRulesMakeOfAPersonSurvivesARest(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	moment := func() time.Time {
		if dice.IntN(3) == 0 {
			return time.Time{}
		}
		return time.Unix(1772442000+dice.Int64N(1e6), dice.Int64N(1e9)).UTC()
	}
	site := func() string { return []string{"", "london", "paris"}[dice.IntN(3)] }
	made := func() (o otherwise) {
		for range dice.IntN(3) {
			o.visits = append(o.visits, brief{site(), moment(), moment(), moment(), visitStates[dice.IntN(len(visitStates))]})
		}
		for range dice.IntN(3) {
			o.floors = append(o.floors, Floor{site(), moment()})
		}
		for range dice.IntN(2) {
			o.buried = append(o.buried, Device{ID: "02:00:00:00:00:01", Site: site(), Began: moment(), Last: moment(), Doze: time.Duration(dice.Int64N(1e12))})
		}
		o.wake, o.stood, o.anchor, o.apart = moment(), dice.Uint64(), dice.Uint64N(2), dice.Uint64()
		return o
	}
	for range 1000 {
		b := &beside{under: &under{}, each: make([]otherwise, 8)}
		for i := range b.each {
			if b.each[i] = made(); i > 0 && dice.IntN(2) == 0 {
				b.each[i] = b.each[i-1] // most say what the one before says
			}
		}
		again := &beside{under: b.under, each: make([]otherwise, 8)}
		packed := b.append(nil)
		again.read(packed)
		again.read(packed) // in the same place
		for i := range b.each {
			want, got := b.each[i], again.each[i]
			if len(want.visits)+len(got.visits) == 0 {
				got.visits = want.visits
			}
			if len(want.floors)+len(got.floors) == 0 {
				got.floors = want.floors
			}
			if !reflect.DeepEqual(want, got) {
				t.Fatalf("rule %d made\n%+v, and after the rest it is\n%+v", i, want, got)
			}
		}
		if again.read(nil); again.on() {
			t.Fatal("of nobody there are visits")
		}
	}
}
