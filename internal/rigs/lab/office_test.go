package lab

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/presenced/presenced/kadence/sandbox"
)

// office is a company on a lab's network: presenced as a process, the sandbox
// as its Kadence, and a desk booked for everybody from nine to five. Whenever
// the test runs, it is noon there, so that no day turns in its middle.
type office struct {
	*Lab
	api      *sandbox.Server
	zone     *time.Location
	building string
	at       netip.Addr // where presenced is
	config   string
	daemon   *Presenced
	bookings map[string]string // by user
}

const linger = 15 * time.Second // longer than a reconnect takes (7 s), on a slow machine too

// newOffice opens an office for the users, with presenced running.
func newOffice(t *testing.T, users ...string) *office {
	t.Helper()
	o := openOffice(t, users...)
	o.daemon = o.Presenced(o.config)
	t.Cleanup(func() {
		for user := range o.bookings {
			if t.Failed() && !o.daemon.program.ended() {
				t.Logf("----- presenced show %s\n%s", user, o.daemon.Run("show", user))
			}
		}
	})
	return o
}

// openOffice opens an office for the users, and leaves it to the test to run
// presenced.
func openOffice(t *testing.T, users ...string) *office {
	t.Helper()
	l := New(t)
	offset := 12 - time.Now().UTC().Hour()
	zone, err := time.LoadLocation(fmt.Sprintf("Etc/GMT%+d", -offset)) // POSIX counts the other way
	l.must(err)
	o := &office{Lab: l, api: sandbox.New("lab", "lab's secret"), zone: zone, at: l.Addr(), bookings: map[string]string{}}
	o.building = o.api.AddBuilding("HQ", zone)
	today := time.Now().In(zone)
	for _, user := range users {
		o.bookings[user] = o.api.Book(sandbox.Booking{
			User: o.api.AddUser(user), Building: o.building,
			Begin: time.Date(today.Year(), today.Month(), today.Day(), 9, 0, 0, 0, zone),
			End:   time.Date(today.Year(), today.Month(), today.Day(), 17, 0, 0, 0, zone),
		})
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(l.Addr(), 0).String())
	l.must(err)
	server := httptest.NewUnstartedServer(o.api)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	o.config = fmt.Sprintf(`
[radius]
listen = ["%[1]s"]

[[radius.client]]
name    = "campus"
address = "%[2]s"
secret  = "%[3]s"
site    = "hq"

[[site]]
name      = "hq"
building  = "%[4]s"
time_zone = "%[5]s"
ssids     = ["Corp"]
hours     = "00:00-24:00"

[identity]
domain = "example.com"

[presence]
linger = "%[6]s"
lunch  = "never" # it is always noon somewhere, and nobody here stays for minutes
brief  = "0s"

[kadence]
api_url       = "%[7]s"
auth_url      = "%[7]s"
client_id     = "lab"
client_secret = "lab's secret"
dry_run       = false

[store]
path = "%[8]s/presenced.db"

[control]
socket = "%[8]s/presenced.sock"
http   = ""

[log]
level = "debug"
`, o.radius(), netip.PrefixFrom(l.Addr(), 24).Masked(), Secret, o.building, zone, linger, server.URL, l.dir)
	t.Cleanup(func() {
		for _, offence := range o.api.Offences() {
			t.Error("offence:", offence)
		}
		if t.Failed() {
			for _, call := range o.api.Journal() {
				t.Logf("%s %s %s: %d %s", call.At.Format(time.TimeOnly), call.Method, call.Path, call.Status, call.Effect)
			}
		}
	})
	return o
}

// radius is where presenced takes accounting.
func (o *office) radius() netip.AddrPort { return netip.AddrPortFrom(o.at, 1813) }

// becomes waits until the user's booking has the status.
func (o *office) becomes(user string, status sandbox.Status) {
	o.t.Helper()
	o.Eventually(fmt.Sprintf("%s's booking is %s", user, status), func() bool { return o.status(user) == status })
}

// is checks that the user's booking has the status, and came to it by so many
// calls.
func (o *office) is(user string, status sandbox.Status, calls int) {
	o.t.Helper()
	if got := o.status(user); got != status {
		o.t.Errorf("%s's booking is %s, want %s", user, got, status)
	}
	if got := o.api.Effects(o.bookings[user]); len(got) != calls {
		o.t.Errorf("%d calls took effect on %s's booking, want %d: %+v", len(got), user, calls, got)
	}
}

func (o *office) status(user string) sandbox.Status {
	b, _ := o.api.Booking(o.bookings[user])
	return b.Status
}

// session is a row of `presenced sessions --json`.
type session struct {
	User    string    `json:"user"`
	Device  string    `json:"device"`
	State   string    `json:"state"`
	Cause   string    `json:"cause"`
	Started time.Time `json:"started"`
	Ended   *time.Time
}

// sessions lists the user's sessions, those that have ended too.
func (o *office) sessions(user string) []session {
	o.t.Helper()
	var all []session
	o.daemon.List(&all, "sessions", "--all", "--user", user)
	return all
}
