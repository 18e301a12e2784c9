package lab

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"syscall"
)

// process is a program that runs on a machine of the lab. What it says is kept
// and shown if the test fails; it is killed when the test ends.
type process struct {
	l      *Lab
	name   string
	cmd    *exec.Cmd
	output output
	done   chan struct{}
}

// start runs the program, under a name that tells its output apart.
func (l *Lab) start(name string, cmd *exec.Cmd) *process {
	l.t.Helper()
	p := &process{l: l, name: name, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	if err := cmd.Start(); err != nil {
		l.t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		cmd.Wait() // how it ended is the test's business
		close(p.done)
	}()
	l.t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if l.t.Failed() {
			l.t.Logf("----- %s said:\n%s", name, p.output.tail(20_000))
		}
	})
	return p
}

// end sends the signal and waits for the program to have ended.
func (p *process) end(s syscall.Signal) {
	p.signal(s)
	<-p.done
}

func (p *process) signal(s syscall.Signal) {
	p.l.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, syscall.ESRCH) && !p.ended() {
		p.l.t.Errorf("signal %s: %v", p.name, err)
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// says waits until the program has printed the text more than seen times.
func (p *process) says(text string, seen int) {
	p.l.t.Helper()
	p.l.Eventually(p.name+" says "+text, func() bool {
		if p.output.count(text) > seen {
			return true
		}
		if p.ended() {
			p.l.t.Fatalf("%s ended (%v) before it said %q", p.name, p.cmd.ProcessState, text)
		}
		return false
	})
}

// output gathers what a program prints while others read it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) count(text string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Count(o.text.String(), text)
}

// last returns where the text was last printed; -1 if it was not.
func (o *output) last(text string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.LastIndex(o.text.Bytes(), []byte(text))
}

func (o *output) tail(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.Bytes()
	if len(text) > n {
		text = text[len(text)-n:]
	}
	return string(text)
}
