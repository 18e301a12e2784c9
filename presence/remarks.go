package presence

import (
	"errors"
	"slices"
	"time"
)

// What is remarkable about bookings and counted, each once.

// remarkedMost is how many bookings are remembered as counted.
const remarkedMost = 1 << 15

// remark is something about bookings that is counted, at a site.
type remark struct {
	what remarkable
	site string
}

type remarkable uint8

const (
	releasedThough remarkable = iota // although its user was here
	inByOthers                       // checked in, and not by us, while its user was here
	answeredFirst                    // … of answeredAs: what came of our calls
)

// CallResult is what came of a call that checks a booking in or out.
type CallResult string

// The results of calls.
const (
	CallDone        CallResult = "done"
	CallDryRun      CallResult = "dry_run"     // it was only pretended
	CallRefused     CallResult = "refused"     // for now
	CallUncertified CallResult = "uncertified" // refused of somebody of whom the desk knows no self-certification for the day
	CallDenied      CallResult = "denied"      // for good
	CallChanged     CallResult = "changed"     // nothing was done: it was another booking by then
	CallFailed      CallResult = "failed"      // without an answer
)

var callResults = [...]CallResult{CallDone, CallDryRun, CallRefused, CallUncertified, CallDenied, CallChanged, CallFailed}

// answeredAs is what is counted of a booking of which a call came to that.
func answeredAs(out bool, result CallResult) remarkable {
	i := slices.Index(callResults[:], result)
	if out {
		i += len(callResults)
	}
	return answeredFirst + remarkable(i)
}

// Called counts bookings by what came of the calls about them.
type Called struct{ In, Out map[CallResult]uint64 }

// Called returns how many bookings had a check-in or check-out with each result since
// the start, by site. A booking that is refused again and again counts once.
func (c *Courier) Called() map[string]Called {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]Called{}
	for site := range c.rules.Load().Sites {
		called := Called{map[CallResult]uint64{}, map[CallResult]uint64{}}
		for _, result := range callResults {
			called.In[result] = c.remarks.counts[remark{answeredAs(false, result), site}]
			called.Out[result] = c.remarks.counts[remark{answeredAs(true, result), site}]
		}
		all[site] = called
	}
	return all
}

// came counts what came of a call on the visit's booking.
func (c *Courier) came(v *Visit, b *Booking, a action, result CallResult) {
	if a != cancelling {
		c.newly(remark{answeredAs(a == checkingOut, result), v.Site}, b.ID)
	}
}

// resultOf is what an answer to a call comes to.
func resultOf(b *Booking, a action, answer *Booking, err error, now time.Time) CallResult {
	var refused *RefusedError
	var denied *DeniedError
	switch {
	case errors.Is(err, ErrDryRun):
		return CallDryRun
	case errors.Is(err, ErrChanged):
		return CallChanged
	case errors.As(err, &refused) && b.uncertified(a, now):
		return CallUncertified
	case errors.As(err, &refused):
		return CallRefused
	case errors.As(err, &denied):
		return CallDenied
	case err != nil:
		return CallFailed
	case answer.Status != actions[a].goal:
		return CallRefused
	}
	return CallDone
}

// remarks counts each booking once for each remark. Its owner's mu guards it.
type remarks struct {
	seen   map[remarkable]map[string]bool // by booking
	counts map[remark]uint64
}

func newRemarks() remarks {
	return remarks{map[remarkable]map[string]bool{}, map[remark]uint64{}}
}

// Lost returns how many bookings were released, since the start, although their users
// were at the site.
func (c *Courier) Lost() map[string]uint64 { return c.remarked(releasedThough) }

// ByOthers returns how many bookings of people at the site were found to be checked in,
// since the start, and not by presenced.
func (c *Courier) ByOthers() map[string]uint64 { return c.remarked(inByOthers) }

func (c *Courier) remarked(what remarkable) map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]uint64{}
	for site := range c.rules.Load().Sites {
		all[site] = c.remarks.counts[remark{what, site}]
	}
	return all
}

// remarkOn counts what the visit's bookings are remarkable for.
func (c *Courier) remarkOn(v *Visit, all []Booking) {
	for i := range all {
		b := &all[i]
		if v.lost(b) && c.newly(remark{releasedThough, v.Site}, b.ID) {
			c.log.Warn("a booking was released although its user was here", "site", v.Site) // of whom, the story tells
		}
		if v.State != Over && b.Eligible && !b.Guest && b.Method != "wifi" && b.othersDid(v.claim(b.ID)) { // what we did v may not know yet
			c.newly(remark{inByOthers, v.Site}, b.ID)
		}
	}
}

// newly counts the booking for the remark, and reports whether it is new.
func (c *Courier) newly(of remark, booking string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.remarks.seen[of.what]
	if seen[booking] {
		return false
	}
	switch {
	case seen == nil:
		seen = map[string]bool{}
		c.remarks.seen[of.what] = seen
	case len(seen) >= remarkedMost:
		clear(seen)
	}
	seen[booking] = true
	c.remarks.counts[of]++
	return true
}
