package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// apart: lines come to those that are stored, and facts that are over are stored where only
// who asks for them reads them.
func apart(t *testing.T, s presence.Store) {
	facts, over := ended, func(id string) presence.Stretch { return stretch(ended(id), monday) }
	line := func(minutes int) presence.Entry {
		return presence.Entry{At: monday.Add(time.Duration(minutes) * time.Minute), Kind: presence.Heard, Text: fmt.Sprint(minutes)}
	}
	update(t, s, put("ann", func(p *presence.Person) {
		p.News, p.Facts, p.Over, p.Past = monday, []presence.Facts{facts("c")}, []presence.Stretch{over("a")}, []presence.Facts{facts("a")}
		p.Story = append(p.Story, line(1), line(3))
	}))
	update(t, s, put("ann", func(p *presence.Person) {
		p.Over, p.Past = append(p.Over, over("b")), append(p.Past, facts("b"))
		p.Story = append(p.Story, line(2))
	}), put("ann", func(p *presence.Person) { p.Story = append(p.Story, line(4), line(1)) }))
	all := must(s.Person(t.Context(), "ann"))
	same(t, all.Facts, []presence.Facts{facts("a"), facts("b"), facts("c")})
	same(t, all.Story, []presence.Entry{line(1), line(2), line(3), line(4)})
	for _, p := range append(must(s.People(t.Context(), "", 9)), must(s.Persons(t.Context(), []string{"ann"}))...) {
		same(t, p.Facts, []presence.Facts{facts("c")})
		same(t, p.Over, []presence.Stretch{over("a"), over("b")})
		same(t, len(p.Past)+len(p.Story), 0)
	}
	same(t, len(must(s.Persons(t.Context(), []string{"ann"}))), 1)

	seen := func(parts presence.Parts, then func(*presence.Person)) presence.Change {
		return put("ann", func(p *presence.Person) {
			p.News = monday.Add(p.News.Sub(monday) + time.Hour) // of a run that does not count nothing is left
			if !p.Want(parts) && then != nil {
				then(p)
			}
		})
	}
	update(t, s, seen(presence.AllLines, func(p *presence.Person) { p.Story = p.Story[2:] }))
	same(t, must(s.Person(t.Context(), "ann")).Story, []presence.Entry{line(3), line(4)})
	update(t, s, put("ann", func(p *presence.Person) { p.Story = append(p.Story, line(5)) }), seen(presence.AllLines|presence.PastFacts, func(p *presence.Person) {
		p.Story = p.Story[1:]
		p.Facts = p.Facts[1:]
	}))
	all = must(s.Person(t.Context(), "ann"))
	same(t, all.Story, []presence.Entry{line(4), line(5)})
	same(t, all.Facts, []presence.Facts{facts("b"), facts("c")})
	same(t, all.News, monday.Add(2*time.Hour))

	update(t, s, put("ann", func(p *presence.Person) { *p = presence.Person{Devices: []presence.Device{{ID: "x"}}} }))
	update(t, s, put("ann", func(p *presence.Person) { p.Over = []presence.Stretch{over("a"), over("b")} }))
	all = must(s.Person(t.Context(), "ann"))
	same(t, len(all.Facts)+len(all.Story), 0)
	update(t, s, put("ann", func(p *presence.Person) { *p = presence.Person{} }))
}
