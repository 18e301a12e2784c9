package control

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNoDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "presenced.sock")
	if _, err := Dial(socket).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(socket).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stale socket: %v", err)
	}
}

// TestStaleSocketIsReplacedAndALivingOneIsNot opens a socket that a dead
// daemon left, one that a living daemon answers on, and a file.
func TestStaleSocketIsReplacedAndALivingOneIsNot(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "presenced.sock")
	left, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	l, err := Listen(socket)
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	defer l.Close()
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, want 0660", info.Mode().Perm())
	}
	if _, err := Listen(socket); err == nil || !strings.Contains(err.Error(), "another presenced answers there") {
		t.Errorf("living socket: %v", err)
	}
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

// TestSocketThatCannotBeOpenedSaysWhatToDo has no folder, a folder of somebody
// else's, and a path that is too long.
func TestSocketThatCannotBeOpenedSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "absent", "presenced.sock"): "RuntimeDirectory=presenced",
		filepath.Join(dir, strings.Repeat("x", 120)):   "107 octets",
	} {
		l, err := Listen(path)
		if err == nil {
			l.Close()
			t.Errorf("%s was opened", path)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "[control] socket") {
			t.Errorf("%v: no remedy", err)
		}
	}
	if got := remedy(syscall.EACCES, "/run/presenced/presenced.sock"); !strings.Contains(got, "may not write to /run/presenced: run it as the user presenced") {
		t.Errorf("the remedy is %q", got)
	}
}

// TestNotPermittedSaysWhatToDo has the kernel refuse the socket to somebody
// who is neither its owner nor in its group.
func TestNotPermittedSaysWhatToDo(t *testing.T) {
	dir, err := os.MkdirTemp("", "presenced-") // t.TempDir is in a folder that others may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "presenced.sock")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const stranger, strangers = 65534, 65533
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(socket, 0, strangers)); err != nil {
			t.Fatal(err)
		}
		runtime.LockOSThread() // it is the thread that is somebody else
		defer runtime.UnlockOSThread()
		if err := unix.Setfsuid(stranger); err != nil {
			t.Fatal(err)
		}
		defer unix.Setfsuid(0)
	} else if err := os.Chmod(socket, 0); err != nil {
		t.Fatal(err)
	}
	want := "open control socket " + socket + ": permission denied: the group presenced may " +
		"(sudo usermod -aG presenced $USER, then log in again), or become root"
	if err := Dial(socket).Ping(t.Context()); err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestPing(t *testing.T) {
	d, _ := serve(t, &Server{})
	if err := d.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := Dial(filepath.Join(t.TempDir(), "none")).Ping(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nobody there: %v", err)
	}
}
