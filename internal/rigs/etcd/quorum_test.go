package etcd

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
)

// alive reports whether the daemon answers a Status-Server (RFC 5997).
func (c *cluster) alive(daemon int) bool {
	p := radius.New(radius.CodeStatusServer, []byte(testbed.RadiusSecret))
	if err := rfc2869.MessageAuthenticator_Set(p, make([]byte, 16)); err != nil {
		c.t.Error(err)
	}
	request, err := p.Encode()
	if err != nil {
		c.t.Error(err)
		return false
	}
	h := hmac.New(md5.New, []byte(testbed.RadiusSecret))
	h.Write(request)
	return c.ask(h.Sum(request[:len(request)-16]), daemon) // in the place of the last attribute
}

// Without a majority of the members a daemon answers no Status-Server, so that who asks turns
// to another server, and with one it does.
func TestStatusServerIsAnsweredOnlyWithAMajority(t *testing.T) {
	c := newCluster(t, 1)
	answered := func() bool { return c.alive(0) && c.alive(1) && c.alive(2) }
	testbed.Eventually(t, "each daemon answers", answered)
	for _, m := range c.members[1:] {
		m.stop(syscall.SIGKILL)
	}
	testbed.Eventually(t, "no daemon answers", func() bool { return !c.alive(0) && !c.alive(1) && !c.alive(2) })
	for until := time.Now().Add(3 * time.Second); time.Now().Before(until); time.Sleep(200 * time.Millisecond) {
		for i := range c.daemons {
			if c.alive(i) {
				t.Errorf("daemon %d answers without a majority", i)
			}
		}
	}
	for _, m := range c.members[1:] {
		m.start()
	}
	testbed.Eventually(t, "each daemon answers again", answered)
}

// without returns the flag by which a file of presence is built with other text in it.
func without(t *testing.T, file, text, other string) string {
	t.Helper()
	path, err := filepath.Abs("../../../presence/" + file)
	if err != nil {
		t.Fatal(err)
	}
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(was), text) != 1 {
		t.Fatalf("%s has not one %q", file, text)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, file), filepath.Join(dir, "overlay.json")
	testbed.Write(t, changed, strings.Replace(string(was), text, other, 1))
	is, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	testbed.Write(t, overlay, string(is))
	return "-overlay=" + overlay
}

// The rules of leases are what keeps a call from being made twice: daemons that are built
// without them make some again, which the verdict sees.
func TestWithoutTheRulesOfLeasesCallsAreMadeTwice(t *testing.T) {
	if *lasts < long {
		t.Skip("it is part of make chaos: presenced is built anew for it")
	}
	c := newCluster(t, 40, without(t, "courier.go", "return sharedLease, sharedTime", "return time.Millisecond, sharedTime"))
	testbed.Eventually(t, "a daemon answers", func() bool { c.say(0, rfc2866.AcctStatusType_Value_Start); return !t.Failed() })
	c.api.Fail(sandbox.Fault{Route: "POST /v1/public/bookings/{id}/check-in", Delay: 3 * time.Second}) // longer than others leave an errand alone
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go c.all(rfc2866.AcctStatusType_Value_Start)
	for {
		if _, uncut := c.repeated(); len(uncut) > 0 {
			t.Log(fmt.Sprint(len(uncut), " were made again: ", uncut[0]))
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal("no call was made twice")
		case <-time.After(200 * time.Millisecond):
		}
	}
}
