package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/presence"
)

// on mounts a file system of its own on the bench's folder, by mount.
func (b *bench) on(mount func() error) {
	b.t.Helper()
	texts := map[string]string{}
	for _, file := range []string{b.file(), filepath.Join(b.dir, "opt-out.txt")} {
		texts[file] = testbed.Read(b.t, file)
	}
	if err := mount(); err != nil {
		b.t.Skipf("SKIPPED, no disk fails: %v", err)
	}
	b.t.Cleanup(func() { syscall.Unmount(b.dir, syscall.MNT_DETACH) })
	for file, text := range texts {
		testbed.Write(b.t, file, text)
	}
}

// senders report the arrivals of one person after the other until they are
// told to end, and remember whose was acknowledged.
type senders struct {
	*bench
	mu    sync.Mutex
	acked []string
	end   context.CancelFunc
	wait  sync.WaitGroup
}

func (b *bench) send(controllers int) *senders {
	b.t.Helper()
	s := &senders{bench: b}
	ctx, end := context.WithCancel(b.t.Context())
	s.end = end
	for i := range controllers {
		wlc := b.controller()
		s.wait.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				a := &controller.Association{
					Identity: fmt.Sprintf("user%d-%d@example.com", i, n), Device: fmt.Sprintf("02:00:00:%02x:%02x:%02x", i, n>>8&255, n&255),
					SSID: "Corp", AP: "lobby",
				}
				// What is under way is seen to its end: it is to be answered when the fault is over.
				if err := wlc.Start(b.t.Context(), a, false); err != nil {
					b.t.Error(err)
					return
				}
				s.mu.Lock()
				s.acked = append(s.acked, a.Identity)
				s.mu.Unlock()
			}
		})
	}
	return s
}

func (s *senders) acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acked)
}

// progress waits until some more are acknowledged.
func (s *senders) progress() {
	s.t.Helper()
	before := s.acknowledged()
	testbed.Eventually(s.t, "records are acknowledged", func() bool { return s.acknowledged() > before+20 })
}

// stop lets the requests that are under way end, sends no more, and waits.
func (s *senders) stop() {
	s.end()
	s.wait.Wait()
}

// there checks that everybody who was acknowledged is there.
func (s *senders) there() {
	s.t.Helper()
	there := map[string]bool{}
	for row, err := range s.daemon().Sessions(s.t.Context(), control.SessionQuery{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		there[row.User] = true
	}
	for _, user := range s.acked {
		if !there[user] {
			s.t.Errorf("%s was acknowledged and is lost", user)
		}
	}
	s.t.Logf("%d acknowledged, %d there", len(s.acked), len(there))
}

// health returns what /healthz says, and whether all is well.
func (b *bench) health(url string) (well bool, text string) {
	b.t.Helper()
	answer, err := http.Get(url + "healthz")
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.StatusCode == http.StatusOK, string(body)
}

// unwell waits until the daemon says that it does not record, and why, to
// probes and to whoever asks for its status.
func (b *bench) unwell(url, cause string) {
	b.t.Helper()
	testbed.Eventually(b.t, "health is red", func() bool {
		well, text := b.health(url)
		return !well && strings.HasPrefix(text, "recording fails, nothing is answered: ") && strings.Contains(text, cause)
	})
	var said string
	testbed.Eventually(b.t, "presenced status says why", func() bool { // with little space left a small write may do in between
		status := exec.Command("presenced", "status", "-c", b.file())
		out, _ := status.CombinedOutput()
		said = string(out)
		return status.ProcessState.ExitCode() == failed && strings.Contains(said, "not ready") && strings.Contains(said, cause)
	})
	if !strings.Contains(said, "nothing is answered: ") {
		b.t.Error(said)
	}
	testbed.Eventually(b.t, "presenced status --quiet tells it apart", func() bool {
		return exec.Command("presenced", "status", "--quiet", "-c", b.file()).Run() != nil
	})
}

// failed waits until it is told as an event that nothing was recorded, why, and that it
// is over.
func (b *bench) failed(cause string) {
	b.t.Helper()
	testbed.Eventually(b.t, "it is told that recording failed", func() bool {
		found := false
		for e, err := range b.daemon().Events(b.t.Context(), time.Time{}) {
			if err != nil || e.Lasts {
				return false
			}
			found = found || e.Kind == presence.EventNotRecording && e.End.After(e.Begin.Time) && strings.Contains(e.Text, cause)
		}
		return found
	})
}

// unanswered checks that a record is not acknowledged.
func (b *bench) unanswered() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
	defer cancel()
	a := &controller.Association{Identity: "eve@example.com", Device: "02:00:00:ff:ff:ff", SSID: "Corp", AP: "lobby"}
	if err := b.controller().Start(ctx, a, false); !errors.Is(err, context.DeadlineExceeded) {
		b.t.Errorf("answered while nothing is recorded: %v", err)
	}
}

// inject has the process's system calls fail as strace's inject= says, until
// the returned function is called.
func inject(t *testing.T, pid int, faults ...string) (mend func()) {
	t.Helper()
	args := []string{"-f", "-qq", "-o", os.DevNull, "-p", strconv.Itoa(pid), "-e", "signal=none"}
	for _, f := range faults {
		args = append(args, "-e", "inject="+f)
	}
	strace := exec.Command("strace", args...)
	strace.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := strace.Start(); err != nil {
		t.Skipf("SKIPPED, no system call fails: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		strace.Wait()
		close(ended)
	}()
	testbed.Eventually(t, "strace is attached", func() bool {
		select {
		case <-ended:
			t.Skip("SKIPPED, no system call fails: strace may not attach")
		default:
		}
		return !strings.Contains(testbed.Read(t, fmt.Sprintf("/proc/%d/status", pid)), "TracerPid:\t0\n")
	})
	return func() {
		strace.Process.Signal(syscall.SIGINT)
		<-ended
	}
}

// TestWhileTheDiskFailsNothingIsAnswered: the disk of a daemon under load fills
// up, refuses to be written, and fails: nothing is answered while nothing is
// recorded, it says so and why, and once the disk is well again it goes on by
// itself, with all that it ever acknowledged.
func TestWhileTheDiskFailsNothingIsAnswered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, cause string
		sure        bool // that nothing at all can be recorded
		fail        func(b *bench, p *process) (mend func())
	}{
		{"full", "no space left on device", false, func(b *bench, p *process) func() {
			filler := filepath.Join(b.dir, "filler")
			if err := os.WriteFile(filler, make([]byte, 64<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
				b.t.Fatalf("the disk is not full: %v", err)
			}
			return func() {
				if err := os.Remove(filler); err != nil {
					b.t.Fatal(err)
				}
			}
		}},
		{"not to be written", "read-only file system", true, func(b *bench, p *process) func() {
			return inject(b.t, p.cmd.Process.Pid, "pwrite64:error=EROFS")
		}},
		{"sync fails", "input/output error", true, func(b *bench, p *process) func() {
			return inject(b.t, p.cmd.Process.Pid, "fdatasync:error=EIO")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, testbed.Settings{HTTP: "127.0.0.1:0"})
			b.on(func() error { return syscall.Mount("tmpfs", b.dir, "tmpfs", 0, "size=12m") })
			p := b.serve()
			status, err := b.daemon().Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s := b.send(4)
			s.progress()
			mend := c.fail(b, p)
			b.unwell(status.HTTP, c.cause)
			if c.sure {
				b.unanswered()
			}
			mend()
			s.progress()
			testbed.Eventually(t, "health is green", func() bool { well, _ := b.health(status.HTTP); return well })
			s.stop()
			s.there()
			b.failed(c.cause)
			p.kill()
			b.serve()
			s.there()
			b.failed(c.cause)
		})
	}
}

// TestAFileSystemThatTurnsReadOnly is what becomes of a disk with errors: the
// kernel refuses all writes until it is mounted anew. The daemon says so, ends
// when it is asked to, and has everything when it comes back.
func TestAFileSystemThatTurnsReadOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, testbed.Settings{HTTP: "127.0.0.1:0"})
	image := filepath.Join(t.TempDir(), "disk")
	run := func(name string, args ...string) error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		return nil
	}
	mount := func() error { return run("mount", "-o", "loop", image, b.dir) }
	b.on(func() error {
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(image, 32<<20); err != nil {
			return err
		}
		if err := run("/sbin/mkfs.ext4", "-q", image); err != nil {
			return err
		}
		return mount()
	})
	p := b.serve()
	status, err := b.daemon().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := b.send(4)
	s.progress()
	if err := run("sync", "-f", b.file()); err != nil { // not for the store, but for the configuration
		t.Fatal(err)
	}
	if err := run("mount", "-o", "remount,abort", b.dir); err != nil {
		t.Skipf("SKIPPED, no file system turns read-only: %v", err)
	}
	b.unwell(status.HTTP, "read-only file system")
	b.unanswered()
	if err := p.terminate(); err == nil {
		t.Error("what was not recorded is no error at the end")
	}
	if err := run("umount", b.dir); err != nil {
		t.Fatal(err)
	}
	if err := mount(); err != nil {
		t.Fatal(err)
	}
	b.serve()
	s.progress()
	s.stop()
	s.there()
}
