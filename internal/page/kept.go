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
	some  chan struct{} // closed when there is a part of it
	part  T             // the latest; guarded as it is in kept
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
	last, next := k.look(ctx, of, func(ctx context.Context, _ func(T)) (T, error) { return f(ctx) })
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

// soFar is get for what is of use in part: whoever looks waits no longer than for a moment
// while the first is made, and is given what f has shown of it by then. whole is false of
// that, and of nothing at all, if it is the turn of one about something else.
func (k *kept[T]) soFar(ctx context.Context, of string, f func(ctx context.Context, show func(T)) (T, error)) (value T, whole bool, err error) {
	enough, some := time.After(patience), (chan struct{})(nil)
	for {
		last, next := k.look(ctx, of, f)
		if next == nil {
			return last.value, true, nil
		}
		select {
		case <-next.done:
			if next.of == of {
				return next.value, true, next.err
			}
		case <-enough:
			if last != nil || next.of != of {
				return orNone(last), last != nil, nil
			}
			enough, some = nil, next.some
		case <-some:
			k.mu.Lock()
			defer k.mu.Unlock()
			return next.part, false, nil
		case <-ctx.Done():
			return value, false, ctx.Err()
		}
	}
}

func orNone[T any](m *made[T]) (value T) {
	if m != nil {
		value = m.value
	}
	return value
}

// show keeps a part of what is being made.
func (k *kept[T]) show(m *made[T], part T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m.part = part
	select {
	case <-m.some:
	default:
		close(m.some)
	}
}

// look returns the latest about of, nil if there is none, and the one that is being
// made; nil if the latest will do.
func (k *kept[T]) look(ctx context.Context, of string, f func(context.Context, func(T)) (T, error)) (last, next *made[T]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if last = k.latest; last != nil && last.of != of {
		last = nil
	}
	if k.next == nil && (last == nil || time.Since(last.taken) >= max(time.Second, 20*last.cost)) {
		k.next = &made[T]{of: of, some: make(chan struct{}), done: make(chan struct{})}
		go k.take(context.WithoutCancel(ctx), k.next, f)
	}
	return last, k.next
}

// take makes the next one.
func (k *kept[T]) take(ctx context.Context, m *made[T], f func(context.Context, func(T)) (T, error)) {
	m.taken = time.Now()
	m.value, m.err = f(ctx, func(part T) { k.show(m, part) })
	m.cost = time.Since(m.taken)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.next = nil; m.err == nil {
		k.latest = m
	}
	close(m.done)
}
