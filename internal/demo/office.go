package demo

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/presenced/presenced/internal/rigs/office"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// The demo's office is made up. Everybody in it shows one thing.

// character is somebody in the demo: what Kadence has for them, and what must
// have become of it when the demo ends.
type character struct {
	user    string
	space   string         // of their booking of today; "" for none
	kind    string         // of the booking; "" for a desk
	guest   bool           // the booking is for a guest of theirs
	annex   bool           // the booking is in the other building
	end     sandbox.Status // what the booking must be in the end
	lesson  string         // what they show
	booking string         // its id
	id      string         // theirs
}

// is returns what has become of the booking; "" if there is none.
func (c *character) is(api *sandbox.Server) sandbox.Status {
	b, _ := api.Booking(c.booking)
	return b.Status
}

// cast is everybody, and the truth that the demo is held against.
func cast() []*character {
	return []*character{
		{user: "ann@example.com", space: "Desk 1", end: sandbox.CheckedIn, lesson: "roams; the Stop comes late; stays"},
		{user: "joann@example.com", space: "Desk 2", end: sandbox.Booked, lesson: "stays at home; her address contains ann's"},
		{user: "bob@example.com", space: "Desk 3", end: sandbox.CheckedOut, lesson: "phone leaves, later the laptop"},
		{user: "cleo@example.com", space: "Desk 4", end: sandbox.CheckedIn, lesson: "reconnects before linger is over"},
		{user: "dan@example.com", space: "Desk 5", end: sandbox.CheckedOut, lesson: "an answer was lost; leaves"},
		{user: "finn@example.com", space: "Desk 6", end: sandbox.CheckedOut, lesson: "roams within one session; leaves"},
		{user: "kim@example.com", space: "Office 7", kind: "private_office", end: sandbox.CheckedIn, lesson: "comes while the booking API is down"},
		{user: "omar@example.com", space: "Desk 8", end: sandbox.CheckedIn, lesson: "their access point reboots"},
		{user: "mia@example.com", space: "Desk 14", end: sandbox.CheckedIn, lesson: "the phone changes its address at noon"},
		{user: "nora@example.com", space: "Desk 15", annex: true, end: sandbox.CheckedOut, lesson: "is in the other building; leaves it"},
		{user: "eve@example.com", lesson: "has no booking"},
		{user: "gus@example.com", space: "Desk 9", end: sandbox.Booked, lesson: "opted out"},
		{user: "hana@example.com", space: "Room 10", kind: "room", end: sandbox.Booked, lesson: "booked a meeting room"},
		{user: "ivan@example.com", space: "Desk 11", end: sandbox.Booked, lesson: "is anonymous to the network"},
		{user: "judy@example.com", space: "Desk 12", end: sandbox.Booked, lesson: "is on the guests' network"},
		{user: "lena@example.com", space: "Desk 13", guest: true, end: sandbox.Booked, lesson: "booked for a guest"},
	}
}

// demoHours is how much of the office's day is told: from eight to four.
const demoHours = 8 * time.Hour

// oclock is a time of the office's day, as on its clock.
func oclock(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, time.UTC) }

// officeDay is what happens in the office: who is on the air where and when.
// What is said of it over the wire is the equipment's own.
func officeDay() office.Script {
	return office.Script{
		Site: presence.Site{Name: "house"}, Begins: oclock(8, 0), Ends: oclock(8, 0).Add(demoHours),
		Networks: []office.Network{
			{Make: "hostapd", APs: []string{"lobby", "kitchen", "annex"}},
			{Make: "Cisco AireOS", Controller: "wlc-demo", APs: []string{"library", "terrace"}},
		},
		Reboots: []office.Fault{{Kind: "AP reboot", Where: "kitchen", From: oclock(13, 0), To: oclock(13, 10)}},
		Parts: []office.Part{
			{Name: "ann", Device: "02:00:5e:10:00:01", AP: "lobby", From: oclock(8, 10), To: oclock(10, 0), Silent: true},
			{Name: "ann", Device: "02:00:5e:10:00:01", AP: "library", From: oclock(10, 0)},
			{Name: "bob", Device: "02:00:5e:10:00:02", AP: "lobby", From: oclock(8, 30), To: oclock(13, 50)},
			{Name: "bob", Device: "02:00:5e:10:00:03", AP: "library", From: oclock(8, 40), To: oclock(14, 40)},
			{Name: "mia", Device: "02:00:5e:10:00:10", AP: "lobby", From: oclock(8, 50), To: oclock(12, 0)},
			{Name: "mia", Device: "02:00:5e:10:00:11", AP: "lobby", From: oclock(12, 5)},
			{Name: "cleo", Device: "02:00:5e:10:00:04", AP: "library", From: oclock(9, 0), To: oclock(11, 40)},
			{Name: "cleo", Device: "02:00:5e:10:00:04", AP: "library", From: oclock(12, 0)},
			{Name: "dan", Device: "02:00:5e:10:00:05", AP: "lobby", From: oclock(9, 20), To: oclock(14, 0), Lost: true},
			{Name: "finn", Device: "02:00:5e:10:00:06", AP: "library", From: oclock(9, 40), To: oclock(11, 0)},
			{Name: "finn", Device: "02:00:5e:10:00:06", AP: "terrace", From: oclock(11, 0), To: oclock(14, 20)},
			{Name: "nora", Device: "02:00:5e:10:00:12", AP: "annex", From: oclock(9, 50), To: oclock(14, 10)},
			{Name: "eve", Device: "02:00:5e:10:00:09", AP: "lobby", From: oclock(10, 10)},
			{Name: "gus", Device: "02:00:5e:10:00:0a", AP: "lobby", From: oclock(10, 20)},
			{Name: "hana", Device: "02:00:5e:10:00:0b", AP: "lobby", From: oclock(10, 30)},
			{Name: "anonymous@example.com", Device: "02:00:5e:10:00:0c", AP: "lobby", From: oclock(10, 40)},
			{Name: "judy", Device: "02:00:5e:10:00:0d", AP: "lobby", SSID: "Guests", From: oclock(10, 50)},
			{Name: "lena", Device: "02:00:5e:10:00:0e", AP: "lobby", From: oclock(11, 10)},
			{Name: "host/pc-17.example.com", Device: "02:00:5e:10:00:0f", AP: "library", From: oclock(11, 20)},
			{Name: "omar", Device: "02:00:5e:10:00:08", AP: "kitchen", From: oclock(11, 30), To: oclock(13, 0), Silent: true},
			{Name: "omar", Device: "02:00:5e:10:00:08", AP: "kitchen", From: oclock(13, 30)},
			{Name: "kim", Device: "02:00:5e:10:00:07", AP: "library", From: oclock(12, 40)},
		},
	}
}

// scene is one thing that happens, at a time of the office's day.
type scene struct {
	at   time.Time
	what string // for what the equipment does not say itself
	act  func(context.Context) error
}

// scenes returns all that happens, in order: what the office's equipment says,
// an outage of the booking API, what befalls the daemons, and the titles of three acts.
func scenes(o *office.Office, say func(context.Context, office.Event) error, api *sandbox.Server, tell func(title string), mishaps []Mishap) []scene {
	act := func(title string) func(context.Context) error {
		return func(context.Context) error {
			tell(title)
			return nil
		}
	}
	all := []scene{
		{oclock(8, 0), "", act("Act one, the morning: people come, and are checked in")},
		{oclock(10, 5), "", act("Act two, before noon: who is not checked in, and why; and gaps that are no departures")},
		{oclock(12, 25), "", act("Act three, the afternoon: Kadence is away, an access point reboots, people leave")},
		{oclock(12, 30), "the booking API goes down", func(context.Context) error {
			api.Fail(sandbox.Fault{Status: 503})
			return nil
		}},
		{oclock(13, 15), "the booking API is back", func(context.Context) error {
			api.Mend()
			return nil
		}},
	}
	for _, m := range mishaps {
		all = append(all, scene{oclock(m.Hour, m.Minute), m.What, m.Do})
	}
	for _, e := range o.Events {
		all = append(all, scene{e.Arrive, "", func(ctx context.Context) error { return say(ctx, e) }})
	}
	slices.SortStableFunc(all, func(a, b scene) int { return a.at.Compare(b.at) })
	return all
}

// nineOClock returns a time zone in which it is between nine and ten in the
// morning at t, so that the demo plays on a working day at whatever time.
func nineOClock(t time.Time) string {
	east := 9 - t.UTC().Hour() // hours east of Greenwich
	if east < -12 {
		east += 24
	}
	switch {
	case east == 0:
		return "Etc/GMT"
	case east > 0:
		return "Etc/GMT-" + strconv.Itoa(east) // POSIX counts westwards
	}
	return "Etc/GMT+" + strconv.Itoa(-east)
}
