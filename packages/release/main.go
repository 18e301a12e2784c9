// Command release makes what goes with the program that build.sh has built: the
// container image, the bill of materials, and the licences of all that is
// linked. It takes the module cache as it is and asks no network; what it
// writes follows from the sources, the version and SOURCE_DATE_EPOCH alone.
//
// It is a module of its own, so that nothing that it needs is in the graph of
// those who build presenced.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const usage = `usage: release licences                    the table of docs/licences.md
       release copyright                   the texts that are passed on with the program
       release sbom VERSION                the bill of materials, CycloneDX
       release image VERSION STAGE OUT "ARCH…"
                                           the images of STAGE/ARCH/presenced, in the folder OUT
It runs at the root of presenced's sources; SOURCE_DATE_EPOCH is the time that is written`

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	var verb string
	if len(args) > 0 {
		verb = args[0]
	}
	switch {
	case verb == "licences" && len(args) == 1:
		return withModules(stdout, writeLicences)
	case verb == "copyright" && len(args) == 1:
		return withModules(stdout, writeCopyright)
	case verb == "sbom" && len(args) == 2:
		made, err := sourceDate()
		if err != nil {
			return err
		}
		return withModules(stdout, func(w io.Writer, all []module) error {
			return writeSBOM(w, all, args[1], made)
		})
	case verb == "image" && len(args) == 5:
		made, err := sourceDate()
		if err != nil {
			return err
		}
		return writeImage(args[1], args[2], args[3], strings.Fields(args[4]), made)
	}
	return errors.New(usage)
}

// withModules writes something of the modules that are linked.
func withModules(w io.Writer, write func(io.Writer, []module) error) error {
	all, err := linked()
	if err != nil {
		return err
	}
	return write(w, all)
}

// sourceDate is the only time that anything here is stamped with.
func sourceDate() (time.Time, error) {
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
