// Command cluster plays the demo's day by three daemons on three members of etcd.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/presenced/presenced/internal/demo"
	"github.com/presenced/presenced/internal/rigs/etcd/stage"
	"github.com/presenced/presenced/internal/terminal"
)

func main() {
	programs := flag.String("programs", ".", "`FOLDER` of presenced and member")
	length := flag.Duration("for", demo.Usual, "how long it takes")
	stay := flag.Bool("stay", false, "keep it all when the day is over, until it is interrupted")
	log := flag.Bool("log", false, "show what the processes log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logged := io.Discard
	if *log {
		logged = os.Stderr
	}
	began := time.Now()
	err := demo.PlayOn(ctx, terminal.Out{Writer: os.Stdout}, *length, *stay, stage.Build(*programs, logged))
	if err != nil {
		fmt.Fprintf(os.Stderr, "after %s: %v\n", time.Since(began).Round(time.Second), err)
		os.Exit(1)
	}
}
