// Command bench measures presenced beside other RADIUS servers on this
// machine, with a load generator that checks every answer. It asserts nothing:
// it prints tables.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	out     io.Writer
	dir     string // where servers keep their files
	users   int
	rate    int           // requests a second of a soak; 0: a tenth of the most
	during  time.Duration // of each load
	self    string        // this program
	program string        // presenced
	most    int           // of an abundance
	repeats int           // of what is felt of an abundance
	profile string        // folder for CPU profiles of presenced; "": none are taken
	only    string        // part of the names or configurations of the servers that throughput measures
}

const synopsis = `Usage: bench [flags] [part ...]

Parts; without any, the first four:

  throughput  acknowledged requests a second, latency, CPU and memory, of every server
  syncs       system calls per batch, counted by strace
  restart     what a restart under load costs
  burst       10,000 packets at once, and one NAS that floods
  wear        octets written to the disk per record
  growth      the cost of a request with 10 thousand, 100 thousand and a million people
  abundance   what another client feels of one that brings too much of one thing, from ten of it to -most
  soak        memory, descriptors, files and latency over a long time: -seconds 3600

Flags:
`

func main() {
	b := bench{out: os.Stdout}
	seconds := flag.Float64("seconds", 3, "how long each load lasts")
	flag.IntVar(&b.users, "users", 10_000, "made-up users")
	flag.IntVar(&b.most, "most", 1_000_000, "how much of one thing an abundance goes up to")
	flag.IntVar(&b.repeats, "repeats", 3, "how often what is felt of an abundance is measured: the median is printed")
	flag.IntVar(&b.rate, "rate", 0, "requests a second of a soak (default a tenth of the most)")
	flag.StringVar(&b.dir, "dir", "", "where servers keep their files, for the time of the run (default a temporary directory)")
	flag.StringVar(&b.program, "presenced", "", "the program to measure (default: built from this module)")
	flag.StringVar(&b.only, "only", "", "part of the names of the servers that throughput measures (default all)")
	flag.StringVar(&b.profile, "profile", "", "folder for CPU profiles of presenced, one of each load that is measured, for go tool pprof")
	address := flag.String("listen", "", "where the responder or the yardstick serves, which this program runs as others of itself")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), synopsis)
		flag.PrintDefaults()
	}
	flag.Parse()
	b.during = time.Duration(*seconds * float64(time.Second))
	var err error
	if *address != "" {
		err = role(flag.Arg(0), b.dir, *address)
	} else {
		err = b.run(flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(parts []string) error {
	all := map[string]func() error{
		"throughput": b.throughput, "syncs": b.syncs, "restart": b.restarts, "burst": b.bursts,
		"wear": b.wear, "growth": b.growth, "abundance": b.abundance, "soak": b.soak,
	}
	if len(parts) == 0 {
		parts = []string{"throughput", "syncs", "restart", "burst"}
	}
	for _, part := range parts {
		if all[part] == nil {
			return fmt.Errorf("no such part: %q", part)
		}
	}
	dir, err := os.MkdirTemp(b.dir, "presenced-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		os.RemoveAll(dir) // the servers end with us
		os.Exit(1)
	}()
	b.dir = dir
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.profile != "" {
		if b.profile, err = filepath.Abs(b.profile); err == nil {
			err = os.MkdirAll(b.profile, 0o700)
		}
		if err != nil {
			return err
		}
	}
	if b.program == "" {
		b.progress("build presenced")
		if b.program, err = buildPresenced(dir, b.profile != ""); err != nil {
			return err
		}
	}
	// One core is the load's, the others are the server's.
	runtime.GOMAXPROCS(1)
	for _, part := range parts {
		if err := all[part](); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return nil
}

// progress says what is under way, apart from the results.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
