package radiusacct

import "time"

// recent remembers entries in bounded memory: each for at least span, unless
// entries of more than size come after it, and for less than twice span. It holds
// two generations and forgets the older as a whole. It is for one goroutine.
type recent[K comparable, V any] struct {
	span time.Duration
	size int // of a generation: the sum of the sizes that put is given

	young, old map[K]V
	born       time.Time // of the young
	filled     int       // of the young
}

// get returns the value under k, if it is still remembered at now.
func (r *recent[K, V]) get(k K, now time.Time) (V, bool) {
	r.age(now)
	v, ok := r.young[k]
	if !ok {
		v, ok = r.old[k]
	}
	return v, ok
}

// put remembers v, which takes this much of the size, under k. A key that is
// already there takes no more.
func (r *recent[K, V]) put(k K, v V, size int, now time.Time) {
	r.age(now)
	if _, again := r.young[k]; again {
		size = 0
	}
	if r.young == nil || r.filled+size > r.size {
		r.turn(now)
	}
	r.young[k] = v
	r.filled += size
}

// age drops the generations that are too old at now.
func (r *recent[K, V]) age(now time.Time) {
	if r.young != nil && now.Sub(r.born) >= r.span {
		if now.Sub(r.born) >= 2*r.span {
			r.turn(now)
		}
		r.turn(now)
	}
}

// turn drops the old generation, makes the young one old and begins another.
func (r *recent[K, V]) turn(now time.Time) {
	r.old, r.young = r.young, map[K]V{}
	r.born, r.filled = now, 0
}
