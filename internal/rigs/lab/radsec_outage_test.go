package lab

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
)

// The disk cannot be written for twenty seconds: whom the controller behind
// radsecproxy tells of meanwhile it tells of again, as does who is connected
// without a proxy, and all that counts once.
func TestRecordingFailsOverTLS(t *testing.T) {
	t.Parallel()
	o, ap := behindRadsecproxy(t, ann, bob)
	phone := o.Station("02:00:00:00:00:02", bob)
	s := o.sender(o.radsec(), "ap2")

	mend := o.daemon.unwritable()
	began := time.Now()
	phone.Associate(ap)
	o.daemon.program.says("not recorded, and so not answered", 0)
	sent := 0
	// Kadence is asked for each of them, some in a second, before bob's turn.
	for tick := time.NewTicker(time.Second / 2); time.Since(began) < 20*time.Second; sent++ {
		s.send(guest(sent), device(sent))
		<-tick.C
	}
	if got := o.status(bob); got != sandbox.Booked {
		t.Errorf("bob's booking is %s, and nothing could be recorded", got)
	}
	if n := s.pending(); n != sent {
		t.Errorf("%d of %d were answered, and nothing could be recorded", sent-n, sent)
	}
	mend()
	o.Eventually("every request is answered", func() bool { return s.pending() == 0 })
	o.cameOnce(o.allSessions(), sent)
	o.becomes(bob, sandbox.CheckedIn)
	if got := o.sessions(bob); len(got) != 1 {
		t.Errorf("bob's sessions: %+v", got)
	}
	o.is(bob, sandbox.CheckedIn, 1)
	o.is(ann, sandbox.CheckedIn, 1)
}

// unwritable has every write of the daemon's to its disk fail, until the
// function that it returns is called.
func (d *Presenced) unwritable() (mend func()) {
	d.l.t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		d.l.t.Skipf("SKIPPED, no system call fails: %v", err)
	}
	pid := d.program.cmd.Process.Pid
	strace := d.l.start("strace", exec.Command("strace", "-f", "-qq", "-o", os.DevNull, "-p", strconv.Itoa(pid), "-e", "signal=none", "-e", "inject=pwrite64:error=EROFS"))
	d.l.Eventually("strace is attached", func() bool {
		if strace.ended() {
			d.l.t.Skip("SKIPPED, no system call fails: strace may not attach")
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return !strings.Contains(string(status), "TracerPid:\t0\n")
	})
	return func() { strace.end(syscall.SIGINT) }
}

// keepingPort starts the daemon with its port for accounting over TLS handed
// over, as systemd does: the port stays open while it restarts.
func (o *office) keepingPort() {
	o.t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(o.radsec()))
	o.must(err)
	socket, err := l.File()
	o.must(err)
	l.Close()
	o.daemon = o.presenced(o.config, socket)
}

// The daemon is restarted under 500 requests a second, three times, and keeps
// its port: each request is answered, before or after, and counts once. Who
// connects again at once has an answer within a second, or on a machine that starts a
// program more slowly no later than whoever starts it sees it there, after one restart of
// the three at least, unless the machine has too much else to do to tell.
func TestRestartUnderLoadOverTLS(t *testing.T) {
	t.Parallel()
	o := openBranch(t)
	o.keepingPort()
	s := o.sender(o.radsec(), "ap1")
	const rate, restarts = 500, 3
	restarted := make(chan struct{})
	var longest time.Duration
	go func() {
		defer close(restarted)
		for range restarts {
			time.Sleep(2 * time.Second)
			began := time.Now()
			o.daemon.Stop()
			o.daemon.Start()
			longest = max(longest, time.Since(began))
		}
	}()
	sent := 0
	for tick := time.NewTicker(time.Second / rate); ; sent++ {
		select {
		case <-tick.C:
			s.send(guest(sent), device(sent))
			continue
		case <-restarted:
		}
		break
	}
	o.Eventually("every request is answered", func() bool { return s.pending() == 0 })
	n, gaps := s.connections()
	t.Logf("%d requests; first answers %s after the connection was closed; restarts took up to %s", sent, gaps, longest)
	if n < 1+restarts || len(gaps) < restarts {
		t.Fatalf("it connected %d times, and %d times an answer was waited for", n, len(gaps))
	}
	if slices.Min(gaps) > max(time.Second, longest) && !busy() {
		t.Error("no first answer came within a second, nor by the end of the restart")
	}
	o.cameOnce(o.allSessions(), sent)
}

// busy reports whether for each core four threads and more want to run.
func busy() bool {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return false
	}
	var load float64
	fmt.Sscan(string(text), &load)
	return load > float64(4*runtime.NumCPU())
}

// The daemon is restarted while a NAS behind radsecproxy sends, and sends again
// what has no answer: radsecproxy forgets what is not answered for ten seconds,
// and takes up to thirty to connect again.
func TestRestartBehindRadsecproxy(t *testing.T) {
	t.Parallel()
	o := openBranch(t)
	o.keepingPort()
	proxy := o.RadsecProxy(o.radsec(), "ap1").Accounting()
	const rate, most = 50, 200
	answered := make(chan error, most)
	for i := range most {
		go func() {
			time.Sleep(time.Duration(i) * time.Second / rate)
			answered <- o.insist(proxy, guest(i), device(i))
		}()
	}
	time.Sleep(most * time.Second / rate / 2)
	o.daemon.Stop()
	o.daemon.Start()
	for range most {
		if err := <-answered; err != nil {
			t.Errorf("a request had no answer for %s: %v", insistence, err)
		}
	}
	o.cameOnce(o.allSessions(), most)
}

// allSessions are those that the daemon knows of, also those that ended.
func (o *office) allSessions() (all []session) {
	o.t.Helper()
	o.daemon.List(&all, "sessions", "--all")
	return all
}

// cameOnce checks that there is one session of each of so many guests.
func (o *office) cameOnce(all []session, guests int) {
	o.t.Helper()
	got := map[string]int{}
	for _, one := range all {
		got[one.User]++
	}
	for i := range guests {
		if n := got[guest(i)]; n != 1 {
			o.t.Errorf("%s has %d sessions", guest(i), n)
		}
	}
}

func guest(i int) string { return fmt.Sprintf("guest%04d@example.com", i) }

func device(i int) string { return fmt.Sprintf("02-00-00-01-%02X-%02X", i>>8, i&0xff) }
