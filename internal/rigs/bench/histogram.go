package main

import (
	"math/bits"
	"time"
)

// histogram counts durations to a precision of three per cent, in constant
// memory: each microsecond up to 64, then 32 steps for each doubling.
type histogram struct {
	counts [32 * steps]uint64
	total  uint64
	most   time.Duration
}

const steps = 64

func (h *histogram) add(d time.Duration) {
	h.counts[step(d)]++
	h.total++
	h.most = max(h.most, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.most = max(h.most, o.most)
}

// quantile returns the duration that a share q of those added did not exceed,
// zero if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := min(uint64(q*float64(h.total)), h.total-1)
	for i, n := range h.counts {
		if rank < n {
			return min(ceiling(i), h.most)
		}
		rank -= n
	}
	return h.most
}

// step returns where d is counted.
func step(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < steps {
		return int(us)
	}
	doublings := bits.Len64(us) - bits.Len64(steps-1)
	return min(doublings*steps/2+int(us>>doublings), len(histogram{}.counts)-1)
}

// ceiling returns the longest duration that step puts at i.
func ceiling(i int) time.Duration {
	if i < steps {
		return time.Duration(i+1)*time.Microsecond - 1
	}
	doublings := i/(steps/2) - 1
	us := uint64(i-doublings*steps/2+1) << doublings
	return time.Duration(us)*time.Microsecond - 1
}
