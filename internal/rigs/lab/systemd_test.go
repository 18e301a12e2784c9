package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
)

// TestPortStaysOpenUnderSystemd runs the shipped units as they are: hardened,
// with secrets from credentials, the socket handed over. Neither a crash nor a
// wrong configuration closes the port.
func TestPortStaysOpenUnderSystemd(t *testing.T) {
	t.Parallel()
	o := openOffice(t, ann)
	m, config := o.underSystemd(nil)
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
	m.File("/etc/presenced/presenced.toml", config+"\n[radios]\n")
	if said, err := m.Systemctl("reload", "presenced.service"); err == nil {
		t.Errorf("a wrong configuration is reloaded: %s", said)
	}
	if said := m.must("show", "--property=StatusText", "--value", "presenced.service"); !strings.Contains(said, "the configuration file is no good") {
		t.Errorf("systemd is told %q", said)
	}
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

// underSystemd moves the office's presenced to a machine that systemd runs, with
// the shipped units, and returns the configuration as it is there.
func (o *office) underSystemd(more map[string]string) (m *Systemd, config string) {
	o.t.Helper()
	config = strings.NewReplacer(
		fmt.Sprintf("secret  = %q", Secret), `secret_file = "${CREDENTIALS_DIRECTORY}/hq-wlc"`,
		`client_secret = "lab's secret"`, `client_secret_file = "${CREDENTIALS_DIRECTORY}/kadence"`,
		o.dir+"/presenced.db", "/var/lib/presenced/presenced.db",
		o.dir+"/presenced.sock", "/run/presenced/presenced.sock",
		o.tls("radsec.key"), "${CREDENTIALS_DIRECTORY}/radsec-key",
		o.tls(), "/etc/presenced/tls",
	).Replace(o.config)
	files := map[string]string{
		"/etc/presenced/presenced.toml":  config,
		"/etc/presenced/secrets/hq-wlc":  Secret + "\n",
		"/etc/presenced/secrets/kadence": "lab's secret\n",
	}
	maps.Copy(files, more)
	m = o.Systemd("../../../systemd", files)
	o.t.Cleanup(func() {
		if o.t.Failed() {
			log, _ := os.ReadFile(fmt.Sprintf("/proc/%d/root/run/presenced.log", m.pid))
			status, _ := m.Systemctl("status", "--no-pager", "presenced.service", "presenced.socket", "presenced-radsec.socket")
			o.t.Logf("----- presenced under systemd said:\n%s\n%s", log, status)
		}
	})
	o.at = m.addr
	return m, config
}

// TestTLSPortStaysOpenUnderSystemd: a client over TLS is never refused and loses
// nothing, while the service is restarted and while it is killed.
func TestTLSPortStaysOpenUnderSystemd(t *testing.T) {
	t.Parallel()
	o := openBranch(t)
	text := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(o.tls(name))
		o.must(err)
		return string(text)
	}
	m, _ := o.underSystemd(map[string]string{
		"/etc/presenced/tls/ca.pem":                           text("ca.pem"),
		"/etc/presenced/tls/radsec.pem":                       text("radsec.pem"),
		"/etc/presenced/secrets/radsec-key":                   text("radsec.key"),
		"/etc/systemd/system/presenced.service.d/radsec.conf": "[Service]\nLoadCredential=radsec-key:/etc/presenced/secrets/radsec-key\n",
	})
	m.must("stop", "presenced.socket", "presenced.service")
	m.must("start", "presenced-radsec.socket", "presenced.socket", "presenced.service")
	s := o.sender(o.radsec(), "ap1")
	sent := 0
	send := func() {
		s.send(guest(sent), device(sent))
		sent++
	}
	send()
	o.Eventually("the first is answered", func() bool { return s.pending() == 0 })
	for _, order := range [][]string{{"restart", "presenced.service"}, {"kill", "--signal=KILL", "presenced.service"}} {
		ordered, done := context.WithCancel(t.Context())
		go func() {
			defer done()
			m.must(order...)
		}()
		for tick := time.NewTicker(10 * time.Millisecond); ordered.Err() == nil; <-tick.C {
			send()
		}
		send() // after the order, whatever else came
		o.Eventually("every request is answered", func() bool { return s.pending() == 0 })
	}
	s.mu.Lock()
	if s.connected < 3 || s.refused != 0 {
		t.Errorf("it connected %d times, and was refused %d times", s.connected, s.refused)
	}
	s.mu.Unlock()
	out, err := m.Command("presenced", "sessions", "--all", "--json").Output()
	o.must(err)
	var all []session
	o.must(json.Unmarshal(out, &all))
	o.cameOnce(all, sent)
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

// TestASecondControllerInOneStep: the unit loads the folder of secrets, so that another
// client is one command, which loses no packet of the first. What a member of the group
// may see of the configuration is checked without the secrets.
func TestASecondControllerInOneStep(t *testing.T) {
	t.Parallel()
	o := openOffice(t, ann)
	m, _ := o.underSystemd(nil)
	o.radclient("Start", ann)
	o.becomes(ann, sandbox.CheckedIn)

	said, done := make(chan string), t.Context()
	go func() {
		out, err := m.Command("presenced", "client", "add", "second", "192.0.2.7", "--vendor", "hostapd").CombinedOutput()
		said <- fmt.Sprint(string(out), err)
	}()
	var told string
	for sent := 0; told == ""; sent++ {
		if out, err := o.ask("Interim-Update", ann, 10); err != nil {
			t.Errorf("request %d got no answer: %s", sent, out)
		}
		select {
		case told = <-said:
		case <-done.Done():
			t.Fatal("it does not end")
		default:
		}
	}
	if !strings.Contains(told, "what came meanwhile waited in presenced.socket") || !strings.HasSuffix(told, "<nil>") {
		t.Errorf("it said\n%s", told)
	}
	out, err := m.Command("presenced", "status").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "second") {
		t.Errorf("status: %v\n%s", err, out)
	}
	credentials, err := m.Command("ls", "/run/credentials/presenced.service").CombinedOutput()
	if got := strings.Join(strings.Fields(string(credentials)), " "); err != nil || got != "secrets_hq-wlc secrets_kadence secrets_second" {
		t.Errorf("the service has the credentials %s (%v)", got, err)
	}

	member := []string{"--reuid=65534", "--regid=presenced", "--clear-groups", "presenced"}
	out, err = m.Command("setpriv", append(member, "check")...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "3 secrets not looked at") || !strings.Contains(string(out), "client second") {
		t.Errorf("check, as a member of the group: %v\n%s", err, out)
	}
	out, err = m.Command("setpriv", append(member, "reload", "--dry")...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "nothing changes") {
		t.Errorf("reload --dry, as a member of the group: %v\n%s", err, out)
	}
	out, err = m.Command("setpriv", append(member, "check", "--online")...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "run this as root") {
		t.Errorf("check --online, as a member of the group: %v\n%s", err, out)
	}
	if out, err := m.Command("presenced", "check").CombinedOutput(); err != nil || !strings.Contains(string(out), "presenced.toml  good") {
		t.Errorf("check, as root: %v\n%s", err, out)
	}
}
