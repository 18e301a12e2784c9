package lab

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machineVariable is set for the first process of a machine: the folder of the
// host's that it may write to.
const machineVariable = "PRESENCED_LAB_MACHINE"

// MachineStarts is what time it is in a machine when that starts: early on a
// Monday, of a year from which hostapd believes a clock to be set.
var MachineStarts = time.Date(2028, time.January, 3, 8, 30, 0, 0, time.UTC)

const (
	machineRadios = 64
	machineTime   = time.Hour // the real time that a test may take in there
)

// InMachine runs the test in a machine of its own, as that one's first process:
// a user-mode Linux with simulated radios, which sees the files of the host, may
// write none of them, has no way out, and whose time is virtual: it passes only while everything in there sleeps. In there InMachine returns the
// folder to leave files in. On the host it returns "" when all is over; what was
// left it gives to keep.
func InMachine(t *testing.T, keep func(dir string)) string {
	t.Helper()
	if inside() {
		return outFolder
	}
	linux := os.Getenv(kernelVariable)
	if !filepath.IsAbs(linux) {
		t.Fatal(linux)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := copyFile(os.Getenv(programVariable), filepath.Join(out, "presenced"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), machineTime)
	defer stop()
	cmd := exec.CommandContext(ctx, linux, "mem=1024M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "init="+program,
		machineVariable+"="+out, programVariable+"="+outFolder+"/presenced", "mac80211_hwsim.radios="+strconv.Itoa(machineRadios),
		"time-travel=inf-cpu", fmt.Sprintf("time-travel-start=%d", MachineStarts.UnixNano()),
		"con=none", "con0=fd:0,fd:1", "loglevel=1", "panic=-1",
		"--", "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=0", "-test.parallel=1000")
	flag.Visit(func(f *flag.Flag) { // the test's own
		if !strings.HasPrefix(f.Name, "test.") {
			cmd.Args = append(cmd.Args, "-"+f.Name+"="+f.Value.String())
		}
	})
	console := &console{tell: testing.Verbose()}
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err = cmd.Run()
	status, _ := os.ReadFile(filepath.Join(out, "status"))
	if string(status) != "0" {
		if !console.tell {
			t.Logf("the machine said:\n%s", console.text.Bytes())
		}
		t.Errorf("it did not pass in the machine, which ended with %v, status %q", err, status)
	}
	keep(out)
	return ""
}

func copyFile(from, to string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// inside reports whether this is the first process of a machine.
func inside() bool { return os.Getenv(machineVariable) != "" }

// console is what a machine prints, each line marked as such.
type console struct {
	tell bool // at once
	text bytes.Buffer
	line []byte
}

func (c *console) Write(p []byte) (int, error) {
	for _, b := range p {
		switch b {
		case '\r':
		case '\n':
			fmt.Fprintf(&c.text, "  | %s\n", c.line)
			if c.tell {
				fmt.Printf("  | %s\n", c.line)
			}
			c.line = c.line[:0]
		default:
			c.line = append(c.line, b)
		}
	}
	return len(p), nil
}

// outFolder is where in a machine the folder of the host is.
const outFolder = "/run/out"

// inMachine is the first process of a machine: it runs the tests, leaves their
// exit status and switches the machine off.
func inMachine(m *testing.M, out string) int {
	status := 1
	if err := furnish(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		status = m.Run()
		if err := os.WriteFile(outFolder+"/status", strconv.AppendInt(nil, int64(status), 10), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	unix.Sync()
	fmt.Fprintln(os.Stderr, unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)) // it returns only if it cannot
	return status
}

// furnish mounts what programs expect.
func furnish(out string) error {
	var faults []error
	mount := func(kind, at, options string) {
		if err := unix.Mount(kind, at, kind, 0, options); err != nil {
			faults = append(faults, fmt.Errorf("mount %s on %s: %w", kind, at, err))
		}
	}
	mount("proc", "/proc", "")
	mount("sysfs", "/sys", "")
	mount("debugfs", "/sys/kernel/debug", "")
	mount("tmpfs", "/run", "")
	mount("tmpfs", "/tmp", "")
	for _, dir := range []string{outFolder, "/run/netns"} {
		faults = append(faults, os.MkdirAll(dir, 0o755))
	}
	mount("hostfs", outFolder, out)
	faults = append(faults, os.Setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), os.Setenv("HOME", "/tmp"), ip("link set lo up"))
	return errors.Join(faults...)
}
