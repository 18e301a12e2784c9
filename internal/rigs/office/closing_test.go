package office

import (
	"testing"
	"time"
)

// TestOfficeClosesAtFive: everybody leaves within minutes, at the default
// settings, and with their own Stops they are not taken for a fault of the
// network. Of whoever tells so it is believed within an hour and a few minutes,
// and of whose devices may doze within two hours.
func TestOfficeClosesAtFive(t *testing.T) {
	if !judged && *only == "" {
		t.Skip("presence is not yet held to the field: -args -makes all")
	}
	names, _ := equipped()
	size, tries := 10, uint64(2)
	if racing {
		size, tries = 3, 1
	}
	for _, seed := range seedsOf(min(*seeds, tries)) {
		plan := Field(size*len(names), names...)
		plan.Calm, plan.Days, plan.Closes = true, 1, 17*time.Hour
		o := New(seed, plan)
		visits := concluded(t, o)
		rules := o.Rules()
		left := 0
		for _, v := range visits {
			last, dozes := o.lastOf(v.User, v.Site)
			if last == nil { // something stays, or did not tell
				continue
			}
			left++
			linger := rules.Linger + ghost // for the access point left before tells late
			if dozes {
				linger = longestDoze
			}
			if gone := v.Believed.Sub(last.Until); !v.Departed.IsZero() && v.Departed.After(o.Begins.Add(16*time.Hour)) &&
				(v.Believed.IsZero() || gone > linger+2*time.Minute) {
				t.Errorf("seed %d: %s left %s, told %s, believed %s", seed, v.User, v.Site, clock(last.Until), clock(v.Believed))
			}
		}
		if left < len(names) {
			t.Errorf("seed %d: only %d left, and told so", seed, left)
		}
	}
}

// lastOf returns the latest sign of somebody's at a site, if all that there are
// were told to end; nil if not. If any of the user's devices was seen to go
// without a word, it may be one that dozes.
func (o *Office) lastOf(user, site string) (last *Sign, dozes bool) {
	for i := range o.Truth.Signs {
		s := &o.Truth.Signs[i]
		if s.User != user {
			continue
		}
		if !s.Told || s.Site != site || s.Mute {
			return nil, false
		}
		dozes = dozes || s.Idle > 0
		if last == nil || s.Until.After(last.Until) {
			last = s
		}
	}
	return last, dozes
}
