package daemon

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/presenced/presenced/internal/page"
	"github.com/presenced/presenced/presence"
)

// optOut has nothing recorded of whom the name leads to any more, and what was erased.
func (d *Daemon) optOut(ctx context.Context, name string) error {
	user, _, why := d.standing(name)
	switch {
	case user == "":
		return errNobody(name)
	case why != "" && !d.optOuts.withdrew(user):
		return fmt.Errorf("%s: %s already", user, why)
	}
	return d.optOuts.out(ctx, user, d.expelAfter())
}

// optIn has whom the name leads to recorded again, if they opted out at presenced itself.
func (d *Daemon) optIn(ctx context.Context, name string) error {
	user, names, why := d.standing(name)
	switch {
	case user == "":
		return errNobody(name)
	case !d.optOuts.withdrew(names...) && why != "":
		return fmt.Errorf("%s: %s, by a file of the configuration: change that", user, why)
	case !d.optOuts.withdrew(names...):
		return fmt.Errorf("%s is recorded: they have not opted out", user)
	}
	return d.optOuts.in(ctx, names...)
}

// notToday has nothing done for whom the name leads to until the day turns where they are;
// with undo it takes that back.
func (d *Daemon) notToday(ctx context.Context, name string, undo bool) error {
	user, _, why := d.standing(name)
	switch {
	case user == "":
		return errNobody(name)
	case why != "":
		return fmt.Errorf("%s: %s: nothing is done for them at all", user, why)
	case undo:
		if asked, err := presence.Asked(ctx, d.Store, user, time.Now()); err != nil {
			return err
		} else if asked.IsZero() {
			return fmt.Errorf("%s did not ask for that", user)
		}
		return d.Courier.TodayAfterAll(ctx, user)
	}
	return d.Courier.NotToday(ctx, user)
}

func errNobody(name string) error { return fmt.Errorf("%s leads to nobody", name) }

// resting returns for how many people nothing is done today, and whether that could be read.
func (d *Daemon) resting() (n int, known bool) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, err := range d.listings().Resting(ctx) {
		if err != nil {
			return 0, false
		}
		n++
	}
	return n, true
}

// standing is [mapping.Identity.Standing] by the rules in force.
func (d *Daemon) standing(name string) (user string, names []string, why string) {
	return d.inForce.Load().mapping.Identity.Standing(name)
}

// isBarred returns why a user may not be tracked, by the rules in force.
func (d *Daemon) isBarred(user string) string { return d.inForce.Load().mapping.Identity.Barred(user) }

// ownMost is how often in a day somebody may change at their page what is done for them:
// each erasing is work for the disk.
const ownMost = 12

// own is what people may ask for themselves, at their page.
type own struct {
	*Daemon

	mu   sync.Mutex // guards what follows
	day  string
	made map[string]int // orders of the day, by user
}

var _ page.Own = (*own)(nil)

// Standing implements [page.Own].
func (o *own) Standing(_ context.Context, name string) page.Standing {
	user, names, why := o.standing(name)
	s := page.Standing{User: user, Barred: why, Erasing: o.optOuts.isErasing(names...)}
	if out := o.optOuts.of(names...); !out.IsZero() {
		s.Out = out.Local()
	}
	return s
}

// errOften is why somebody is not heeded.
var errOften = errors.New("this was changed many times today: ask whoever runs presenced, or come back tomorrow")

// Order implements [page.Own].
func (o *own) Order(ctx context.Context, name string, order page.Order) error {
	user, _, _ := o.standing(name)
	if !o.take(user, time.Now()) {
		return errOften
	}
	var err error
	switch order {
	case page.OptOut:
		err = o.optOut(ctx, name)
	case page.OptIn:
		err = o.optIn(ctx, name)
	case page.NotToday, page.Today:
		err = o.notToday(ctx, name, order == page.Today)
	default:
		return fmt.Errorf("%q is nothing that can be asked for here", order)
	}
	o.noteOwn(order, err)
	return err
}

// take counts an order of the user, and reports whether it may be given.
func (o *own) take(user string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if day := now.UTC().Format(time.DateOnly); day != o.day {
		o.day, o.made = day, map[string]int{}
	}
	o.made[user]++
	return o.made[user] <= ownMost
}

// Token implements [page.Own]: it holds for this day and the next.
func (o *own) Token(user string) string { return o.token(user, time.Now()) }

// Holds implements [page.Own].
func (o *own) Holds(token, user string) bool {
	now := time.Now()
	return hmac.Equal([]byte(token), []byte(o.token(user, now))) || hmac.Equal([]byte(token), []byte(o.token(user, now.AddDate(0, 0, -1))))
}

func (o *own) token(user string, at time.Time) string {
	return presence.HashName(o.optOuts.is.Load().key, "own page\x00"+user+"\x00"+at.UTC().Format(time.DateOnly))
}
