package page

import (
	"context"
	"sync"
	"time"
)

// kept is something that takes long to make, made for all who look. It is made again
// when somebody looks and twenty times as long has passed as it took, a second at the
// least: looking costs a twentieth of a processor at the most, however many look.
type kept[T any] struct {
	mu     sync.Mutex // guards what follows
	latest *made[T]
	next   *made[T] // nil: nobody is making the next
}

// made is one of it, for all who wait for it.
type made[T any] struct {
	of    string
	done  chan struct{} // closed when what follows is there
	value T
	err   error
	taken time.Time
	cost  time.Duration
}

// patience is how long whoever looks waits for a newer one than there is.
const patience = time.Second

// get returns one about of that is recent. If there is none it has one made, and
// returns the one before if that takes longer than a moment: with hundreds of
// thousands of people it takes seconds. f makes one.
func (k *kept[T]) get(ctx context.Context, of string, f func(context.Context) (T, error)) (T, error) {
	last, next := k.look(ctx, of, f)
	if next == nil {
		return last.value, nil
	}
	var enough <-chan time.Time
	if last != nil {
		enough = time.After(patience)
	}
	select {
	case <-next.done:
		if next.of != of { // it was another's turn
			return k.get(ctx, of, f)
		}
		return next.value, next.err
	case <-enough:
		return last.value, nil
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// last returns the latest that there is, however old.
func (k *kept[T]) last() (value T, is bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.latest == nil {
		return value, false
	}
	return k.latest.value, true
}

// look returns the latest about of, nil if there is none, and the one that is being
// made; nil if the latest will do.
func (k *kept[T]) look(ctx context.Context, of string, f func(context.Context) (T, error)) (last, next *made[T]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if last = k.latest; last != nil && last.of != of {
		last = nil
	}
	if k.next == nil && (last == nil || time.Since(last.taken) >= max(time.Second, 20*last.cost)) {
		k.next = &made[T]{of: of, done: make(chan struct{})}
		go k.take(context.WithoutCancel(ctx), k.next, f)
	}
	return last, k.next
}

// take makes the next one.
func (k *kept[T]) take(ctx context.Context, m *made[T], f func(context.Context) (T, error)) {
	m.taken = time.Now()
	m.value, m.err = f(ctx)
	m.cost = time.Since(m.taken)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.next = nil; m.err == nil {
		k.latest = m
	}
	close(m.done)
}
