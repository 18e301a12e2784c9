package etcd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
)

var (
	lasts = flag.Duration("chaos", 5*time.Second, "how long people come, and as long they leave, while processes are killed")
	rate  = flag.Int("rate", 20, "how many packets a second are sent meanwhile")
)

// long is how long the long form lasts at the least, and mostSilence for how long nobody may
// be answered in it.
const long, mostSilence = 20 * time.Second, 2 * time.Second

// process is one that is killed and started again.
type process struct {
	t    *testing.T
	name string
	make func() *exec.Cmd

	mu   sync.Mutex // guards what follows
	cmd  *exec.Cmd
	done chan struct{}
	log  testbed.LogText
}

func (p *process) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.done = p.make(), make(chan struct{})
	p.cmd.Stderr, p.cmd.Stdout = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Errorf("start %s: %v", p.name, err)
		return
	}
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(p.cmd, p.done)
}

// stop signals the process and waits for its end.
func (p *process) stop(how os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %s: %v", p.name, err)
	}
	<-p.done
}

// cluster is three members, three daemons, and a sandbox of Kadence with a booking for
// everybody.
type cluster struct {
	t         *testing.T
	endpoints []string
	members   []*process
	daemons   []*process
	addrs     []*net.UDPAddr
	api       *sandbox.Server
	bookings  []string

	mu      sync.Mutex // guards what follows
	answers []time.Time
	kills   []time.Time // of daemons
}

// free finds an address to listen on, and to listen on again: its port is none that the
// system would give to whoever asks for any.
func free(t *testing.T) string {
	t.Helper()
	for {
		at := fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))
		stream, err := net.Listen("tcp", at)
		if err != nil {
			continue
		}
		packets, err := net.ListenPacket("udp", at)
		stream.Close()
		if err != nil {
			continue
		}
		packets.Close()
		return at
	}
}

func build(t *testing.T, dir, what string, flags ...string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(what))
	cmd := exec.Command("go", append(append([]string{"build", "-o", to}, flags...), what)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", what, err, out)
	}
	return to
}

// newCluster starts one. The flags are those that the daemons are built with.
func newCluster(t *testing.T, people int, flags ...string) *cluster {
	t.Helper()
	member, presenced := build(t, ".", "./member"), build(t, "../../..", "./cmd/presenced", flags...)
	c := &cluster{t: t, api: sandbox.New("test", "secret")}
	var peers, all []string
	for i := range 3 {
		peers = append(peers, "http://"+free(t))
		c.endpoints = append(c.endpoints, "http://"+free(t))
		all = append(all, fmt.Sprintf("m%d=%s", i, peers[i]))
	}
	for i := range 3 {
		dir, name := t.TempDir(), fmt.Sprint("m", i)
		c.members = append(c.members, &process{t: t, name: name, make: func() *exec.Cmd {
			return exec.Command(member, "-name", name, "-dir", dir, "-client", c.endpoints[i], "-peer", peers[i], "-cluster", strings.Join(all, ","))
		}})
	}
	building := c.api.AddBuilding("HQ", time.UTC)
	now := time.Now()
	for n := range people {
		c.bookings = append(c.bookings, c.api.Book(sandbox.Booking{
			User: c.api.AddUser(user(n)), Building: building, Begin: now.Add(-time.Hour), End: now.Add(time.Hour),
		}))
	}
	server := httptest.NewServer(c.api)
	t.Cleanup(server.Close)
	for i := range 3 {
		dir, name := t.TempDir(), fmt.Sprint("d", i)
		at := free(t)
		c.addrs = append(c.addrs, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
		file := filepath.Join(dir, "presenced.toml")
		testbed.WriteConfig(t, file, testbed.Settings{
			Listen: at, API: server.URL, ClientID: "test", Secret: "secret", Linger: "2s", Presence: testbed.AnyHour(now) + "\nlunch_linger = \"2s\"",
			Store: fmt.Sprintf("engine = \"etcd\"\nname = %q\nendpoints = [%q]", name, strings.Join(c.endpoints, `", "`)), More: "rate = 300\n",
		})
		text := strings.ReplaceAll(testbed.Read(t, file), `\", \"`, `", "`)
		testbed.Write(t, file, text)
		c.daemons = append(c.daemons, &process{t: t, name: name, make: func() *exec.Cmd { return exec.Command(presenced, "serve", "-c", file) }})
	}
	for _, p := range append(c.members, c.daemons...) {
		p.start()
		t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	}
	return c
}

func user(n int) string { return fmt.Sprintf("u%04d@example.com", n) }

// say sends a record until it is answered, first to the daemon that is the NAS's, then to
// the next one, as a controller does; and to another one at once, if it is sent twice.
func (c *cluster) say(n int, status rfc2866.AcctStatusType) {
	wlc := &controller.Controller{Secret: []byte(testbed.RadiusSecret)}
	p := wlc.Packet(status)
	p.Identifier = byte(n)
	wlc.Station(p, &controller.Association{
		Identity: user(n), Device: fmt.Sprintf("02:00:5e:10:%02x:%02x", n>>8, n&0xff), SSID: "Corp", AP: "lobby", Session: fmt.Sprintf("S%04d", n),
	})
	if err := rfc2865.NASIdentifier_SetString(p, fmt.Sprint("ap", n/4)); err != nil {
		c.t.Error(err)
	}
	if status == rfc2866.AcctStatusType_Value_Stop {
		if err := rfc2866.AcctTerminateCause_Set(p, rfc2866.AcctTerminateCause_Value_UserRequest); err != nil {
			c.t.Error(err)
		}
	}
	request, err := p.Encode()
	if err != nil {
		c.t.Error(err)
		return
	}
	if n%2 == 0 {
		go c.ask(request, n+1)
	}
	for try := range 200 {
		if c.ask(request, n+try/2) {
			return
		}
	}
	c.t.Errorf("a record of %s was not answered", user(n))
}

func (c *cluster) ask(request []byte, daemon int) bool {
	conn, err := net.DialUDP("udp", nil, c.addrs[daemon%len(c.addrs)])
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(400 * time.Millisecond))
	if _, err := conn.Write(request); err != nil {
		return false
	}
	buf := make([]byte, radius.MaxPacketLength)
	for answered := false; !answered; { // there may be one of who had the port before
		size, err := conn.Read(buf)
		if err != nil {
			if errors.Is(err, syscall.ECONNREFUSED) {
				time.Sleep(50 * time.Millisecond)
			}
			return false
		}
		answered = radius.IsAuthenticResponse(buf[:size], request, []byte(testbed.RadiusSecret))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = append(c.answers, time.Now())
	return true
}

// all sends a record of everybody, so many in a second.
func (c *cluster) all(status rfc2866.AcctStatusType) {
	var sent sync.WaitGroup
	for n := range c.bookings {
		sent.Go(func() { c.say(n, status) })
		time.Sleep(time.Second / time.Duration(*rate))
	}
	sent.Wait()
}

// stalls measures until it is over for how long this process stood still at the most: as
// long, at the least, may everything else on this machine have.
func stalls(over <-chan struct{}) (longest time.Duration) {
	const tick = 20 * time.Millisecond
	for last := time.Now(); ; {
		select {
		case <-over:
			return longest
		case <-time.After(tick):
		}
		longest, last = max(longest, time.Since(last)-tick), time.Now()
	}
}

// silence is the longest time without any answer.
func (c *cluster) silence() (longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 1; i < len(c.answers); i++ {
		longest = max(longest, c.answers[i].Sub(c.answers[i-1]))
	}
	return longest
}

// leader returns which of the members leads, -1 unless all of them answer and one does:
// then one may be killed, and there is a majority all the same.
func (c *cluster) leader(s *etcdstore.Store) (lead int) {
	lead = -1
	for i, m := range s.Ask(context.Background()) {
		switch {
		case m.Fault != "":
			return -1
		case m.Leader:
			lead = i
		}
	}
	return lead
}

// kill stops each daemon in turn, and kills, again and again until it is over, a daemon, a
// member that does not lead, the one that does, and a daemon with that one; each comes back
// after a moment. In the short form daemons are only stopped: a call that a kill cuts waits
// for its lease, which takes longer than that.
func (c *cluster) kill(s *etcdstore.Store, over <-chan struct{}) (kills int) {
	for round, stopped := 0, 0; ; round++ {
		select {
		case <-over:
			if stopped == len(c.daemons) {
				return kills
			}
		case <-time.After(min(2*time.Second, *lasts/4)):
		}
		lead := c.leader(s)
		if lead < 0 {
			round--
			continue
		}
		var victims []*process
		how := syscall.SIGKILL
		daemon := c.daemons[round/5%3]
		switch round % 5 {
		case 0, 2, 4:
			if how = syscall.SIGTERM; stopped < len(c.daemons) {
				victims = []*process{c.daemons[stopped]}
				stopped++
				break
			}
			how, victims = syscall.SIGKILL, []*process{c.members[lead], daemon}
		case 1:
			victims = []*process{c.members[lead]}
		case 3:
			victims = []*process{c.members[(lead+1)%3], daemon}
		}
		for _, p := range victims {
			isDaemon := slices.Contains(c.daemons, p)
			if isDaemon && *lasts < long && how == syscall.SIGKILL {
				continue
			}
			c.t.Logf("%s: %s", p.name, how)
			p.stop(how)
			if kills++; isDaemon && how == syscall.SIGKILL {
				c.mu.Lock()
				c.kills = append(c.kills, time.Now())
				c.mu.Unlock()
			}
		}
		time.Sleep(time.Second)
		for _, p := range victims {
			p.start()
		}
	}
}

// callTakes is for how long a call may be under way: the sandbox's delay, and what a loaded
// machine adds.
const callTakes = 3 * time.Second

// cut reports whether a daemon was killed while a call may have been under way that was
// answered, or would have been, at the given time.
func (c *cluster) cut(answered time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.kills, func(kill time.Time) bool {
		return kill.After(answered.Add(-callTakes)) && kill.Before(answered.Add(callTakes))
	})
}

// repeated says which calls were made again, and which of those without a kill that cut the
// one before.
func (c *cluster) repeated() (all int, uncut []string) {
	made := map[string][]sandbox.Call{}
	for _, call := range c.api.Journal() {
		if strings.HasSuffix(call.Path, "/check-in") || strings.HasSuffix(call.Path, "/check-out") {
			made[call.Path] = append(made[call.Path], call)
		}
	}
	for path, calls := range made {
		for i := 1; i < len(calls); i++ {
			all++
			if before := calls[i-1]; !c.cut(before.At) {
				uncut = append(uncut, fmt.Sprintf("%s at %s, %d, and again at %s, %d", path, before.At.Format("05.000"), before.Status, calls[i].At.Format("05.000"), calls[i].Status))
			}
		}
	}
	return all, uncut
}

// made counts what the calls made of everybody's bookings.
func (c *cluster) made(n int) (in, out int) {
	for _, call := range c.api.Effects(c.bookings[n]) {
		switch call.Effect {
		case sandbox.CheckedIn:
			in++
		case sandbox.CheckedOut:
			out++
		}
	}
	return in, out
}

// wait waits until it is so for everybody, for longer than a lease lasts, and returns of
// whom it is not.
func (c *cluster) wait(is func(in, out int) bool) (not []string) {
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		not = nil
		for n := range c.bookings {
			if in, out := c.made(n); !is(in, out) {
				not = append(not, fmt.Sprintf("%s: in %d times, out %d times", user(n), in, out))
			}
		}
		if len(not) == 0 || time.Now().After(deadline) {
			return not
		}
	}
}

// Three daemons on three members of etcd, of which one after the other is killed under
// load: whatever was acknowledged is there, everybody is checked in once and checked out
// once, and somebody always answers.
func TestNothingIsLostOrMadeTwiceWhileProcessesAreKilled(t *testing.T) {
	people := max(1, int(lasts.Seconds()*float64(*rate)))
	c := newCluster(t, people)
	s, err := etcdstore.OpenToRead(etcdstore.Config{Endpoints: c.endpoints, Prefix: "presenced/", Name: "verdict"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	testbed.Eventually(t, "a daemon answers", func() bool { c.say(0, rfc2866.AcctStatusType_Value_Start); return !t.Failed() })
	c.api.Fail(sandbox.Fault{Route: "GET /v1/public/bookings", Every: 6, Status: 503})
	c.api.Fail(sandbox.Fault{Route: "POST /v1/public/bookings/{id}/check-in", Delay: 300 * time.Millisecond})
	c.api.Fail(sandbox.Fault{Route: "POST /v1/public/bookings/{id}/check-out", Delay: 300 * time.Millisecond})
	c.mu.Lock()
	c.answers = nil
	c.mu.Unlock()

	over, kills := make(chan struct{}), atomic.Int64{}
	var stall time.Duration
	var killing sync.WaitGroup
	killing.Go(func() { stall = stalls(over) })
	killing.Go(func() { kills.Store(int64(c.kill(s, over))) })
	c.all(rfc2866.AcctStatusType_Value_Start)
	quiet := c.silence()
	for _, who := range c.wait(func(in, _ int) bool { return in > 0 }) {
		t.Errorf("not checked in: %s", who)
	}
	c.mu.Lock()
	c.answers = nil
	c.mu.Unlock()
	c.all(rfc2866.AcctStatusType_Value_Stop)
	close(over)
	killing.Wait()
	silence := max(quiet, c.silence())
	began := time.Now()
	left := c.wait(func(in, out int) bool { return in == 1 && out == 1 })
	t.Logf("%d people, %d kills, the longest silence %s, of this test itself %s; all was done %s later", people, kills.Load(), silence.Round(time.Millisecond), stall.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	for _, who := range left {
		t.Errorf("not in and out once: %s", who)
	}
	for _, offence := range c.api.Offences() {
		t.Error(offence)
	}
	again, uncut := c.repeated()
	t.Logf("%d calls were made again after a kill of a daemon had cut them", again-len(uncut))
	for _, call := range uncut {
		t.Errorf("nothing cut this call, and it was made again: %s", call)
	}
	if *lasts >= long && silence-stall > mostSilence { // the short form is run beside anything
		t.Errorf("nobody was answered for %s", silence)
	}
	for n := range c.bookings {
		p, err := s.Person(t.Context(), user(n))
		if err != nil {
			t.Fatal(err)
		}
		old, err := s.History(t.Context(), user(n), time.Time{}, time.Now().Add(time.Hour), 9)
		if err != nil {
			t.Fatal(err)
		}
		began, ended := false, false
		for _, f := range p.Facts {
			for _, m := range f.Marks {
				began, ended = began || m.Status == presence.Start, ended || m.Status == presence.Stop
			}
		}
		if visits := len(old) + len(p.Visits); visits != 1 || !began || !ended {
			t.Errorf("%s: %d visits, began %v, ended %v", user(n), visits, began, ended)
		}
	}
	if t.Failed() {
		for _, p := range append(c.daemons, c.members...) {
			text := p.log.String()
			t.Logf("%s said:\n%s", p.name, text[max(0, len(text)-3000):])
		}
	}
}
