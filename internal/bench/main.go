// Command bench measures presenced beside other RADIUS servers on this
// machine, with a load generator that checks every answer. It asserts nothing:
// it prints tables.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// bench is one run of the benchmark.
type bench struct {
	out    io.Writer
	dir    string
	users  int
	during time.Duration
}

func main() {
	b := bench{out: os.Stdout}
	seconds := flag.Float64("seconds", 3, "how long each load lasts")
	flag.IntVar(&b.users, "users", 10_000, "made-up users")
	flag.StringVar(&b.dir, "dir", "", "where servers keep their files (default a temporary directory)")
	listen := flag.String("listen", "", "where a role listens")
	flag.Parse()
	b.during = time.Duration(*seconds * float64(time.Second))
	var err error
	if *listen != "" {
		err = role(flag.Arg(0), b.dir, *listen)
	} else {
		err = b.run(flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) run(what []string) error {
	// One core is the load's, the others are the server's.
	runtime.GOMAXPROCS(1)
	return b.throughput([]server{trivial, measure, radiusNothing, radiusDetail, radiusSQLite})
}
