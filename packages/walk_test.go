package packages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/internal/rigs/lab"
)

// manager is what a machine installs packages with.
type manager struct {
	// offers prepares the machine, and returns a function that offers it the packages in a folder.
	offers                   func(*testing.T, *lab.Lab, *machine) func(dist string)
	install, upgrade, remove []string // what is typed
	purge                    []string // nil where there is no such thing
	keeps                    string   // what becomes of a configuration that was changed, on removal
	newer                    string   // where an upgrade puts the new reference configuration
}

// byFile offers the package's file, which the pattern matches, by a copy on the
// machine.
func byFile(pattern, to string) func(*testing.T, *lab.Lab, *machine) func(string) {
	return func(t *testing.T, _ *lab.Lab, m *machine) func(string) {
		return func(dist string) { m.put(one(t, dist, pattern), to) }
	}
}

// machines are RPM's names of architectures.
var machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// rpm is without dependencies, for its database knows nothing that Debian has
// installed; there it has to be forced, too.
var rpm = func() []string {
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return []string{"rpm", "--nodeps"}
	}
	return []string{"rpm", "--nodeps", "--force-debian"}
}()

var managers = map[string]manager{
	"dpkg": {
		offers:  byFile("*_"+runtime.GOARCH+".deb", "/tmp/presenced.deb"),
		install: slices.Concat(dpkg, []string{"--force-confold", "--install", "/tmp/presenced.deb"}),
		upgrade: slices.Concat(dpkg, []string{"--force-confold", "--install", "/tmp/presenced.deb"}),
		remove:  slices.Concat(dpkg, []string{"--remove", "presenced"}),
		purge:   slices.Concat(dpkg, []string{"--purge", "presenced"}),
		keeps:   "/etc/presenced/presenced.toml",
		newer:   "/etc/presenced/presenced.toml.dpkg-dist",
	},
	"rpm": {
		offers:  byFile("*."+machines[runtime.GOARCH]+".rpm", "/tmp/presenced.rpm"),
		install: slices.Concat(rpm, []string{"--upgrade", "/tmp/presenced.rpm"}),
		upgrade: slices.Concat(rpm, []string{"--upgrade", "/tmp/presenced.rpm"}),
		remove:  slices.Concat(rpm, []string{"--erase", "presenced"}),
		keeps:   "/etc/presenced/presenced.toml.rpmsave",
		newer:   "/etc/presenced/presenced.toml.rpmnew",
	},
}

// dpkg is without triggers: the index of manual pages can wait.
var dpkg = []string{"dpkg", "--no-triggers"}

// TestInstalledUpgradedRemoved goes an operator's way on a machine that systemd
// runs, with each manager: nothing starts before it is configured, an upgrade
// under load loses no packet and no setting, removal keeps what was recorded,
// and a purge leaves nothing.
func TestInstalledUpgradedRemoved(t *testing.T) {
	for name, with := range managers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("SKIPPED, the packages are not installed: %v", err)
			}
			was, is := folder(t, first), folder(t, newer)
			l := lab.New(t)
			m := &machine{t: t, Systemd: l.BareSystemd()}
			offer := with.offers(t, l, m)
			offer(was)

			said := m.must(with.install...)
			if !strings.Contains(said, "waits to be configured") {
				t.Errorf("installing does not say what comes next:\n%s", said)
			}
			m.units("inactive", "disabled")
			m.mode("/etc/presenced/presenced.toml", "640 root:presenced")
			m.mode("/etc/presenced/secrets", "700 root:root")
			m.mode("/usr/bin/presenced", "755 root:root")
			m.mode("/var/lib/presenced", "700 presenced:presenced")
			if v := m.must("presenced", "version"); !strings.HasPrefix(v, "presenced 1.0.0 ") {
				t.Errorf("version: %s", v)
			}
			m.must("systemd-analyze", "verify", "--man=no", "presenced.service", "presenced.socket")

			config := config(l)
			m.edit("/etc/presenced/presenced.toml", config)

			// Started too early, the service fails, and the port stays open: what arrives waits for the missing secret.
			if said, err := m.Systemctl("enable", "--now", "presenced.socket", "presenced.service"); err == nil {
				t.Errorf("it starts without a secret that its configuration names: %s", said)
			}
			early := make(chan error, 1)
			go func() { early <- ask(m.Addr(), "early", 0) }()
			m.edit("/etc/presenced/secrets/hq-wlc", lab.Secret+"\n")
			m.must("presenced", "check", "--online")
			// The packet may have begun an attempt before the secret was there, and whoever joins that is told of its end.
			l.Eventually("what waits starts it, now that it has its secret", func() bool {
				is, _ := m.Systemctl("is-active", "presenced.service")
				return is == "active"
			})
			m.must("systemctl", "enable", "--now", "presenced.socket", "presenced.service")
			m.units("active", "enabled")
			if err := errors.Join(<-early, ask(m.Addr(), "ann", 1)); err != nil {
				t.Fatal(err)
			}
			m.mode("/var/lib/presenced/presenced.db", "600 presenced:presenced")
			opened := m.must("systemctl", "show", "-P", "InvocationID", "presenced.socket")

			offer(is)
			end := m.load()
			m.must(with.upgrade...)
			sent, lost := end()
			t.Logf("%d requests during the upgrade, %d lost", sent, lost)
			if lost != 0 {
				t.Errorf("%d of %d requests, sent once, were not answered", lost, sent)
			}
			if m.must("systemctl", "show", "-P", "InvocationID", "presenced.socket") != opened {
				t.Error("the socket was closed by the upgrade")
			}
			m.units("active", "enabled")
			pid := m.must("systemctl", "show", "-P", "MainPID", "presenced.service")
			if v := m.must("/proc/"+pid+"/exe", "version"); !strings.HasPrefix(v, "presenced 1.0.1 ") {
				t.Errorf("after the upgrade there runs %s", v)
			}
			if now := m.must("cat", "/etc/presenced/presenced.toml"); now != strings.TrimSpace(config) {
				t.Errorf("the upgrade changed the configuration to:\n%s", now)
			}
			m.mode("/etc/presenced/presenced.toml", "640 root:presenced")
			if reference := m.must("cat", with.newer); !strings.HasSuffix(reference, "# A newer line.") {
				t.Errorf("the newer reference is not in %s", with.newer)
			}
			var people []struct{ User string }
			if err := json.Unmarshal([]byte(m.must("presenced", "people", "--json")), &people); err != nil {
				t.Fatal(err)
			}
			if len(people) != 2+sent {
				t.Errorf("%d people are here, want the two from before the upgrade and the %d that arrived meanwhile", len(people), sent)
			}

			m.must(with.remove...)
			m.units("inactive", "")
			if err := ask(m.Addr(), "nobody", 1); err == nil {
				t.Error("what was removed still answers")
			}
			m.must("test", "-e", with.keeps)
			m.must("test", "-e", "/var/lib/presenced/presenced.db")
			m.must("test", "!", "-e", "/usr/bin/presenced")
			if with.purge != nil {
				m.must(with.purge...)
				m.must("sh", "-c", "! find /etc /var/lib /usr/bin /usr/lib/systemd -path '*presenced*' | grep -v ^/var/lib/dpkg/")
			}

			// As in a container or an installer: systemd is there, but does not run.
			image := []string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs none /run && "$@"`, "sh"}
			m.must(slices.Concat(image, with.install)...)
			m.must(slices.Concat(image, with.remove)...)
		})
	}
}

// config returns a configuration with the test as the only client.
func config(l *lab.Lab) string {
	return fmt.Sprintf(`
[[radius.client]]
name        = "hq-wlc"
address     = "%s"
secret_file = "${CREDENTIALS_DIRECTORY}/hq-wlc"
site        = "hq"

[[site]]
name      = "hq"
building  = "HQ"
time_zone = "UTC"

[identity]
domain = "example.com"
`, l.Addr())
}

// machine is one to install packages on.
type machine struct {
	*lab.Systemd
	t *testing.T
}

// must runs a program and returns what it prints.
func (m *machine) must(args ...string) string {
	m.t.Helper()
	out, err := m.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// put copies a file onto the machine.
func (m *machine) put(from, to string) {
	m.t.Helper()
	text, err := os.Open(from)
	if err != nil {
		m.t.Fatal(err)
	}
	defer text.Close()
	m.write(to, text)
}

// edit writes a file as an editor does, which keeps its mode.
func (m *machine) edit(path, text string) {
	m.t.Helper()
	m.write(path, strings.NewReader(text))
}

func (m *machine) write(path string, text io.Reader) {
	m.t.Helper()
	cmd := m.Command("sh", "-c", `umask 077 && cat >"$1"`, "sh", path)
	cmd.Stdin = text
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("write %s: %v\n%s", path, err, out)
	}
}

func (m *machine) mode(path, want string) {
	m.t.Helper()
	if is := m.must("stat", "-c", "%a %U:%G", path); is != want {
		m.t.Errorf("%s is %s, want %s", path, is, want)
	}
}

// units checks both units.
func (m *machine) units(active, enabled string) {
	m.t.Helper()
	for _, unit := range []string{"presenced.socket", "presenced.service"} {
		if is, _ := m.Systemctl("is-active", unit); is != active {
			m.t.Errorf("%s is %s, want %s", unit, is, active)
		}
		if is, _ := m.Systemctl("is-enabled", unit); enabled != "" && is != enabled {
			m.t.Errorf("%s is %s, want %s", unit, is, enabled)
		}
	}
}

// ask sends the Start of a user's device to a server once, never again, and
// waits for the answer.
func ask(server netip.Addr, user string, device int) error {
	p := radius.New(radius.CodeAccountingRequest, []byte(lab.Secret))
	rfc2866.AcctStatusType_Set(p, rfc2866.AcctStatusType_Value_Start)
	rfc2866.AcctSessionID_SetString(p, fmt.Sprint(device))
	rfc2865.UserName_SetString(p, user)
	rfc2865.NASIdentifier_SetString(p, "wlc-1")
	rfc2865.NASPortType_Set(p, rfc2865.NASPortType_Value_Wireless80211)
	rfc2865.CalledStationID_SetString(p, "02-00-5E-00-00-01:Corp")
	rfc2865.CallingStationID_SetString(p, fmt.Sprintf("02-00-00-00-%02X-%02X", device/256, device%256))
	wait := lab.Patience
	if user == "nobody" { // is answered
		wait = 200 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	_, err := (&radius.Client{MaxPacketErrors: 100}).Exchange(ctx, p, server.String()+":1813")
	return err
}

// load sends a Start of somebody new every few milliseconds, until it is told
// to end; it returns how many it sent and how many were never answered.
func (m *machine) load() (end func() (sent, lost int)) {
	stop, done := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var under sync.WaitGroup
	var sent, lost int
	go func() {
		defer close(done)
		for tick := time.Tick(10 * time.Millisecond); ; <-tick {
			select {
			case <-stop:
				return
			default:
			}
			sent++
			device := sent + 1
			under.Go(func() {
				if err := ask(m.Addr(), fmt.Sprintf("user%d", device), device); err != nil {
					mu.Lock()
					lost++
					mu.Unlock()
				}
			})
		}
	}()
	return func() (int, int) {
		close(stop)
		<-done
		under.Wait()
		return sent, lost
	}
}
