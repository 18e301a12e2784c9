package lab

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Systemd is a machine that systemd runs, as the first process of a container:
// with the units under test and no others, and with a copy of this machine's
// files of which nothing that is written outlives it.
type Systemd struct {
	l *Lab
	host
	program *process
	pid     int // systemd's, as seen from here
}

//go:embed systemd.sh
var systemdScript string

// Systemd starts a machine on which the program is /usr/bin/presenced and the
// units in the directory are installed. It skips the test where systemd cannot
// run in a container, which takes root and control groups to mount.
func (l *Lab) Systemd(units string, files map[string]string) *Systemd {
	l.t.Helper()
	return l.systemd(func(dir string) {
		l.must(os.CopyFS(dir+"/units", os.DirFS(units)))
		for name, text := range files {
			l.file(filepath.Base(dir)+"/files"+name, text)
		}
	})
}

// BareSystemd starts a machine without presenced, for packages to be installed
// on. It skips the test as [Lab.Systemd] does.
func (l *Lab) BareSystemd() *Systemd {
	l.t.Helper()
	return l.systemd(func(string) {})
}

// systemd starts a machine, with what fill puts into the directory for it.
func (l *Lab) systemd(fill func(dir string)) *Systemd {
	l.t.Helper()
	if os.Getenv(ownRootVariable) != "" {
		l.t.Skip("SKIPPED, the units do not run under systemd: that takes root")
	}
	if _, err := os.Stat("/lib/systemd/systemd"); err != nil {
		l.t.Skipf("SKIPPED, the units do not run under systemd: %v", err)
	}
	m := &Systemd{l: l, host: l.newHost()}
	dir := filepath.Join(l.dir, m.host.name)
	l.must(os.MkdirAll(dir, 0o755))
	fill(dir)
	script := l.file(m.host.name+"/systemd.sh", systemdScript)
	l.t.Cleanup(func() { removeGroups(m.host.name) })
	m.program = l.start("systemd", m.host.command("unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc",
		"bash", script, dir, l.server(), m.host.name))
	l.Eventually("systemd runs", func() bool {
		if m.program.ended() {
			l.t.Skipf("SKIPPED, the units do not run under systemd: %s", strings.TrimSpace(m.program.output.tail(2000)))
		}
		m.pid = child(m.program.cmd.Process.Pid)
		return m.pid != 0 && m.Command("systemctl", "is-system-running").Run() == nil
	})
	return m
}

// Systemctl gives systemd a command and returns what it says, and whether it
// succeeded.
func (m *Systemd) Systemctl(args ...string) (string, error) {
	out, err := m.Command("systemctl", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// File writes a file on the machine.
func (m *Systemd) File(path, text string) {
	m.l.t.Helper()
	m.l.must(os.WriteFile(fmt.Sprintf("/proc/%d/root%s", m.pid, path), []byte(text), 0o644))
}

// Addr is where the machine is asked.
func (m *Systemd) Addr() netip.Addr { return m.addr }

// Command prepares a program to run among what systemd runs.
func (m *Systemd) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", strconv.Itoa(m.pid), "--mount", "--pid", "--net", "--", name}, args...)...)
}

// child returns the process's only child, 0 if it has none yet.
func child(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// removeGroups removes the control groups that a machine has left, once the
// kernel has let go of its processes.
func removeGroups(name string) {
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"} {
		var groups []string
		filepath.WalkDir(filepath.Join(root, "presenced-"+name), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				groups = append([]string{path}, groups...) // the deepest first
			}
			return nil
		})
		for _, path := range groups {
			for range 50 {
				if err := syscall.Rmdir(path); err == nil || !errors.Is(err, syscall.EBUSY) {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
}
