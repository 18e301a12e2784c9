package page

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/presenced/presenced/internal/control"
)

// TestPeopleAtAGlance: what is wrong, then the sites with their numbers, then who is
// where, since when, until when that is believed and why, and how far the check-in is.
func TestPeopleAtAGlance(t *testing.T) {
	o := newOffice(t)
	o.fill()
	nodes := shown(t, o.page(), "/")
	all := rows(nodes)
	for _, want := range []string{
		"ann present since 08:52 checked in london 2 devices", "eve present since 09:12 pending leeds 1 device", "dan present since 08:40 dry run: would be checked in london 1 device",
		"cleo leaving until " + o.now.Add(40*time.Minute).In(o.zone).Format("15:04") + ": every device is gone, not yet for linger since 09:30 pending get bookings: 503 Service Unavailable london 0 devices",
	} {
		if !slices.Contains(all, want) {
			t.Errorf("no row %q in\n%s", want, strings.Join(all, "\n"))
		}
	}
	place := func(class string) int {
		return slices.IndexFunc(nodes, func(n *html.Node) bool { return strings.HasPrefix(attr(n, "class"), class) })
	}
	if wrong, sites, people := place("troubles"), place("cards-of-sites"), place("people"); wrong < 0 || sites < wrong || people < sites {
		t.Errorf("what is wrong is at %d, sites at %d, people at %d", wrong, sites, people)
	}
	var cards []string
	for _, n := range nodes {
		if n.Data == "li" && strings.HasPrefix(attr(n, "data-key"), "site-") {
			cards = append(cards, textOf(n))
		}
	}
	if len(cards) != 2 || !strings.HasPrefix(cards[0], "leeds building Leeds 8 here") || !strings.HasPrefix(cards[1], "london building HQ 4 here, 1 leaving") || !strings.Contains(cards[1], "at the most today") {
		t.Errorf("the sites are %q", cards)
	}
	if one := rows(shown(t, o.page(), "/?site=leeds")); has(one, "ann") || !has(one, "eve") {
		t.Errorf("of leeds there are shown\n%s", strings.Join(one, "\n"))
	}
}

// TestPeopleAreFilteredAndOrdered from memory, and as well from the store where they are
// too many for that.
func TestPeopleAreFilteredAndOrdered(t *testing.T) {
	o := newOffice(t)
	o.fill()
	first := func(all []string) (names []string) {
		for _, row := range all {
			name, _, _ := strings.Cut(row, " ")
			names = append(names, name)
		}
		return names
	}
	p := o.page()
	for _, whole := range []bool{true, false} {
		shown(t, p, "/")
		p.latest.latest.value.whole = whole
		p.latest.latest.taken = time.Now().Add(time.Minute) // it is not made anew meanwhile
		for query, want := range map[string]string{
			"?site=london": "ann bob cleo dan", "?site=london&order=since": "bob cleo ann dan", "?is=leaving": "cleo", "?site=london&is=not_checked_in": "bob cleo",
			"?site=london&is=present": "ann bob dan", "?is=arriving": "", "?site=london&after=bob@example.com": "cleo dan",
		} {
			if got := strings.Join(first(rows(shown(t, p, "/"+query))), " "); got != want {
				t.Errorf("%s, of a whole snapshot %t: %s, want %s", query, whole, got, want)
			}
		}
	}
}

// TestListingsGoOnWhereTheyEnded: page by page everybody is there once, in order.
func TestListingsGoOnWhereTheyEnded(t *testing.T) {
	var all []control.Person
	for i := range 1005 {
		at := time.Unix(int64(1_800_000_000-i%7*60), 0)
		all = append(all, control.Person{User: fmt.Sprintf("u%04d", i/2*2), Site: fmt.Sprint("s", i%2), Since: control.Time{Time: at}}) // each is at two sites
	}
	for _, order := range []string{"", bySince} {
		seen, last := map[string]bool{}, ""
		for l := (listing{Order: order}); ; {
			s := selection{listing: l}
			for i := range all {
				s.add(&all[(i*7)%len(all)])
			}
			rows, next := s.page()
			for i := range rows {
				key := l.key(&rows[i])
				if id := rows[i].User + rows[i].Site; seen[id] || key < last {
					t.Fatalf("order %q: %s is there twice, or after what comes later", order, id)
				}
				seen[rows[i].User+rows[i].Site], last = true, key
			}
			if s.number != len(all) || len(s.rows) > mostPeople+1 {
				t.Fatalf("%d of %d are counted, %d kept", s.number, len(all), len(s.rows))
			}
			if l.After = next; next == "" {
				break
			}
		}
		if len(seen) != len(all) {
			t.Errorf("order %q: %d of %d are shown", order, len(seen), len(all))
		}
	}
}

// TestTheCommonDomainIsLeftAway, and nothing else of an address.
func TestTheCommonDomainIsLeftAway(t *testing.T) {
	b := peopleBody{Domain: "example.com"}
	for user, want := range map[string]string{
		"ann@example.com": "ann", "ann@example.com.evil.test": "ann@example.com.evil.test", "ann@sub.example.com": "ann@sub.example.com",
		"a@b@example.com": "a@b@example.com", "@example.com": "@example.com", "ann": "ann",
	} {
		if got := b.Name(user); got != want {
			t.Errorf("%s is listed as %s", user, got)
		}
	}
	if got := (peopleBody{}).Name("ann@"); got != "ann@" {
		t.Errorf("without one: %s", got)
	}
	for _, tt := range []struct {
		number int
		want   string
	}{{3, "example.com"}, {4, ""}} {
		s := snapshot{number: tt.number, domains: map[string]int{"example.com": 2, "example.net": 1}}
		if got := s.domain(); got != tt.want {
			t.Errorf("of %d, the common domain is %q", tt.number, got)
		}
	}
}
