package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rehearse"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// aPast writes so many sessions as a detail file.
func aPast(t *testing.T, sessions int) (file string) {
	var text bytes.Buffer
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range sessions {
		for _, status := range []string{"Start", "Stop"} {
			fmt.Fprintf(&text, "%s\n\tAcct-Status-Type = %s\n\tUser-Name = \"ann\"\n\tAcct-Session-Id = \"%d\"\n\tCalling-Station-Id = \"02-00-5E-10-00-01\"\n"+
				"\tCalled-Station-Id = \"02-00-5E-20-00-01:Corp\"\n\tNAS-IP-Address = 10.20.0.1\n\tNAS-Port-Type = Wireless-802.11\n\tTimestamp = %d\n\n",
				at.Format(time.ANSIC), status, i, at.Unix())
			at = at.Add(4 * time.Hour)
		}
	}
	file = filepath.Join(t.TempDir(), "detail")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestARehearsalOnATerminal tells how far it is, takes that away when it is done, and
// prints what is known when it is interrupted.
func TestARehearsalOnATerminal(t *testing.T) {
	ours, theirs := pseudoTerminal(t, 120, 40)
	var told testbed.LogText
	go func() {
		for b := make([]byte, 4096); ; {
			n, err := ours.Read(b)
			if told.Write(b[:n]); err != nil {
				return
			}
		}
	}()
	records, theirEnd, err := os.Pipe() // it never ends
	if err != nil {
		t.Fatal(err)
	}
	defer theirEnd.Close()
	text, err := os.ReadFile(aPast(t, 2000))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("presenced", "rehearse", "--domain=example.com", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = records, &out, theirs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := theirEnd.Write(text); err != nil {
				return
			}
		}
	}()
	testbed.Eventually(t, "it tells how far it is", func() bool { return strings.Contains(told.String(), " records, ") })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v\n%s", err, told.String())
	}
	testbed.Eventually(t, "it takes that away", func() bool { return strings.HasSuffix(told.String(), "\r\x1b[K") })
	for _, want := range []string{"broken off", "people   1, with 1 devices"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in what is known:\n%s", want, &out)
		}
	}
}

// TestHowFar: the share of what is to be read, the rate, and the time that is left.
func TestHowFar(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	is := rehearse.Progress{Records: 5000, Read: 25 << 20, Of: 100 << 20, At: now.AddDate(0, -1, 0), Began: now.Add(-10 * time.Second)}
	if got, want := howFar(is, now), "2026-02-02: 5000 records, 500 a second, 25 % of 100 MiB, 30s left"; got != want {
		t.Errorf("it tells %q, want %q", got, want)
	}
	is.Of = 0 // the standard input
	if got, want := howFar(is, now), "2026-02-02: 5000 records, 500 a second"; got != want {
		t.Errorf("it tells %q, want %q", got, want)
	}
}
