package presence

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkHear is what one Interim costs of a person with so many ended
// sessions behind them, without reading and writing them.
func BenchmarkHear(b *testing.B) {
	for _, behind := range []int{0, 4, 16} {
		b.Run(fmt.Sprint(behind), func(b *testing.B) {
			at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
			w := World{Rules: DefaultRules(), NAS: func(NASName) NAS { return NAS{} }, room: &room{}} // as a batch has
			w.Sites = map[string]Site{"london": {Name: "london"}}
			p := Person{User: "ann@example.com"}
			say := func(status Status, id string, at time.Time) Sighting {
				return Sighting{User: p.User, Whose: Mine, Device: "02:00:00:00:00:01", Site: "london", Session: id, NAS: "hq/wlc", Status: status, At: at, Heard: at}
			}
			for i := range behind {
				p.Hear(say(Start, fmt.Sprint(i), at), w)
				p.Hear(say(Stop, fmt.Sprint(i), at.Add(time.Minute)), w)
				at = at.Add(2 * time.Minute)
			}
			p.Hear(say(Start, "live", at), w)
			b.ReportAllocs()
			for b.Loop() {
				at = at.Add(time.Minute)
				p.Hear(say(Interim, "live", at), w)
			}
		})
	}
}
