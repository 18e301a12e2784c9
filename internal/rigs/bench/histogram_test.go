package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreWithinFourPercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, scale := range []float64{1e3, 1e5, 1e7, 1e9} {
		var h, halves histogram
		var half [2]histogram
		all := make([]time.Duration, 9999)
		for i := range all {
			all[i] = time.Duration(random.ExpFloat64() * scale)
			h.add(all[i])
			half[i%2].add(all[i])
		}
		halves.merge(&half[0])
		halves.merge(&half[1])
		if h != halves {
			t.Error("two halves are not the whole")
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999} {
			want := all[int(q*float64(len(all)))]
			got := h.quantile(q)
			if got < want || got > want+want/25+time.Microsecond {
				t.Errorf("quantile %v of an average of %v is %v, not %v", q, time.Duration(scale), got, want)
			}
		}
		if got := h.quantile(1); got != all[len(all)-1] || h.most != got {
			t.Errorf("the longest is %v, not %v", got, all[len(all)-1])
		}
	}
}

func TestEveryDurationIsCountedBelowItsCeiling(t *testing.T) {
	for us := time.Duration(0); us < 1<<20; us++ {
		d := us * time.Microsecond
		i := step(d)
		if d > ceiling(i) || i > 0 && d <= ceiling(i-1) {
			t.Fatalf("%v is counted from %v to %v", d, ceiling(i-1), ceiling(i))
		}
	}
	if i := step(1 << 62); i >= len(histogram{}.counts) {
		t.Errorf("the longest duration is counted at %d", i)
	}
	var none histogram
	if none.quantile(0.5) != 0 {
		t.Error("a quantile of nothing is not zero")
	}
}
