// Presenced turns the RADIUS accounting of Wi-Fi controllers into Kadence
// check-ins and check-outs. This package is its verbs: a file for each, which
// asks or runs what is elsewhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // sites have time zones, and a minimal host has no files of them

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/kadence"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	succeeded  = 0
	failed     = 1
	wrongUse   = 2 // or a wrong configuration
	notRunning = 3 // only of status: there is no daemon
)

// run runs one verb and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := &program{stdout: terminal.Out{Writer: stdout}, stderr: stderr}
	root := p.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var faults configs.Faults
	switch {
	case err == nil:
		return succeeded
	case errors.As(err, &faults):
		fmt.Fprintln(stderr, err)
		return wrongUse
	case errors.Is(err, kadence.ErrUnknownBuilding): // of the configuration, but only Kadence could tell
		fmt.Fprintln(stderr, "presenced:", err)
		return wrongUse
	case !p.understood:
		fmt.Fprintf(stderr, "presenced: %v\nTry `%s --help`.\n", err, cmd.CommandPath())
		return wrongUse
	case errors.Is(err, errRefused):
		return wrongUse
	case errors.Is(err, errSilent):
		return failed
	case errors.Is(err, errDown):
		return notRunning
	}
	fmt.Fprintln(stderr, "presenced:", err)
	return failed
}

// errSilent is returned by a verb that has already said what is wrong.
var errSilent = errors.New("")

// errDown is returned by status when no daemon runs, all else being said.
var errDown = errors.New("")
