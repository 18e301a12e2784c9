package main

import (
	"context"
	"strconv"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
)

// The demo's office is made up. Everybody in it shows one thing.

// character is somebody in the demo: what Kadence has for them, and what must
// have become of it when the demo ends.
type character struct {
	user    string
	space   string         // of their booking of today; "" for none
	kind    string         // of the booking; "" for a desk
	guest   bool           // the booking is for a guest of theirs
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
		{user: "ann@example.com", space: "Desk 1", end: sandbox.CheckedIn, lesson: "comes, roams, stays"},
		{user: "joann@example.com", space: "Desk 2", end: sandbox.Booked, lesson: "stays at home; her address contains ann's"},
		{user: "bob@example.com", space: "Desk 3", end: sandbox.CheckedOut, lesson: "phone leaves, later the laptop"},
		{user: "cleo@example.com", space: "Desk 4", end: sandbox.CheckedIn, lesson: "reconnects before linger is over"},
		{user: "dan@example.com", space: "Desk 5", end: sandbox.CheckedOut, lesson: "an answer was lost; leaves"},
		{user: "finn@example.com", space: "Desk 6", end: sandbox.CheckedOut, lesson: `is CORP\Finn to the network; leaves`},
		{user: "kim@example.com", space: "Office 7", kind: "private_office", end: sandbox.CheckedIn, lesson: "comes while the booking API is down"},
		{user: "omar@example.com", space: "Desk 8", end: sandbox.CheckedIn, lesson: "their access point reboots"},
		{user: "eve@example.com", lesson: "has no booking"},
		{user: "gus@example.com", space: "Desk 9", end: sandbox.Booked, lesson: "opted out"},
		{user: "hana@example.com", space: "Room 10", kind: "room", end: sandbox.Booked, lesson: "booked a meeting room"},
		{user: "ivan@example.com", space: "Desk 11", end: sandbox.Booked, lesson: "is anonymous to the network"},
		{user: "judy@example.com", space: "Desk 12", end: sandbox.Booked, lesson: "is on the guests' network"},
		{user: "lena@example.com", space: "Desk 13", guest: true, end: sandbox.Booked, lesson: "booked for a guest"},
	}
}

// scene is one thing that happens, so many seconds after the beginning of a
// demo of a minute.
type scene struct {
	at   float64
	what string // for what the controller does not say itself
	act  func(context.Context) error
}

// script is what happens in the office, in order. The controller only sends;
// everything that is told of it is what came of it.
func script(c *controller, api *sandbox.Server) []scene {
	join := func(identity, device, ap string) *association {
		return &association{identity: identity, device: device, ssid: "Corp", ap: ap}
	}
	ann := join("ann@example.com", "02:00:5e:10:00:01", "lobby")
	phone := join("bob", "02:00:5e:10:00:02", "lobby")
	laptop := join("bob@example.com", "02:00:5e:10:00:03", "library")
	cleo := join("cleo@example.com", "02:00:5e:10:00:04", "library")
	dan := join("dan@example.com", "02:00:5e:10:00:05", "lobby")
	finn := join(`CORP\Finn`, "02:00:5e:10:00:06", "library")
	kim := join("kim@example.com", "02:00:5e:10:00:07", "library")
	omar := join("omar@example.com", "02:00:5e:10:00:08", "kitchen")
	eve := join("eve@example.com", "02:00:5e:10:00:09", "lobby")
	gus := join("gus@example.com", "02:00:5e:10:00:0a", "lobby")
	hana := join("hana@example.com", "02:00:5e:10:00:0b", "lobby")
	ivan := join("anonymous@example.com", "02:00:5e:10:00:0c", "lobby")
	judy := join("judy@example.com", "02:00:5e:10:00:0d", "lobby")
	judy.ssid = "Guests"
	lena := join("lena@example.com", "02:00:5e:10:00:0e", "lobby")
	docked := join("host/pc-17.example.com", "02:00:5e:10:00:0f", "library")

	start := func(a *association) func(context.Context) error {
		return func(ctx context.Context) error { return c.start(ctx, a, false) }
	}
	stop := func(a *association) func(context.Context) error {
		return func(ctx context.Context) error { return c.stop(ctx, a) }
	}
	down := func(context.Context) error {
		api.Fail(sandbox.Fault{Status: 503})
		return nil
	}
	up := func(context.Context) error {
		api.Mend()
		return nil
	}
	return []scene{
		{1, "", start(ann)},
		{3, "", start(phone)},
		{4, "", start(laptop)},
		{6, "", start(cleo)},
		{8, "the controller will lose the answer to what it sends next", func(ctx context.Context) error { return c.start(ctx, dan, true) }},
		{10, "", start(finn)},
		{12, "", func(ctx context.Context) error { return c.interim(ctx, ann, "library") }},
		{13, "", start(eve)},
		{14, "", start(gus)},
		{15, "", start(hana)},
		{16, "", start(ivan)},
		{17, "", start(judy)},
		{18, "", start(lena)},
		{19, "", start(docked)},
		{20, "", start(omar)},
		{22, "", stop(cleo)},
		{24, "", start(cleo)},
		{27, "the booking API goes down", down},
		{28, "", start(kim)},
		{31, "", func(ctx context.Context) error { return c.rebooted(ctx, "kitchen", "Corp") }},
		{33, "", start(omar)},
		{34, "the booking API is back", up},
		{35, "", stop(phone)},
		{36, "", stop(dan)},
		{38, "", stop(finn)},
		{40, "", stop(laptop)},
	}
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
