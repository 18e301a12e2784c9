package page

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
)

// crowd is a store of very many people, each at london.
type crowd struct {
	number int
	facts  []presence.Facts // of everybody
	given  *atomic.Int64    // how many were read
	fails  error
}

// crowded returns a crowd of people whose phones have been there for an hour.
func (o *office) crowded(number int, given *atomic.Int64) crowd {
	var p presence.Person
	for _, ago := range []time.Duration{hour, 0} {
		at := o.now.Add(-ago)
		p.Hear(presence.Sighting{Session: "1", Device: phone, Site: "london", NAS: wlc, Whose: presence.Mine, Status: presence.Interim, At: at, Heard: at}, o.world)
	}
	return crowd{number: number, facts: p.Facts, given: given}
}

func (c crowd) person(i int) presence.Person {
	user := fmt.Sprintf("user%06d@example.com", i)
	now := time.Now()
	return presence.Person{
		User: user, Facts: c.facts,
		Visits: []presence.Visit{{ID: user, User: user, Site: "london", Arrived: now.Add(-hour), State: presence.Present,
			CheckIn: presence.Errand{Status: presence.Pending, Next: now.Add(time.Duration(i) * time.Second)}}},
	}
}

func (c crowd) Person(_ context.Context, user string) (presence.Person, error) {
	return presence.Person{User: user}, c.fails
}

func (c crowd) People(_ context.Context, after string, limit int) (some []presence.Person, _ error) {
	first := 0
	if digits, ok := strings.CutPrefix(after, "user"); ok {
		digits, _, whole := strings.Cut(digits, "@")
		fmt.Sscanf((digits + "000000")[:6], "%d", &first)
		if whole {
			first++
		}
	}
	for i := first; i < c.number && len(some) < limit; i++ {
		some = append(some, c.person(i))
	}
	if c.given != nil {
		c.given.Add(int64(len(some)))
	}
	return some, c.fails
}

func (c crowd) History(context.Context, string, time.Time, time.Time, int) ([]presence.Visit, error) {
	return nil, c.fails
}

func (c crowd) Notes(context.Context, string, string, int) ([]presence.Note, error) {
	return nil, c.fails
}

func (c crowd) NotesOf(_ context.Context, _ string, keys []string) ([][]byte, error) {
	return make([][]byte, len(keys)), c.fails
}
