//go:build profile

package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// Built with the tag profile, as the benchmark builds it, the program takes CPU profiles
// if $PRESENCED_PROFILE names a file: SIGUSR2 begins one, and ends it. They go to the
// files of that name with .0, .1, … behind it.
func init() {
	path := os.Getenv("PRESENCED_PROFILE")
	if path == "" {
		return
	}
	toggle := make(chan os.Signal, 1)
	signal.Notify(toggle, syscall.SIGUSR2)
	go func() {
		for n := 0; ; n++ {
			<-toggle
			file, err := os.Create(fmt.Sprintf("%s.%d", path, n))
			if err == nil {
				err = pprof.StartCPUProfile(file)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, "take a profile:", err)
			}
			<-toggle
			pprof.StopCPUProfile()
			file.Close()
		}
	}()
}
