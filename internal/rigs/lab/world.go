package lab

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// missing says why there can be no lab; empty when there is one.
var missing string

const (
	worldVariable   = "PRESENCED_LAB"        // set for the process that runs inside the namespaces
	programVariable = "PRESENCED_LAB_SERVER" // the built presenced, or why it could not be built
	kernelVariable  = "PRESENCED_LAB_KERNEL" // the kernel of the machines, or why there is none; only with -radio
	ownRootVariable = "PRESENCED_LAB_ROOT"   // set where the namespaces' root is nobody outside
)

// Debian's packages by the programs that the lab runs.
var packageOf = map[string]string{
	"ip":             "iproute2",
	"nsenter":        "util-linux",
	"hostapd":        "hostapd",
	"hostapd_cli":    "hostapd",
	"wpa_supplicant": "wpasupplicant",
	"wpa_cli":        "wpasupplicant",
	"freeradius":     "freeradius",
	"radclient":      "freeradius-utils",
	"radsecproxy":    "radsecproxy",
}

// Main runs a package's tests in a world of their own and returns their exit
// status; a TestMain ends with it. It builds presenced, then runs the test
// program again with its own network, mounts and processes: as its own root
// where the caller is not root. What runs in there cannot outlive it.
func Main(m *testing.M) int {
	addSbin()
	if dir := os.Getenv(machineVariable); dir != "" {
		return inMachine(m, dir)
	}
	if os.Getenv(worldVariable) != "" {
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		flag.Parse()
		if !given("test.parallel") {
			flag.Set("test.parallel", "6") // they wait more than they work
		}
		return m.Run()
	}
	if missing = missingTools(); missing != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "presenced-lab-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), worldVariable+"=1", programVariable+"="+build(dir))
	if flag.Parse(); given("radio") {
		cmd.Env = append(cmd.Env, kernelVariable+"="+kernel())
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL, // the first process of a PID namespace takes all others with it
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		cmd.Env = append(cmd.Env, ownRootVariable+"=1")
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig is sent when the thread that forked ends
	if err := cmd.Start(); err != nil {
		missing = fmt.Sprintf("namespaces: %v (root may make them)", err)
		return m.Run()
	}
	if err := cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			return exit.ExitCode()
		}
		fmt.Fprintln(os.Stderr, "the lab's world:", err)
		return 1
	}
	return 0
}

// given reports whether the flag is on the command line.
func given(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// settle makes the new namespaces habitable: nothing that is mounted in them
// is seen outside, /run is empty and ours, and loopback is up.
func settle() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("lab", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	// Where a container hides parts of /proc, its users cannot mount another:
	// the old one shows the processes by other numbers, which only systemd's
	// machine minds.
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil && os.Getenv(ownRootVariable) == "" {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return ip("link set lo up")
}

// build compiles presenced, without the race detector, so that what is tested
// is what is shipped. It returns the program's path, or the error's text.
func build(dir string) string {
	program := filepath.Join(dir, "presenced")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "github.com/presenced/presenced/cmd/presenced").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("build presenced: %v\n%s", err, out)
	}
	return program
}

func missingTools() string {
	if runtime.GOOS != "linux" {
		return "network namespaces, which are Linux's"
	}
	var names []string
	for program, pkg := range packageOf {
		if _, err := exec.LookPath(program); err != nil {
			names = append(names, fmt.Sprintf("%s (Debian: %s)", program, pkg))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// addSbin finds the daemons, which Debian keeps off an ordinary user's path.
func addSbin() {
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
}

// ip runs one command of iproute2, given as it would be typed.
func ip(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", line, err, strings.TrimSpace(string(out)))
	}
	return nil
}
