package control

import (
	"fmt"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// What it costs to count somebody does not depend on how many sites there are; a site
// that is no longer configured is listed when somebody is there.
func TestCountingCostsTheSameAtManySites(t *testing.T) {
	const many = 20_000
	s := &Status{}
	for i := range many {
		s.Sites = append(s.Sites, Site{Name: fmt.Sprint("site-", i)})
	}
	budget.Budget{Time: 50 * time.Millisecond, Each: 5 * time.Microsecond, Octets: 8 << 20, More: 512}.Hold(t, many, func() {
		for i := range many {
			p := presence.Person{Visits: []presence.Visit{{Site: fmt.Sprint("site-", many-1-i), State: presence.Present}}}
			s.Count(presence.View{Person: &p})
		}
	})
	empty := &Status{}
	empty.Count(presence.View{Person: &presence.Person{Visits: []presence.Visit{{Site: "gone", State: presence.Present}}}})
	if len(empty.Sites) != 1 || empty.Sites[0].Present != 1 {
		t.Errorf("of no site that is configured: %+v", empty.Sites)
	}
	gone := presence.Person{Visits: []presence.Visit{{Site: "gone", State: presence.Present}}}
	s.Count(presence.View{Person: &gone})
	s.Count(presence.View{Person: &gone})
	if len(s.Sites) != many+1 || s.Sites[many].Present != 2 || s.Sites[7].Present != 1 || s.People != many+2 {
		t.Errorf("%d sites, %d people; %+v", len(s.Sites), s.People, s.Sites[len(s.Sites)-1])
	}
}
