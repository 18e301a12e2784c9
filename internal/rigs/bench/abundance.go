package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/kadence/sandbox"
)

// plenty is something of which one client, or Kadence, may have far too much.
type plenty struct {
	what    string
	alter   func(*template, []byte, record) // what of the packets of the client differs from one to the next; nil: nothing is sent
	network string                          // that they are on; "" for that which counts
	counts  []int                           // how many; nil: from ten to a million
	most    int                             // beyond which nobody's network is; 0: as many as there are to be
	place   func(n int, api *sandbox.Server, building string) (sites string)
}

// abundant are those: each alone, with everything else held still.
var abundant = []plenty{
	{what: "names that Kadence does not know", alter: func(*template, []byte, record) {}, counts: []int{10, 1000, 18_000, 100_000, 1_000_000}},
	{what: "devices of one name", alter: func(t *template, p []byte, r record) { decimal(p[t.at[userName]+1:][:7], 1) }},
	{what: "session ids of one device", alter: sameStation},
	{what: "comings and goings of ten people", alter: func(t *template, p []byte, r record) { // all of which their stories tell
		decimal(p[t.at[userName]+1:][:7], r.user%10)
		mac := p[t.at[callingStationID]:]
		for i := range 3 {
			hexadecimal(mac[9+3*i:][:2], uint64(r.user%10)>>(16-8*i), upper)
		}
		if r.user/10%2 == 1 {
			binary.BigEndian.PutUint32(p[t.at[acctStatusType]:], uint32(stop))
		}
		hexadecimal(p[t.at[acctSessionID]:][:16], uint64(r.user%10)<<32|uint64(r.user/20), lower)
	}},
	{what: "NASes", alter: func(t *template, p []byte, r record) {
		sameStation(t, p, r)
		decimal(p[t.at[nasIdentifier]:][:7], r.user)
	}},
	{what: "networks", network: "0000000", alter: func(t *template, p []byte, r record) {
		sameStation(t, p, r)
		decimal(p[t.at[calledStationID]+18:][:7], r.user)
	}},
	// The largest customers have some hundred sites, and buildings of some thousand desks.
	{what: "sites", most: 10_000, place: manySites},
	{what: "sites whose buildings fail, with somebody at each", most: 10_000, place: failingSites, alter: func(t *template, p []byte, r record) {
		decimal(p[t.at[nasIdentifier]:][:7], r.user)
	}},
	{what: "bookings of the building", most: 100_000, place: manyBookings},
	{what: "calls to Kadence of which one fails", counts: []int{1000, 10, 2}, place: oneFails},
}

func sameStation(t *template, packet []byte, _ record) {
	decimal(packet[t.at[userName]+1:][:7], 1)
	for i := range 3 {
		hexadecimal(packet[t.at[callingStationID]+9+3*i:][:2], uint64(i/2), upper)
	}
}

func manySites(n int, api *sandbox.Server, _ string) string {
	var sites strings.Builder
	for i := range n {
		id := api.AddBuilding(fmt.Sprint("building ", i), time.UTC)
		fmt.Fprintf(&sites, "[[site]]\nname = \"site-%d\"\nbuilding = %q\nnas = [\"site-%d-*\"]\n", i, id, i)
	}
	return sites.String()
}

// failingSites are sites of whose buildings one half is denied and the other out
// of order.
func failingSites(n int, api *sandbox.Server, _ string) string {
	var sites strings.Builder
	for i := range n {
		id := api.AddBuilding(fmt.Sprint("building ", i), time.UTC)
		api.Fail(sandbox.Fault{Of: id, Status: []int{http.StatusForbidden, http.StatusServiceUnavailable}[i%2]})
		api.AddUser(fmt.Sprintf("u%07d@example.com", i))
		fmt.Fprintf(&sites, "[[site]]\nname = \"site-%[1]d\"\nbuilding = %[2]q\nnas = [\"%07[1]d*\"]\nhours = \"00:00-24:00\"\n", i, id)
	}
	return sites.String()
}

func oneFails(of int, api *sandbox.Server, _ string) string {
	api.Fail(sandbox.Fault{Every: of, Status: http.StatusBadGateway})
	return ""
}

func manyBookings(n int, api *sandbox.Server, building string) string {
	for i := range n {
		api.Book(sandbox.Booking{User: fmt.Sprint("somebody ", i), Building: building, Begin: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)})
	}
	return ""
}

// others are people of another client, whose answers and check-ins are measured.
const (
	others        = 200
	firstOther    = 9_000_000
	arriving      = 5 // of them each time, with a booking
	waitedAtMost  = time.Minute
	ofOthers      = 50  // records a second
	stillAbundant = 200 // of the client that has too much, meanwhile
)

// abundance prints what somebody else feels of one client that brings too much
// of one thing.
func (b *bench) abundance() error {
	t := newTable(b.out, fmt.Sprintf("One of everything in abundance; another client's %d records a second beside it, and %d of its people with a booking; medians of %d", ofOthers, arriving, b.repeats),
		"of", "so many", "acked", "lost", "p50", "p99", "lost of the other's", "checked in within", "private MiB", "disk MiB", "idle CPU")
	for _, p := range abundant {
		last := 0
		counts := p.counts
		if counts == nil {
			counts = []int{10, 1000, 100_000, 1_000_000}
		}
		for _, n := range counts {
			if p.most > 0 {
				n = min(n, p.most)
			}
			if n > b.most || n == last || b.only != "" && !strings.Contains(p.what, b.only) {
				continue
			}
			last = n
			b.progress("%d %s", n, p.what)
			if err := b.abundanceOf(&p, n, t); err != nil {
				return errors.Join(fmt.Errorf("%d %s: %w", n, p.what, err), t.end())
			}
		}
	}
	return t.end()
}

func (b *bench) abundanceOf(p *plenty, n int, table *table) (err error) {
	api := sandbox.New("bench", "bench")
	building := api.AddBuilding("HQ", time.UTC)
	desk := httptest.NewServer(api)
	defer desk.Close()
	var booked []string
	for i := range arriving * b.repeats {
		user := api.AddUser(fmt.Sprintf("u%07d@example.com", firstOther+others+i))
		booked = append(booked, api.Book(sandbox.Booking{User: user, Building: building, Begin: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}))
	}
	sites := ""
	if p.place != nil {
		sites = p.place(n, api, building)
	}
	i, err := server{name: "presenced", command: b.beside(desk.URL, building, sites)}.install(b.dir)
	if err != nil {
		return err
	}
	defer i.remove()
	proc, err := i.start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proc.stop()) }()

	of := func(name string, third, users, first int) (*nas, error) {
		guests := make([]guest, users)
		for j := range guests {
			guests[j].user = first + j
		}
		return newNAS(name, netip.AddrFrom4([4]byte{127, 0, byte(third), 1}), i.door, guests)
	}
	loud, err := of("0000000", 1, max(n, 1), 0)
	if err != nil {
		return err
	}
	defer loud.wire.Close()
	if p.network != "" {
		loud.form = newTemplateOn(p.network, "0000000", netip.AddrFrom4([4]byte{127, 0, 1, 1}))
	}
	loud.form.alter = p.alter
	sent := &tally{}
	if p.alter != nil {
		if sent, err = loud.run(load{window: identifiers - 1, count: n, during: time.Hour, patience: patience, next: starts}); err != nil {
			return err
		}
	}
	idle, err := idleShare(proc)
	if err != nil {
		return err
	}

	quiet, err := of("other-ap", 2, others, firstOther)
	if err != nil {
		return err
	}
	defer quiet.wire.Close()
	var p50, p99, took []time.Duration
	lost := 0
	for n := range b.repeats {
		felt, within, err := b.feel(p, loud, quiet, func() (time.Duration, error) {
			come, err := of("other-ap", 2, arriving, firstOther+others+n*arriving)
			if err != nil {
				return 0, err
			}
			defer come.wire.Close()
			began := time.Now()
			if _, err := come.run(load{window: arriving, count: arriving, during: waitedAtMost, patience: patience, next: starts}); err != nil {
				return 0, err
			}
			for in := 0; in < arriving && time.Since(began) < waitedAtMost; time.Sleep(5 * time.Millisecond) {
				in = 0
				for _, id := range booked[n*arriving:][:arriving] {
					if is, _ := api.Booking(id); is.Status == sandbox.CheckedIn {
						in++
					}
				}
			}
			return time.Since(began), nil
		})
		if err != nil {
			return err
		}
		lost += felt.lost
		p50, p99, took = append(p50, felt.latency.quantile(0.5)), append(p99, felt.latency.quantile(0.99)), append(took, within)
	}
	used, err := proc.usage()
	if err != nil {
		return err
	}
	disk := int64(0)
	for _, file := range []string{"presenced.db", "presenced.db.journal0", "presenced.db.journal1"} {
		if info, err := os.Stat(filepath.Join(i.dir, file)); err == nil {
			disk += info.Size()
		}
	}
	within := milliseconds(median(took))
	if median(took) >= waitedAtMost {
		within = "not within " + waitedAtMost.String()
	}
	table.row(p.what, n, sent.acked, sent.lost, median(p50), median(p99), lost, within,
		used.private>>20, disk>>20, fmt.Sprintf("%.0f%%", 100*idle))
	return nil
}

// feel has both clients send for a while, and somebody come of the one that has
// not too much of anything: how is it answered, and when are they checked in?
func (b *bench) feel(p *plenty, loud, quiet *nas, arrive func() (time.Duration, error)) (felt *tally, took time.Duration, err error) {
	var g errgroup.Group
	if p.alter != nil {
		g.Go(func() error {
			_, err := loud.run(load{window: identifiers - 1, every: time.Second / stillAbundant, during: b.during, patience: patience, next: starts})
			return err
		})
	}
	g.Go(func() (err error) {
		felt, err = quiet.run(load{window: identifiers - 1, every: time.Second / ofOthers, during: b.during, patience: patience, next: starts})
		return err
	})
	g.Go(func() (err error) {
		took, err = arrive()
		return err
	})
	err = g.Wait()
	return felt, took, err
}

func starts(g *guest, at int64) record { return g.next(at, interims) }

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }

// idleShare is how much of a core the process uses while nothing comes.
func idleShare(p *process) (float64, error) {
	const quiet = 3 * time.Second
	before, err := p.usage()
	if err != nil {
		return 0, err
	}
	time.Sleep(quiet)
	after, err := p.usage()
	return float64(after.cpu-before.cpu) / float64(quiet), err
}

// beside returns the command of a presenced with two clients, each with a site
// of its own, and the API at the address.
func (b *bench) beside(api, building, sites string) command {
	return func(dir string, at door) (*exec.Cmd, error) {
		file := filepath.Join(dir, "presenced.toml")
		text := strings.NewReplacer("DIR", dir, "LISTEN", at.address.String(), "SECRET", secret, "API", api, "BUILDING", building, "SITES", sites).Replace(besideTOML)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
		return exec.Command(b.program, "serve", "-c", file), nil
	}
}

const besideTOML = `
[radius]
listen = ["LISTEN"]

[[radius.client]]
name    = "loud"
address = "127.0.0.0/23"
secret  = "SECRET"
site    = "office"

[[radius.client]]
name    = "other"
address = "127.0.2.0/24"
secret  = "SECRET"
site    = "office"

[[site]]
name     = "office"
building = "BUILDING"
ssids    = ["Corp"]
hours    = "00:00-24:00"

SITES

[identity]
domain = "example.com"

[kadence]
api_url       = "API"
auth_url      = "API"
client_id     = "bench"
client_secret = "bench"
dry_run       = false

[store]
path = "DIR/presenced.db"

[control]
socket = "DIR/presenced.sock"
http   = ""
`
