package page

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

// TestNoRosterLinksToADayThatHasNotBegun, though the calendar has it: a bubble begins at
// midnight, and the site's day turns at four.
func TestNoRosterLinksToADayThatHasNotBegun(t *testing.T) {
	o := newOffice(t)
	o.world.Rules.Sites = map[string]presence.Site{"london": {Name: "london", Building: "HQ", Zone: time.UTC}}
	synctest.Test(t, func(t *testing.T) {
		p := o.page()
		for day, links := range map[string]bool{"1999-12-30": true, "1999-12-31": false} {
			status, text := get(t, p, "/roster?day="+day)
			if status != 200 || strings.Contains(text, "Day after") != links {
				t.Errorf("%s: status %d, a link to the day after: %v, want %v", day, status, !links, links)
			}
		}
	})
}
