package page

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store"
)

// office is a made-up office in the afternoon: a real store in which a day has
// been heard, and what the daemon would say beside it.
type office struct {
	t     testing.TB
	store *store.Store
	rules presence.Rules
	world presence.World
	zone  *time.Location
	now   time.Time
	day   time.Time // local midnight
	nases map[presence.NASName]presence.NAS

	requests uint64
	rates    control.Rates
	hidden   []control.Unmatched
	desk     control.Desk
	papers   []control.Certificate
	own      Own // what people may ask for themselves
}

// afternoon returns London with its clock set so that it is past four there,
// whenever the test runs.
func afternoon(now time.Time) *time.Location {
	const four = 16
	return time.FixedZone("Europe/London", (four-now.UTC().Hour())*60*60)
}

const (
	wlc   = "hq-wlc/wlc-ldn-1/10.20.0.5"
	ap    = "branch/ap-leeds/10.30.0.7"
	old   = "hq-wlc/wlc-old/10.20.0.9"
	hour  = time.Hour
	phone = "02:00:5e:10:00:01"
)

// newOffice tells the day to the rules that the daemon goes by, and stores
// what they make of it.
func newOffice(t testing.TB) *office {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "presenced.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	now := time.Now().Truncate(time.Second)
	o := &office{t: t, store: s, now: now, zone: afternoon(now)}
	y, m, d := now.In(o.zone).Date()
	o.day = time.Date(y, m, d, 0, 0, 0, 0, o.zone)
	o.rules = presence.DefaultRules()
	o.rules.Sites = map[string]presence.Site{"london": {Name: "london", Building: "HQ", Zone: o.zone}, "leeds": {Name: "leeds", Building: "Leeds", Zone: o.zone}}
	o.nases = map[presence.NASName]presence.NAS{
		wlc: {Heard: now.Add(-2 * time.Second), Since: o.day.Add(-90 * hour)}, ap: {Heard: now.Add(-40 * time.Second), Since: now.Add(-50 * time.Minute), Fell: now.Add(-12 * time.Minute)},
		old: {Heard: now.Add(-26 * time.Minute), Since: o.day.Add(-20 * hour)},
	}
	o.world = presence.World{Rules: o.rules, Listening: o.day.Add(-1000 * hour), NAS: func(name presence.NASName) presence.NAS {
		return presence.NAS{Heard: now, Since: o.day.Add(-1000 * hour)}
	}}
	o.requests = 182_340
	o.desk = control.Desk{Mode: "live", Success: control.Time{Time: now.Add(-20 * time.Second)}}
	o.hidden = []control.Unmatched{
		{Kind: "identity", Key: "anonymous@corp.example.com", Count: 1312, First: control.Time{Time: now.Add(-9 * hour)}, Last: control.Time{Time: now.Add(-4 * time.Second)}, Reason: "anonymous outer identity", Remedy: "have the RADIUS server return User-Name in the Access-Accept, or send CUI"},
		{Kind: "ssid", Key: "Guest", Count: 220, Last: control.Time{Time: now.Add(-time.Minute)}, Reason: `site "london" does not count this network`, Remedy: "if it should count, add it to the site's ssids"},
		{Kind: "source", Key: "10.66.0.9", Count: 3, Last: control.Time{Time: now.Add(-7 * hour)}, Reason: "not a client", Remedy: "add a [[radius.client]] for it, or have it stop"},
	}
	return o
}

// page returns the page of the office.
func (o *office) page() *Page {
	return &Page{
		Listings: control.Listings{Store: o.store, World: func() presence.World { return o.world }, Roll: o.roll},
		Status: func(context.Context) (control.Status, error) {
			heard := func(ago time.Duration) control.Time { return control.Time{Time: o.now.Add(-ago)} }
			s := control.Status{
				Version: "v0.9.0", Running: true, Turned: heard(0), PID: 4711, Started: heard(31 * hour), Config: "/etc/presenced/presenced.toml", Reloaded: heard(5 * hour), Nobody: len(o.hidden),
				Clients: []control.Client{
					{Name: "hq-wlc", Address: "10.20.0.0/24", Site: "london", LastHeard: heard(2 * time.Second), Requests: o.requests, Responses: o.requests, Duplicates: 311, Named: 170_000, Anonymous: 1312},
					{Name: "branch", Address: "10.30.0.7", Site: "leeds", LastHeard: heard(40 * time.Second), Requests: 9120, Responses: 9061, BadSecrets: 57, Skew: control.Duration(-95 * time.Second), Named: 9000},
					{Name: "lab", Address: "2001:db8:40::/48", Site: "leeds"},
				},
				Certificates: o.papers,
				Desk:         o.desk, Store: control.StoreInfo{Path: "/var/lib/presenced/presenced.db", Size: 7_400_000}, NASes: o.nases,
			}
			for _, site := range control.Sorted(o.rules.Sites) {
				s.Sites = append(s.Sites, control.Site{Name: site.Name, Building: site.Building, Zone: o.zone.String()})
			}
			o.rates.Rate(&s, time.Now())
			return s, nil
		},
		Unmatched: func() []control.Unmatched { return o.hidden },
		Roster:    func() bool { return true }, Own: o.own,
	}
}

// roll is what the desk has of the day: what was checked in by presenced, by somebody
// else, nobody's yet, and what was given away.
func (o *office) roll(_ context.Context, site string) (presence.Roll, error) {
	roll := presence.Roll{At: o.now.Add(-3 * time.Minute), Of: map[string][]presence.Booking{}}
	book := func(user, id, space, from, to string, status presence.BookingStatus, more ...func(*presence.Booking)) {
		b := presence.Booking{ID: id, UserID: user, Type: "desk", Space: space, Status: status, Begin: o.clock(from), End: o.clock(to), Eligible: true, Read: roll.At}
		for _, f := range more {
			f(&b)
		}
		roll.Of[user] = append(roll.Of[user], b)
	}
	if site == "leeds" {
		roll.Why = "GET /v1/public/bookings: 503 Service Unavailable"
		book("eve@example.com", "01K7Z3WQ7N4Y8V2M5B9XDESK41", "Window 4", "09:00", "17:00", presence.Cancelled, func(b *presence.Booking) {
			b.Taken, b.Cause, b.Released = true, "autoSpaceRelease", o.clock("09:15")
		})
		return roll, nil
	}
	book("ann@example.com", "01K7Z3WQ7N4Y8V2M5B9XDESK12", "Desk 12", "09:00", "18:00", presence.CheckedIn, func(b *presence.Booking) { b.Method = "wifi" })
	book("bob@example.com", "01K7Z3WQ7N4Y8V2M5B9XDESK20", "Desk 20", "08:30", "17:00", presence.CheckedOut)
	book("cleo@example.com", "01K7Z3WQ7N4Y8V2M5B9XDESK21", "Desk 21, by the window on the second floor", "09:00", "17:00", presence.CheckedIn, func(b *presence.Booking) { b.InVia, b.InAt = "ios", o.clock("09:28") })
	book("dan@example.com", "01K7Z3WQ7N4Y8V2M5B9XDESK31", "Desk 31", "09:00", "17:30", presence.Booked)
	for i := range 3 {
		book(fmt.Sprintf("guy%d@example.com", i), fmt.Sprint("01K7Z3WQ7N4Y8V2M5B9XDESK5", i), fmt.Sprint("Desk 5", i), "09:00", "17:00", presence.Booked)
	}
	return roll, nil
}

// counts notes how many were at london in the last eight weeks and today.
func (o *office) counts() {
	o.t.Helper()
	if err := o.store.Update(o.t.Context(), o.weeks("london", 56, 56)); err != nil {
		o.t.Fatal(err)
	}
}

// weeks is how many were at the site in the last days and today, the most on a full one.
func (o *office) weeks(site string, most, days int) (changes []presence.Change) {
	for day := -days; day <= 0; day++ {
		midnight := o.day.AddDate(0, 0, day)
		full := most * (10 + (day+days)%5) / 14
		if wd := midnight.Weekday(); wd == time.Saturday || wd == time.Sunday {
			full = most / 18
		}
		for i := range 288 {
			at := midnight.Add(time.Duration(i) * 5 * time.Minute)
			hour := float64(i) / 12
			share := math.Max(0, math.Min(1, math.Min((hour-7.5)/2.5, (18.5-hour)/2.5)))
			if hour > 12 && hour < 13.5 {
				share *= .8
			}
			if deaf := day == 0 && hour > 11.6 && hour < 12.4; !deaf && at.Before(o.now) {
				changes = append(changes, presence.CountSlot(site, at, presence.Moves{Present: int(share * float64(full))}))
			}
		}
	}
	return changes
}

// happens notes what happened to the system on the day.
func (o *office) happens() {
	o.t.Helper()
	var notes []presence.Note
	for _, e := range []presence.Event{
		{Kind: presence.EventStopped, Begin: o.clock("07:36"), Text: "presenced was asked to stop"},
		{Kind: presence.EventDeaf, Begin: o.clock("11:40"), End: o.clock("12:20"), Text: "presenced was killed, or the host went down: it was last known to run as this began"},
		{Kind: presence.EventStarted, Begin: o.clock("12:20"), Text: "presenced v0.9.0"},
		{Kind: presence.EventHolding, Begin: o.clock("12:20"), End: o.clock("12:23"), Text: "no departure was believed: presenced had just started"},
		{Kind: presence.EventDeskFailing, Begin: o.now.Add(-25 * time.Minute), Lasts: true, Text: "Kadence does not answer: get bookings: 503 Service Unavailable"},
		{Kind: presence.EventNASReset, Begin: o.now.Add(-15 * time.Minute), End: o.now.Add(15 * time.Minute), Of: wlc, Text: "was reset (Accounting-On or -Off): 1 person is held as present"},
		{Kind: presence.EventConfigRefused, Begin: o.now.Add(-5 * time.Minute), Lasts: true, Text: "/etc/presenced/presenced.toml is no good, and the old one stays in force: presenced.toml:12: [presence] linger: \"45 m\" is no duration"},
		{Kind: presence.EventOrder, Begin: o.now.Add(-time.Minute), By: "root", Text: "zap NAS ap-3, 2 ended"},
	} {
		notes = append(notes, e.Note())
	}
	if err := o.store.Update(o.t.Context(), []presence.Change{presence.WriteNotes(notes...)}); err != nil {
		o.t.Fatal(err)
	}
}

// clock is a time of the day at the office.
func (o *office) clock(text string) time.Time {
	o.t.Helper()
	when, err := time.Parse("15:04", text)
	if err != nil {
		o.t.Fatal(err)
	}
	y, m, d := o.day.Date()
	return time.Date(y, m, d, when.Hour(), when.Minute(), 0, 0, o.zone)
}

// heard is one record of somebody's day.
type heard struct {
	at     time.Time
	status presence.Status
	device string
	site   string
	cause  presence.Cause
	nas    string
}

// lives has the rules hear what there was of the user until now, and lets
// change add what followed.
func (o *office) lives(user string, records []heard, change func(*presence.Person)) {
	o.t.Helper()
	p := presence.Person{User: user}
	var archived []presence.Visit
	pass := func(until time.Time) { // as the daemon lets time pass
		for due := p.Wake; !due.IsZero() && !due.After(until); due = p.Wake {
			if archived = append(archived, p.Advance(due, o.world)...); !p.Wake.IsZero() && !p.Wake.After(due) {
				o.t.Fatalf("%s is woken at %s for %s", user, due, p.Wake)
			}
		}
	}
	session := map[string]int{}
	for _, r := range records {
		pass(r.at)
		key := r.device + r.site
		if r.status == presence.Start {
			session[key]++
		}
		nas := wlc
		if r.site == "leeds" {
			nas = ap
		}
		if r.nas != "" {
			nas = r.nas
		}
		archived = append(archived, p.Hear(presence.Sighting{
			User: user, Device: r.device, Site: r.site, Whose: presence.Mine, Session: fmt.Sprint(key, session[key]), SSID: "Corp", NAS: presence.NASName(nas), AP: "ap-3-west", Status: r.status, At: r.at, Heard: r.at, Cause: r.cause,
		}, o.world)...)
	}
	pass(o.now)
	archived = append(archived, p.Advance(o.now, o.world)...)
	p.Visits, archived = append(archived, p.Visits...), nil
	if change != nil {
		change(&p)
	}
	for i := 0; i < len(p.Visits); i++ { // what is archived moves to the history
		if v := p.Visits[i]; v.State == presence.Over && v.CheckOut.Status != presence.Pending {
			archived = append(archived, v)
			p.Visits = append(p.Visits[:i], p.Visits[i+1:]...)
			i--
		}
	}
	err := o.store.Update(o.t.Context(), []presence.Change{{User: user, Apply: func(stored *presence.Person, _ [][]byte) presence.Outcome {
		*stored = p.Clone()
		return presence.Outcome{Archived: archived}
	}}})
	if err != nil {
		o.t.Fatal(err)
	}
}

const (
	start = presence.Start
	alive = presence.Interim
	stop  = presence.Stop
)

// interims are signs of life of the device every ten minutes, until now if to
// is empty.
func (o *office) interims(device, site, from, to string) (all []heard) {
	end := o.now
	if to != "" {
		end = o.clock(to)
	}
	for t := o.clock(from).Add(10 * time.Minute); t.Before(end); t = t.Add(10 * time.Minute) {
		all = append(all, heard{at: t, status: alive, device: device, site: site})
	}
	return all
}

func together(parts ...[]heard) (all []heard) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

const laptop = "02:00:5e:10:00:02"

// claim is a booking of the day.
func (o *office) claim(id, from, to string) presence.Claim {
	return presence.Claim{Booking: id, Begin: o.clock(from), End: o.clock(to)}
}

// fill has the people of the picture live their day.
func (o *office) fill() {
	one := func(at string, status presence.Status, device string, cause presence.Cause) []heard {
		return []heard{{at: o.clock(at), status: status, device: device, site: "london", cause: cause}}
	}
	// ann: a laptop that sleeps, lunch for less than linger.
	o.lives("ann@example.com", together(
		one("08:52", start, phone, 0), one("09:05", start, laptop, 0), o.interims(laptop, "london", "09:05", "10:30"), one("10:34", stop, laptop, presence.IdleTimeout),
		one("10:58", start, laptop, 0), one("12:01", stop, laptop, presence.UserRequest), one("12:09", stop, phone, presence.UserRequest),
		one("12:47", start, phone, 0), one("12:55", start, laptop, 0), o.interims(laptop, "london", "12:55", ""),
	), func(p *presence.Person) {
		c := o.claim("01K7Z3WQ7N4Y8V2M5B9XDESK12", "09:00", "18:00")
		c.Tried, c.In = o.clock("08:52"), o.clock("08:52").Add(2*time.Second)
		v := &p.Visits[len(p.Visits)-1]
		v.Claims = []presence.Claim{c}
		v.CheckIn = presence.Errand{Status: presence.Effected, At: c.In, Bookings: []string{c.Booking}}
		p.Story = append(p.Story, presence.Entry{At: c.In, Kind: presence.Done, Text: "check-in of booking " + c.Booking})
	})
	// bob: gone for longer than linger, and back.
	o.lives("bob@example.com", together(
		one("08:31", start, "02:00:5e:10:00:11", 0), one("10:40", stop, "02:00:5e:10:00:11", presence.UserRequest),
		one("12:50", start, "02:00:5e:10:00:11", 0), o.interims("02:00:5e:10:00:11", "london", "12:50", ""),
	), func(p *presence.Person) {
		first, second := o.claim("01K7Z3WQ7N4Y8V2M5B9XDESK20", "08:30", "17:00"), o.claim("01K7Z3WQ7N4Y8V2M5B9XDESK20", "08:30", "17:00")
		first.Tried, first.In, first.Out = o.clock("11:40"), o.clock("08:31"), o.clock("11:40")
		second.Tried, second.Refused, second.Next = o.clock("12:50"), "the booking was checked out, and is not checked in again", o.clock("17:00")
		p.Visits[0].Claims, p.Visits[1].Claims = []presence.Claim{first}, []presence.Claim{second}
		p.Visits[0].CheckIn = presence.Errand{Status: presence.Effected, At: first.In, Bookings: []string{first.Booking}}
		p.Visits[0].CheckOut = presence.Errand{Status: presence.Effected, At: first.Out, Bookings: []string{first.Booking}}
		p.Visits[1].CheckIn = presence.Errand{Status: presence.Refused, Reason: second.Refused}
	})
	// cleo: everything is off the air since a while.
	gone := o.now.Add(-20 * time.Minute)
	o.lives("cleo@example.com", together(
		one("09:30", start, "02:00:5e:10:00:21", 0), []heard{{at: gone, status: stop, device: "02:00:5e:10:00:21", site: "london", cause: presence.UserRequest}},
	), func(p *presence.Person) {
		p.Visits[0].CheckIn = presence.Errand{Status: presence.Pending, Attempts: 3, Next: o.now.Add(4 * time.Minute), Reason: "get bookings: 503 Service Unavailable"}
	})
	// dan: his controller was rebooted.
	o.lives("dan@example.com", together(
		one("08:40", start, "02:00:5e:10:00:31", 0), []heard{{at: o.now.Add(-15 * time.Minute), status: stop, device: "02:00:5e:10:00:31", site: "london", cause: presence.NASReboot}},
	), func(p *presence.Person) {
		c := o.claim("01K7Z3WQ7N4Y8V2M5B9XDESK31", "09:00", "17:30")
		c.Tried, c.In, c.DryRun = o.clock("08:40"), o.clock("08:40"), true
		p.Visits[0].Claims = []presence.Claim{c}
		p.Visits[0].CheckIn = presence.Errand{Status: presence.DryRunned, At: c.In, Bookings: []string{c.Booking}}
	})
	// eve: a NAS without interims lost her Stop yesterday.
	yesterday := o.clock("13:20").AddDate(0, 0, -1)
	o.lives("eve@example.com", []heard{{at: yesterday, status: start, device: "02:00:5e:10:00:41", site: "leeds"}, {at: o.clock("09:12"), status: start, device: "02:00:5e:10:00:42", site: "leeds"}}, nil)
	o.happens()
	o.counts()
	// And who would harm the page, or only stretch it.
	for i, name := range hostile {
		device := fmt.Sprintf("02:00:5e:10:01:%02x", i)
		o.lives(name, []heard{{at: o.clock("09:40"), status: start, device: device, site: "leeds", nas: old}}, nil)
	}
}

var hostile = []string{
	`<script>alert(1)</script>@example.com`, `"onmouseover=alert(1) x="@example.com`, "مها.القحطاني@example.com", "mallory\u202emoc.elpmaxe@example.com",
	strings.Repeat("very-long-name-", 12) + "@example.com", `a/b?c=d&e#f%20@example.com`, `{{.}}</table>@example.com`,
}
