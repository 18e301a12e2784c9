package lab

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/presenced/presenced/kadence/sandbox"
)

// TestPortStaysOpenUnderSystemd runs the shipped units as they are: hardened,
// with secrets from credentials, the socket handed over. Neither a crash nor a
// wrong configuration closes the port.
func TestPortStaysOpenUnderSystemd(t *testing.T) {
	t.Parallel()
	o := openOffice(t, ann)
	config := strings.NewReplacer(
		fmt.Sprintf("secret  = %q", Secret), `secret_file = "${CREDENTIALS_DIRECTORY}/hq-wlc"`,
		`client_secret = "lab's secret"`, `client_secret_file = "${CREDENTIALS_DIRECTORY}/kadence"`,
		o.dir+"/presenced.db", "/var/lib/presenced/presenced.db",
		o.dir+"/presenced.sock", "/run/presenced/presenced.sock",
	).Replace(o.config)
	m := o.Systemd("../../systemd", map[string]string{
		"/etc/presenced/presenced.toml":  config,
		"/etc/presenced/secrets/hq-wlc":  Secret + "\n",
		"/etc/presenced/secrets/kadence": "lab's secret\n",
	})
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(fmt.Sprintf("/proc/%d/root/run/presenced.log", m.pid))
			status, _ := m.Systemctl("status", "--no-pager", "presenced.service", "presenced.socket")
			t.Logf("----- presenced under systemd said:\n%s\n%s", log, status)
		}
	})
	o.at = m.addr
	o.radclient("Start", ann) // the socket is open, the packet starts the service
	o.becomes(ann, sandbox.CheckedIn)

	m.must("kill", "--signal=KILL", "presenced.service")
	o.radclient("Interim-Update", ann)
	if n := m.must("show", "--property=NRestarts", "--value", "presenced.service"); n != "1" {
		t.Errorf("the service was restarted %s times, want once", n)
	}

	// As the watchdog does, and a panic: Go would end with status 2.
	m.must("kill", "--signal=ABRT", "presenced.service")
	o.Eventually("the service is restarted after it was aborted", func() bool {
		return m.must("show", "--property=NRestarts", "--value", "presenced.service") == "2"
	})
	o.radclient("Interim-Update", ann)

	m.must("reload", "presenced.service")
	m.File("/etc/presenced/presenced.toml", "[radios]\n")
	if said, err := m.Systemctl("restart", "presenced.service"); err == nil {
		t.Errorf("a wrong configuration starts: %s", said)
	}
	if status := m.must("show", "--property=ExecMainStatus", "--value", "presenced.service"); status != "2" {
		t.Errorf("a wrong configuration ends with status %s, want 2", status)
	}
	if said, err := o.ask("Stop", ann, 1); err == nil { // tries to start the service
		t.Errorf("somebody answers: %s", said)
	}
	m.File("/etc/presenced/presenced.toml", config)
	o.radclient("Stop", ann)
	o.becomes(ann, sandbox.CheckedOut)
	o.is(ann, sandbox.CheckedOut, 2)
	for unit, want := range map[string]string{"presenced.socket": "active", "presenced.service": "active"} {
		if is, _ := m.Systemctl("is-active", unit); is != want {
			t.Errorf("%s is %s, want %s", unit, is, want)
		}
	}
}

// must gives systemd a command that has to succeed.
func (m *Systemd) must(args ...string) string {
	m.l.t.Helper()
	out, err := m.Systemctl(args...)
	if err != nil {
		m.l.t.Fatalf("systemctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}
