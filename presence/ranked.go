package presence

import "container/heap"

// ranked holds things of which the first is found at once, however many there are, and one
// that changes finds its place in a few steps.
type ranked[T any] struct {
	before func(a, b T) bool
	index  func(T) *int // where a thing notes where it stands, from one on; 0: nowhere
	inner  rank[T]
}

// first returns the first of them; false if there is none.
func (r *ranked[T]) first() (x T, is bool) {
	if len(r.inner.all) == 0 {
		return x, false
	}
	return r.inner.all[0], true
}

func (r *ranked[T]) len() int { return len(r.inner.all) }

// put has x stand where it belongs, whether it stood there before or not.
func (r *ranked[T]) put(x T) {
	r.inner.of = r
	if i := *r.index(x); i > 0 {
		heap.Fix(&r.inner, i-1)
		return
	}
	heap.Push(&r.inner, x)
}

// remove takes x out, if it is there.
func (r *ranked[T]) remove(x T) {
	if i := *r.index(x); i > 0 {
		heap.Remove(&r.inner, i-1)
	}
}

// rank is a [heap.Interface] for a ranked.
type rank[T any] struct {
	of  *ranked[T]
	all []T
}

func (r *rank[T]) Len() int           { return len(r.all) }
func (r *rank[T]) Less(i, j int) bool { return r.of.before(r.all[i], r.all[j]) }

func (r *rank[T]) Swap(i, j int) {
	r.all[i], r.all[j] = r.all[j], r.all[i]
	*r.of.index(r.all[i]), *r.of.index(r.all[j]) = i+1, j+1
}

func (r *rank[T]) Push(x any) {
	r.all = append(r.all, x.(T))
	*r.of.index(r.all[len(r.all)-1]) = len(r.all)
}

func (r *rank[T]) Pop() any {
	last := len(r.all) - 1
	x := r.all[last]
	*r.of.index(x) = 0
	clear(r.all[last:])
	r.all = r.all[:last]
	return x
}
