package radiusacct

import "time"

// recent remembers what happened in the last while, in bounded memory: what is
// put in stays for at least span, unless more than size of it comes, and for
// less than twice that. It is two generations of which the older is forgotten
// as a whole, and for one goroutine.
type recent[K comparable, V any] struct {
	span time.Duration
	size int // of a generation, in what put is told

	young, old map[K]V
	born       time.Time // of the young
	filled     int       // of the young
}

// get returns what was put in under k and is still remembered at now.
func (r *recent[K, V]) get(k K, now time.Time) (V, bool) {
	r.age(now)
	v, ok := r.young[k]
	if !ok {
		v, ok = r.old[k]
	}
	return v, ok
}

// put remembers v, which takes this much of the size, under k. What is put in
// again takes no more.
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

// age forgets what is due to be forgotten.
func (r *recent[K, V]) age(now time.Time) {
	if r.young != nil && now.Sub(r.born) >= r.span {
		if now.Sub(r.born) >= 2*r.span {
			r.turn(now)
		}
		r.turn(now)
	}
}

func (r *recent[K, V]) turn(now time.Time) {
	r.old, r.young = r.young, map[K]V{}
	r.born, r.filled = now, 0
}
