package lab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Patience is how long the lab waits for anything that ought to happen before
// it calls the test failed. Nothing waits that long when all is well.
const Patience = 45 * time.Second

// Secret is the shared secret between all RADIUS peers of a lab.
const Secret = "a secret of the lab"

// Lab is one management network, on which controllers, RADIUS servers and
// presenced meet. The test itself has an address on it; all else lives in a
// network namespace of its own. Labs do not see each other, so that tests can
// run at the same time.
type Lab struct {
	t      testing.TB
	dir    string // configuration, logs, sockets; short, for sockets' names
	subnet int    // 10.subnet.0.0/24
	bridge string

	mu    sync.Mutex
	hosts int

	auth    *Authenticator
	replies string // what it adds to its Access-Accepts
}

var labs atomic.Int32

// New makes a lab that lasts as long as the test, or skips the test, saying
// what is missing. Its TestMain must end in [Main].
func New(t testing.TB) *Lab {
	t.Helper()
	if missing != "" {
		t.Skipf("SKIPPED, no real controller test: there is no %s", missing)
	}
	n := int(labs.Add(1))
	l := &Lab{t: t, subnet: n, bridge: fmt.Sprintf("lab%d", n), dir: fmt.Sprintf("/run/lab%d", n)}
	l.must(os.Mkdir(l.dir, 0o755))
	l.ip("link add %s type bridge stp_state 0 forward_delay 0 mcast_snooping 0", l.bridge)
	l.ip("addr add %s/24 dev %s", l.Addr(), l.bridge)
	l.ip("link set %s up", l.bridge)
	return l
}

// Addr is the test's own address, and that of all that runs beside it:
// presenced, the sandbox and the authentication server.
func (l *Lab) Addr() netip.Addr { return l.addr(1) }

func (l *Lab) addr(host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(l.subnet), 0, byte(host)})
}

// host is a machine of its own: a network namespace with one address on the
// management network. The zero name is the test's own.
type host struct {
	name string
	addr netip.Addr
}

// newHost plugs a machine into the management network.
func (l *Lab) newHost() host {
	l.t.Helper()
	l.mu.Lock()
	l.hosts++
	h := host{name: fmt.Sprintf("%s-%d", l.bridge, l.hosts), addr: l.addr(10 + l.hosts)}
	l.mu.Unlock()
	l.ip("netns add %s", h.name)
	l.ip("-n %s link set lo up", h.name)
	l.ip("link add %s type veth peer name eth0 netns %s", h.name, h.name)
	l.ip("link set %s master %s up", h.name, l.bridge)
	l.ip("-n %s addr add %s/24 dev eth0", h.name, h.addr)
	l.ip("-n %s link set eth0 up", h.name)
	return h
}

// Network plugs in a machine that the test runs itself, and returns the name of
// its network namespace and its address.
func (l *Lab) Network() (namespace string, addr netip.Addr) {
	l.t.Helper()
	h := l.newHost()
	return h.name, h.addr
}

// command prepares a program to run on the machine.
func (h host) command(name string, args ...string) *exec.Cmd {
	if h.name == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + h.name, "--", name}, args...)...)
}

// file writes a file into the lab's directory and returns its path.
func (l *Lab) file(name, text string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	l.must(os.MkdirAll(filepath.Dir(path), 0o755))
	l.must(os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (l *Lab) ip(format string, args ...any) {
	l.t.Helper()
	l.must(ip(format, args...))
}

// run runs a program to its end.
func (l *Lab) run(name string, args ...string) {
	l.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		l.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

func (l *Lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// Eventually waits until it holds, looking again every few milliseconds.
func (l *Lab) Eventually(what string, holds func() bool) {
	l.t.Helper()
	for end := time.Now().Add(Patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("it did not come to pass in %v: %s", Patience, what)
		}
	}
}
