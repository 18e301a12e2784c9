package lab

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
)

var (
	radio   = flag.Bool("radio", false, "play what needs simulated radios, each test in a machine of its own")
	capture = flag.String("capture", "", "keep what access points sent, as replays in this `FOLDER`")
)

// On the air, hostapd waits for silent devices as it is delivered, and sends
// interims every ten minutes.
const (
	interims = 10 * time.Minute
	idle     = 317 * time.Second // until hostapd ends a silent device's session, at most
	lingers  = time.Hour         // as presenced is delivered
)

// replies is what the authentication server adds to its Access-Accepts: what
// accounting repeats (Class, Chargeable-User-Identity), or what becomes of a
// session. Of lent it tells no name.
const replies = `
		if (&User-Name =~ /^lent@/) {
			update reply {
				&User-Name !* ANY
			}
		}
		update reply {
			&Class := "class-%{session-state:User-Name}"
		}
		if (&User-Name =~ /^anonymous@/) {
			update reply {
				&Chargeable-User-Identity := "cui-%{session-state:User-Name}"
			}
		}
		if (&User-Name =~ /^session-/) {
			update reply {
				&Session-Timeout := 3000
			}
		}
		if (&User-Name =~ /^session-reauth/) {
			update reply {
				&Termination-Action := RADIUS-Request
			}
		}`

// airOffice is presenced with access points and devices on the air.
type airOffice struct {
	*Lab
	t      *testing.T
	air    *Air
	wires  []*Wire
	daemon *Presenced
	ap     map[string]*AccessPoint

	mu      sync.Mutex // guards what follows
	devices map[string]*Device
	seen    []sighted
}

// sighted is what presenced said of everybody at a time.
type sighted struct {
	at     time.Time
	states map[string]string // by user
}

// newAirOffice opens an office in a machine of its own. On the host it returns
// nil when all is over there.
func newAirOffice(t *testing.T) *airOffice {
	t.Helper()
	if !*radio && !inside() {
		t.Skip("SKIPPED, the radios are silent: `make radio` plays them")
	}
	keep := func(dir string) {
		files, err := filepath.Glob(dir + "/*.detail")
		for _, file := range files {
			if *capture != "" {
				err = errors.Join(err, copyFile(file, filepath.Join(*capture, filepath.Base(file)), 0o644))
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	if InMachine(t, keep) == "" {
		return nil
	}
	l := New(t)
	l.replies = replies
	o := &airOffice{Lab: l, t: t, ap: map[string]*AccessPoint{}, devices: map[string]*Device{}}
	server := netip.AddrPortFrom(l.Addr(), 1815)
	sound, lossy := l.Wire(1813, server), l.Wire(1814, server)
	o.wires = []*Wire{sound, lossy}
	o.air = l.Air(sound.Addr(), interims)
	for _, c := range []APConfig{
		{Name: "ap1", Channel: 1, Fast: true}, {Name: "ap2", Channel: 6, Fast: true},
		{Name: "ap3", Channel: 11, Reauth: time.Hour},
		{Name: "ap4", Channel: 1, OKC: true}, {Name: "ap5", Channel: 6, OKC: true},
		{Name: "ap6", Channel: 11}, {Name: "ap7", Channel: 1}, {Name: "ap8", Channel: 6}, {Name: "ap9", Channel: 11},
		{Name: "ap10", Channel: 1, Fast: true, Server: lossy.Addr()}, {Name: "ap11", Channel: 6, Fast: true, Server: lossy.Addr()},
		{Name: "ap12", Channel: 1, NoCache: true}, {Name: "ap13", Channel: 6, NoCache: true},
	} {
		if c.Name == "ap5" {
			c.Beside = o.ap["ap4"]
		}
		o.ap[c.Name] = o.air.AccessPoint(c)
	}
	o.daemon = l.Presenced(fmt.Sprintf(`
[radius]
listen = ["%s"]
[[radius.client]]
name = "aps"
address = "10.0.0.0/8"
secret = %q
site = "hq"
[[site]]
name = "hq"
building = "HQ"
time_zone = "UTC"
ssids = ["Corp"]
[identity]
domain = "example.com"
[presence]
lunch = "never"
[store]
path = "presenced.db"
[control]
socket = "presenced.sock"
http = ""
`, server, Secret))
	o.air.On()
	return o
}

// device switches a device on. It is that of a user of its name unless c says
// of whom.
func (o *airOffice) device(t testing.TB, name string, c DeviceConfig) *Device {
	if c.User == "" {
		c.User = name + "@example.com"
	}
	d := o.air.Device(t, c)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.devices[name] = d
	return d
}

// play plays all parts at the same time and asks presenced every ten minutes
// who is there, until everybody has gone for longer than linger.
func (o *airOffice) play(parts map[string]func(*testing.T)) {
	done := make(chan bool)
	go func() {
		defer close(done)
		o.t.Run("play", func(t *testing.T) {
			for name, part := range parts {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					part(t)
				})
			}
		})
	}()
	end := time.Time{}
	for end.IsZero() || time.Now().Before(end) {
		select {
		case <-done:
			end, done = time.Now().Add(lingers+2*idle), nil
		case <-time.After(10 * time.Minute):
		}
		var people []control.Person
		o.daemon.List(&people, "people")
		s := sighted{time.Now(), map[string]string{}}
		for _, p := range people {
			s.states[p.User] = string(p.State)
		}
		o.seen = append(o.seen, s)
		if len(o.seen)%6 == 0 {
			o.t.Logf("it is %s, and %d are there", s.at.UTC().Format("15:04"), len(s.states))
		}
	}
}

// truth is where a user was, by all their devices.
type truth struct {
	user  string
	stays []stayed
}

// stayed is a time at the site, over all gaps that are shorter than linger.
type stayed struct {
	from, to time.Time
	latest   time.Time // when the network may say at the latest that it is over: devices that die do not say so
	gaps     []Stay    // from one device's end to the next one's begin
}

// truths joins what the devices wrote down.
func (o *airOffice) truths() (all []truth) {
	byUser := map[string][]Stay{}
	for _, d := range o.devices {
		byUser[d.User] = append(byUser[d.User], d.Stays...)
	}
	for user, stays := range byUser {
		slices.SortFunc(stays, func(a, b Stay) int { return a.From.Compare(b.From) })
		tr := truth{user: user}
		for _, s := range stays {
			latest := s.To
			if s.Silent {
				latest = latest.Add(idle)
			}
			n := len(tr.stays)
			if n == 0 || s.From.Sub(tr.stays[n-1].to) >= lingers {
				tr.stays = append(tr.stays, stayed{from: s.From, to: s.To, latest: latest})
				continue
			}
			last := &tr.stays[n-1]
			if s.From.After(last.to) {
				last.gaps = append(last.gaps, Stay{From: last.to, To: s.From})
			}
			if s.To.After(last.to) {
				last.to = s.To
			}
			if latest.After(last.latest) {
				last.latest = latest
			}
		}
		all = append(all, tr)
	}
	slices.SortFunc(all, func(a, b truth) int { return strings.Compare(a.user, b.user) })
	return all
}

// about is how far a time may be off.
const about = 90 * time.Second

// judge holds the visits that presenced believed, and what it said meanwhile,
// against the truth.
func (o *airOffice) judge() {
	o.t.Helper()
	var visits []control.Visit
	o.daemon.List(&visits, "visits")
	byUser := map[string][]control.Visit{}
	for _, v := range visits {
		byUser[v.User] = append(byUser[v.User], v)
	}
	clock := func(t time.Time) string { return t.UTC().Format("15:04:05") }
	for _, tr := range o.truths() {
		is := byUser[tr.user]
		delete(byUser, tr.user)
		slices.SortFunc(is, func(a, b control.Visit) int { return a.Arrived.Compare(b.Arrived.Time) })
		for _, v := range is {
			o.t.Logf("%-24s visit %s to %s, %s", tr.user, clock(v.Arrived.Time), clock(v.Departed.Time), v.State)
		}
		good := len(is) == len(tr.stays)
		for i, s := range tr.stays {
			o.t.Logf("%-24s was there %s to %s", tr.user, clock(s.from), clock(s.to))
			good = good && is[i].State == "over" && is[i].Arrived.Sub(s.from).Abs() <= about &&
				!is[i].Departed.Before(s.to.Add(-about)) && !is[i].Departed.After(s.latest.Add(about))
		}
		if !good {
			o.t.Errorf("%s: the visits are not what happened\n%s", tr.user, o.daemon.Run("show", tr.user))
		}
		for _, seen := range o.seen {
			if want := tr.at(seen.at); want != "" && !slices.Contains(strings.Split(want, "|"), seen.states[tr.user]) {
				o.t.Errorf("%s: at %s want %s, is %q", tr.user, clock(seen.at), want, seen.states[tr.user])
			}
		}
	}
	for user := range byUser {
		o.t.Errorf("%s was never there, and has visits", user)
	}
}

// at is what presenced should say at a time, "" if that is open.
func (tr truth) at(t time.Time) string {
	for _, s := range tr.stays {
		switch {
		case t.Before(s.from.Add(-about)) || t.After(s.latest.Add(lingers+about)):
			continue
		case t.Before(s.from.Add(about)) || t.After(s.to.Add(-about)):
			return "" // it may or may not be known yet
		}
		for _, gap := range s.gaps {
			if !t.Before(gap.From) && !t.After(gap.To.Add(about)) {
				return "present|leaving"
			}
		}
		return "present"
	}
	return ""
}
