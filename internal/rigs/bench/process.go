package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
)

// process is a server under test.
type process struct {
	door
	cmd    *exec.Cmd
	log    string        // the file of what it prints
	exited chan struct{} // closed when it has
}

const (
	startsWithin = time.Minute
	stopsWithin  = time.Minute
)

// launch starts the command, which is to serve at the door, with a log in dir,
// and returns once it answers.
func launch(cmd *exec.Cmd, at door, dir string) (*process, error) {
	p := &process{door: at, cmd: cmd, log: filepath.Join(dir, filepath.Base(cmd.Path)+".log"), exited: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	// Ended from outside, the benchmark leaves nothing running.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		cmd.Wait()
		close(p.exited)
	}()
	if err := p.answers(); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// answers returns when the server has answered a request.
func (p *process) answers() error {
	form := newTemplate("probe", netip.MustParseAddr("127.0.0.1"))
	request := make([]byte, roomFor)
	n := form.fill(request, record{user: 9999999, session: sessionID(0, 0), status: start, at: time.Now().Unix()})
	sign(request, n, 0)
	for began := time.Now(); time.Since(began) < startsWithin; {
		select {
		case <-p.exited:
			return fmt.Errorf("start %s: %v: %s", p.cmd.Path, p.cmd.ProcessState, p.said())
		default:
		}
		if p.answersTo(request[:n]) {
			return nil
		}
		time.Sleep(20 * time.Millisecond) // nobody listens yet
	}
	return fmt.Errorf("start %s: no answer for %v: %s", p.cmd.Path, startsWithin, p.said())
}

// answersTo reports whether the server answers the request at once.
func (p *process) answersTo(request []byte) bool {
	w, err := p.dial(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		return false
	}
	defer w.Close()
	response := []ipv4.Message{{Buffers: [][]byte{make([]byte, 256, 256+len(secret))}}}
	// What goes wrong with it shows in that nothing comes back.
	w.send([]ipv4.Message{{Buffers: [][]byte{request}}})
	w.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	read, err := w.receive(response)
	return err == nil && read == 1 && authenticResponse(response[0].Buffers[0][:response[0].N], request)
}

// stop ends the server as an operator does, and returns when it has gone.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopsWithin):
		p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("stop %s: still running after %v: %s", p.cmd.Path, stopsWithin, p.said())
	}
}

// profile has the process begin a CPU profile, or end it, if it takes any.
func (p *process) profile() error {
	if !slices.ContainsFunc(p.cmd.Env, func(v string) bool { return strings.HasPrefix(v, "PRESENCED_PROFILE=") }) {
		return nil
	}
	err := p.cmd.Process.Signal(syscall.SIGUSR2)
	time.Sleep(300 * time.Millisecond) // it ends a profile at its next sample, and writes it
	return err
}

// said returns the end of the server's log.
func (p *process) said() string {
	const most = 1000
	b, _ := os.ReadFile(p.log)
	return strings.TrimSpace(string(b[max(0, len(b)-most):]))
}

// usage is what a process has used so far, from proc_pid_stat(5) and
// proc_pid_status(5).
type usage struct {
	cpu     time.Duration // user and system
	most    int           // resident octets, at their peak
	private int           // resident octets that are no file's, now
}

func (p *process) usage() (usage, error) { return usageOf(p.cmd.Process.Pid) }

func usageOf(pid int) (u usage, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, err
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Linux runs Go
	after := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(after) < 13 {
		return u, fmt.Errorf("read %sstat: %q", dir, stat)
	}
	for _, field := range after[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return u, fmt.Errorf("read %sstat: %w", dir, err)
		}
		u.cpu += time.Duration(n) * tick
	}
	kilobytes, err := number(dir+"status", "VmHWM:")
	if err != nil {
		return u, err
	}
	u.most = kilobytes << 10
	if kilobytes, err = number(dir+"status", "RssAnon:"); err != nil {
		return u, err
	}
	u.private = kilobytes << 10
	return u, nil
}

// number returns the number behind a word at the beginning of a line.
func number(file, word string) (int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, word); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				return strconv.Atoi(f[0])
			}
		}
	}
	return 0, fmt.Errorf("read %s: no %s", file, word)
}

// lastField returns the number at the end of the line of a file that has the
// word as its second field.
func lastField(file, word string) (int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == word {
			return strconv.Atoi(f[len(f)-1])
		}
	}
	return 0, fmt.Errorf("read %s: no %s", file, word)
}
