package radiusacct

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/presenced/presenced/presence"
)

// radclient sends a packet of kind to the office as FreeRADIUS' radclient does,
// which checks the answer, and returns what that printed.
func radclient(o *office, kind, attributes string) string {
	o.Helper()
	path, err := exec.LookPath("radclient")
	if err != nil {
		o.Skip("SKIPPED: radclient is missing: apt install freeradius-utils")
	}
	cmd := exec.Command(path, "-x", "-r", "2", "-t", "5", o.addr.String(), kind, secret)
	cmd.Stdin = strings.NewReader(attributes)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Received Accounting-Response") {
		o.Errorf("radclient: %v\n%s", err, out)
	}
	return string(out)
}

func TestRadclientIsContent(t *testing.T) {
	o := newOffice(t)
	for _, status := range []string{"Start", "Interim-Update", "Stop"} {
		radclient(o, "acct", "User-Name = ann\nAcct-Session-Id = 1\nCalling-Station-Id = 02-11-22-33-44-55\nProxy-State = 0x3634\nAcct-Status-Type = "+status+"\n")
	}
	radclient(o, "status", "Message-Authenticator = 0x00\n")
	var got []presence.Status
	for _, r := range o.recorder.records() {
		got = append(got, r.Status)
	}
	if len(got) != 3 || got[0] != presence.Start || got[1] != presence.Interim || got[2] != presence.Stop {
		t.Errorf("records: %v", got)
	}
}

// TestRadclientTakesTheSignature: ours, for a client that is to have one.
// radsecproxy, from 1.11.2 on, takes another; so none is sent unless asked for.
func TestRadclientTakesTheSignature(t *testing.T) {
	for mirror, signed := range map[Mirror]bool{"": false, MirrorAuto: true, MirrorAlways: true} {
		c := loopback
		c.MirrorMessageAuthenticator = mirror
		o := newOffice(t, c)
		_, answer, _ := strings.Cut(radclient(o, "acct", "User-Name = ann\nAcct-Session-Id = 1\nAcct-Status-Type = Start\nMessage-Authenticator = 0x00\n"), "Received ")
		if got := strings.Contains(answer, "Message-Authenticator"); got != signed {
			t.Errorf("mirror %q: the answer is signed: %v, want %v:\n%s", mirror, got, signed, answer)
		}
		radclient(o, "status", "Message-Authenticator = 0x00\n")
	}
}
