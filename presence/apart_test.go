package presence

import (
	"fmt"
	"testing"
	"time"
)

// TestManySessionsOfASecondAreStoredApart: of one controller, which tells each of their
// Starts and Stops.
func TestManySessionsOfASecondAreStoredApart(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		for n := range 20 {
			o.hear(Start, "ann", laptop, fmt.Sprint(n))
			time.Sleep(time.Second)
			o.hear(Stop, "ann", laptop, fmt.Sprint(n))
			time.Sleep(time.Second)
		}
		o.hear(Start, "ann", laptop, "last")
		time.Sleep(time.Minute)
		o.hear(Interim, "ann", laptop, "last")
		if p := o.store.people["ann@example.com"]; len(p.Facts) > 1 || len(p.Over) != 1 || len(p.Past) != maxEnded {
			t.Errorf("%d facts, %+v", len(p.Facts), p.Over)
		}
	})
}

// TestALongDayIsStoredApart: of a day with many sessions the document that every record
// reads holds those that are alive, and one that is over.
func TestALongDayIsStoredApart(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		for n := range 20 {
			id := fmt.Sprint(n)
			o.hear(Start, "ann", laptop, id)
			for range 8 {
				time.Sleep(time.Minute)
				o.hear(Interim, "ann", laptop, id)
			}
			time.Sleep(time.Minute)
			o.hear(Stop, "ann", laptop, id)
			time.Sleep(10 * time.Second)
		}
		o.hear(Start, "ann", laptop, "last")
		time.Sleep(time.Minute)
		o.hear(Interim, "ann", laptop, "last")
		p := o.store.people["ann@example.com"]
		if len(p.Facts) > 1 || len(p.Over) != 1 || len(p.Past) != maxEnded {
			t.Errorf("%d facts, %d stretches, %d facts apart, %+v", len(p.Facts), len(p.Over), len(p.Past), p.Told)
		}
	})
}
