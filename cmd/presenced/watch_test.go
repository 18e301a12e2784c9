package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/internal/terminal"
)

// leftScreen is written when a terminal is left as it was found.
const leftScreen = "\x1b[?25h\x1b[?1049l"

// watching is a `presenced watch` of its own.
type watching struct {
	cmd  *exec.Cmd
	text *testbed.LogText
}

func (b *bench) watch(args ...string) *watching {
	b.t.Helper()
	w := &watching{exec.Command("presenced", append([]string{"watch", "-c", b.file(), "--every", "20ms"}, args...)...), &testbed.LogText{}}
	w.cmd.Stdout, w.cmd.Stderr = w.text, w.text
	if err := w.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { w.cmd.Process.Kill() })
	return w
}

// shows waits until what was printed matches.
func (w *watching) shows(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(`(?m)` + pattern)
	testbed.Eventually(t, "watch shows "+pattern, func() bool { return re.MatchString(w.text.String()) })
}

// TestWatchTellsEveryChange: of people, of their bookings, of clients, and of
// the daemon, which may go and come back meanwhile.
func TestWatchTellsEveryChange(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{Linger: "300ms"})
	daemon := b.serve()
	wlc := b.controller()
	lines, objects := b.watch(), b.watch("--json")
	lines.shows(t, `^20\S+  daemon     runs, pid \d+: 0 here`)
	objects.shows(t, `"what":"daemon"`)
	phone := controller.Ann()
	if err := wlc.Start(t.Context(), phone, false); err != nil {
		t.Fatal(err)
	}
	lines.shows(t, `^20\S+  arrived    ann@example.com  is at london$`)
	lines.shows(t, `^20\S+  check-in   ann@example.com  checked in: booking 01`)
	lines.shows(t, `^20\S+  client     wlc is heard for the first time since the start$`)
	objects.shows(t, `^\{"at":"20[^"]+Z","what":"arrived","user":"ann@example.com","site":"london","visit":"\w+","text":"is at london"\}$`)
	if err := wlc.Stop(t.Context(), phone); err != nil {
		t.Fatal(err)
	}
	lines.shows(t, `^20\S+  left       ann@example.com  left london, last heard `)
	lines.shows(t, `^20\S+  check-out  ann@example.com  checked out: booking 01`) // though its visit is archived by then
	out, err := exec.Command("presenced", "retry", b.visits()[0].ID, "-c", b.file()).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "of ann@example.com is archived: there is nothing left to do") {
		t.Errorf("retry of an archived visit: %v\n%s", err, out)
	}
	if err := wlc.Start(t.Context(), &controller.Association{Identity: "anonymous@example.com", Device: "02:00:00:00:00:02", SSID: "Corp", AP: "lobby"}, false); err != nil {
		t.Fatal(err)
	}
	lines.shows(t, `^20\S+  unmatched  one more that led nowhere$`)
	if err := daemon.terminate(); err != nil {
		t.Fatal(err)
	}
	lines.shows(t, `^20\S+  daemon     does not answer: presenced is not running`)
	b.serve()
	lines.shows(t, `^20\S+  daemon     answers again$`)
	lines.shows(t, `^20\S+  daemon     was started anew, pid \d+$`)
	for _, w := range []*watching{lines, objects} {
		if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := w.cmd.Wait(); err != nil {
			t.Errorf("interrupted: %v", err)
		}
		if strings.Contains(w.text.String(), "\x1b") {
			t.Errorf("escapes where there is no terminal:\n%q", w.text)
		}
	}
}

// pseudoTerminal is a terminal whose other side is ours.
func pseudoTerminal(t *testing.T, width, height uint16) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals here: " + err.Error())
	}
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	resize(t, ours, width, height)
	theirs, err = os.OpenFile(filepath.Join("/dev/pts", strconv.Itoa(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs
}

func resize(t *testing.T, terminal *os.File, width, height uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}); err != nil {
		t.Fatal(err)
	}
}

// onTerminal runs the program on a terminal of its own.
func onTerminal(t *testing.T, width, height uint16, args ...string) (w *watching, ours, theirs *os.File) {
	t.Helper()
	ours, theirs = pseudoTerminal(t, width, height)
	w = &watching{exec.Command("presenced", args...), &testbed.LogText{}}
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = theirs, theirs, theirs
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	w.cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", "TZ=UTC")
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.cmd.Process.Kill() })
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := ours.Read(buf)
			if err != nil {
				return
			}
			w.text.Write(buf[:n])
		}
	}()
	return w, ours, theirs
}

// frames are the screens that were drawn, without what moves the cursor and colours.
func (w *watching) frames() []string {
	text := regexp.MustCompile(`\x1b\[\??[0-9;]*[KJlhm]|\r`).ReplaceAllString(w.text.String(), "")
	return strings.Split(text, "\x1b[H")[1:]
}

// TestWatchLeavesTheTerminalAsItWas: at q, when it is interrupted from the
// keyboard, and when it is ended by a signal; and it follows the terminal's size.
func TestWatchLeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	b.serve()
	wlc := b.controller()
	for name, end := range map[string]func(w *watching, ours *os.File) error{
		"q":       func(_ *watching, ours *os.File) error { _, err := ours.WriteString("q"); return err },
		"Ctrl-C":  func(_ *watching, ours *os.File) error { _, err := ours.WriteString("\x03"); return err },
		"SIGINT":  func(w *watching, _ *os.File) error { return w.cmd.Process.Signal(os.Interrupt) },
		"SIGTERM": func(w *watching, _ *os.File) error { return w.cmd.Process.Signal(syscall.SIGTERM) },
	} {
		ours, theirs := pseudoTerminal(t, 80, 24)
		before, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		ours.Close()
		theirs.Close()
		w, ours, theirs := onTerminal(t, 80, 24, "watch", "-c", b.file(), "--every", "20ms")
		w.shows(t, `presenced  \d here`)
		if err := wlc.Start(context.Background(), &controller.Association{Identity: name + "@example.com", Device: "02:00:00:00:00:0" + strconv.Itoa(len(name)), SSID: "Corp", AP: "lobby"}, false); err != nil {
			t.Fatal(err)
		}
		w.shows(t, `arrived\S*    `+strings.ToLower(name)+`@example.com  is at london`)
		raw, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if raw.Lflag == before.Lflag {
			t.Errorf("%s: keys wait for Enter", name)
		}
		seen := len(w.frames())
		resize(t, ours, 40, 10)
		testbed.Eventually(t, "the screen is drawn anew", func() bool { return len(w.frames()) > seen+3 })
		frames := w.frames()
		last := frames[len(frames)-2]
		if lines := strings.Split(last, "\n"); len(lines) > 10 {
			t.Errorf("%s: %d lines on a terminal of 10:\n%s", name, len(lines), last)
		}
		for line := range strings.Lines(last) {
			if n := terminal.Columns(strings.TrimSuffix(line, "\n")); n > 40 {
				t.Errorf("%s: %d columns on a terminal of 40: %q", name, n, line)
			}
		}
		if err := end(w, ours); err != nil {
			t.Fatal(err)
		}
		if err := w.cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, w.text)
		}
		w.shows(t, regexp.QuoteMeta(leftScreen)+`$`)
		after, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if *after != *before {
			t.Errorf("%s: the terminal is %+v, it was %+v", name, after, before)
		}
	}
}

// TestListingsFitTheTerminal: in colour there, unless NO_COLOR says otherwise.
func TestListingsFitTheTerminal(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{})
	b.serve()
	if err := b.controller().Start(t.Context(), controller.Ann(), false); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "ann is checked in", func() bool { return b.status() == "checkedIn" })
	escapes := regexp.MustCompile(`\x1b\[[0-9;]*m`)
	for _, width := range []uint16{80, 60} {
		for _, verb := range [][]string{{"people"}, {"sessions"}, {"visits"}, {"unmatched"}, {"status"}, {"show", "ann@example.com"}} {
			w, _, theirs := onTerminal(t, width, 24, append(verb, "-c", b.file())...)
			if err := w.cmd.Wait(); err != nil {
				t.Errorf("%v: %v\n%s", verb, err, w.text)
			}
			theirs.WriteString("END") // comes after all that the program wrote
			w.shows(t, "END$")
			text := strings.TrimSuffix(w.text.String(), "END")
			if verb[0] == "people" && !regexp.MustCompile(`ann@example.com +london +present +(now|\d+ s ago)`).MatchString(text) {
				t.Errorf("at %d:\n%s", width, text)
			}
			if !escapes.MatchString(text) && verb[0] != "unmatched" {
				t.Errorf("%v: no colour:\n%q", verb, text)
			}
			for line := range strings.Lines(escapes.ReplaceAllString(strings.ReplaceAll(text, "\r", ""), "")) {
				if n := terminal.Columns(strings.TrimSuffix(line, "\n")); n > int(width) && !strings.Contains(line, b.dir) { // a path is not broken
					t.Errorf("%v: a line of %d columns on a terminal of %d: %s", verb, n, width, line)
				}
			}
		}
	}
}

// TestWatchLeavesTheTerminalAfterAFault: what went wrong is to be read.
func TestWatchLeavesTheTerminalAfterAFault(t *testing.T) {
	ours, theirs := pseudoTerminal(t, 80, 24)
	shown := &testbed.LogText{}
	go io.Copy(shown, ours) // until the test ends
	p := &program{stdout: terminal.Out{Writer: theirs}}
	err := p.watchScreen(t.Context(), &watcher{every: time.Hour}) // without a daemon to ask
	if err == nil || !strings.Contains(err.Error(), "nil pointer") || !strings.Contains(err.Error(), "(*watcher).look") {
		t.Errorf("%v", err)
	}
	testbed.Eventually(t, "the terminal is left", func() bool { return strings.HasSuffix(shown.String(), leftScreen) })
}
