//go:build failpoints

package store

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/presenced/presenced/store/journal"
)

var rounds = flag.Int("rounds", 60, "how often TestAtEveryPoint and TestAtEveryPointOfACall kill, or have a step fail")

func init() {
	children["points"] = func(args []string) error {
		return points(args[0], must(strconv.ParseUint(args[1], 10, 64)))
	}
}

// rarely are the points that come once in a while.
var rarely = []string{
	"append: before the write", "journal: before the sync", "journal: after the sync", "seal: before the write",
	"checkpoint: after the seal", "checkpoint: before the commit", "checkpoint: after the commit", "checkpoint: before its journal is taken for another",
	"backup: before its file is made", "backup: before the sync", "backup: after the sync", "backup: before the rename", "backup: after the rename",
	"clear: before anything", "forget: before a page is cleared", "forget: before the sync", "forget: after the sync",
	"journal: before it is scrubbed", "clear: before it is said to be done", "restart: after the truncation", "doubt: before the sync",
	"create: before it has its name", "create: before its other name is removed",
}

// points does what a daemon does to its store, in an order left to chance, and
// tells what is acknowledged, until it was struck and then for a while.
func points(path string, seed uint64) error {
	struck := strike(seed, rarely)
	last := 0
	return busy(path, seed, func(op int) bool {
		if last == 0 && struck() {
			last = op + 4 // it went on
		}
		return op < 40 && (last == 0 || op < last)
	})
}

// strike has the process killed at a point left to chance, or one step fail
// there, or several do. Half of the time it is one of those that are named: they
// would seldom be seen otherwise. It returns whether nothing more is to come.
func strike(seed uint64, named []string) (struck func() bool) {
	chance := rand.New(rand.NewPCG(seed, 0))
	kill, hits, at, times := chance.IntN(2) == 0, 0, 1+chance.IntN(60), 1+chance.IntN(3)
	only := ""
	if chance.IntN(2) == 0 {
		only, at = named[chance.IntN(len(named))], 1+chance.IntN(3)
	}
	var mu sync.Mutex // a checkpoint runs beside the rest, and so do calls
	journal.AtPoint = func(name string) error {
		mu.Lock()
		defer mu.Unlock()
		if only != "" && only != name {
			return nil
		}
		if hits++; hits < at || hits >= at+times {
			return nil
		}
		fmt.Println("hit", kill, name)
		if kill {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return errOnPurpose
	}
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return hits >= at+times
	}
}

// TestAtEveryPoint kills, or has fail, between any two steps to the disk, and
// holds what was acknowledged against what is found then: every update, copies
// that are whole, names that were forgotten and are nowhere, and nothing that
// is left of what was under way.
func TestAtEveryPoint(t *testing.T) {
	chance := seeded(t)
	var seen strokes
	dir := t.TempDir()
	acknowledged, path := 0, ""
	for round := 0; seen.rounds < *rounds; round++ {
		if round%40 == 0 { // each store grows
			must(0, os.RemoveAll(filepath.Join(dir, "store")))
			must(0, os.Mkdir(filepath.Join(dir, "store"), 0o700))
			path, acknowledged = filepath.Join(dir, "store", "presenced.db"), 0
		}
		seed := chance.Uint64()
		told := told{written: acknowledged}
		hit := seen.run(t, child(t, "points", path, strconv.FormatUint(seed, 10)), told.line)
		acknowledged = told.written
		if err := found(path, told); err != nil {
			t.Fatalf("seed %d, %s: %v", seed, hit, err)
		}
	}
	seen.log(t)
}

// strokes are the rounds in which something was struck, and where.
type strokes struct {
	rounds, kills int
	at            map[string]int
}

// run has the program run until it ends, tells each line that it prints, and
// counts where it was struck, if it was. It is to end well, or to be killed.
func (s *strokes) run(t *testing.T, w *exec.Cmd, tell func(string)) (hit string) {
	t.Helper()
	out := must(w.StdoutPipe())
	var said bytes.Buffer
	w.Stderr = &said
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	name, killed := "", false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "hit "); ok {
			var kill string
			kill, name, _ = strings.Cut(rest, " ")
			killed = kill == "true"
			continue
		}
		fmt.Fprintln(&said, lines.Text())
		tell(lines.Text())
	}
	if err := w.Wait(); err != nil && !killed {
		t.Fatalf("%v, after %q: %v\n%s", w.Args[1:], name, err, said.String())
	}
	if name == "" {
		return "not struck"
	}
	if s.at == nil {
		s.at = map[string]int{}
	}
	s.rounds++
	s.at[name]++
	if killed {
		s.kills++
		return "killed at " + strconv.Quote(name)
	}
	return "failed at " + strconv.Quote(name)
}

func (s *strokes) log(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(s.at)) {
		t.Logf("%6d %s", s.at[name], name)
	}
	t.Logf("%d rounds, %d of them kills, at %d points", s.rounds, s.kills, len(s.at))
}
