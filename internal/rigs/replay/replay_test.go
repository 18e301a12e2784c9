package replay

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var (
	only = flag.String("only", "", "play the replay of this `NAME` alone; with -v, tell what was heard and concluded")
	also = flag.String("also", "../../../../shared/radius/*/*.detail", "other replays to play, a `PATTERN` of files")
)

// falling are the replays that do not come out right yet, and of what kind the
// fault is. One that does has to be taken off: the list can only become shorter.
var falling = []struct{ name, also, kind string }{
	{"passing-by", "55", "policy (settle)"},
}

// falls returns the kind of fault because of which the replay of this file is
// known not to come out right, if it is.
func falls(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".detail")
	number, _, _ := strings.Cut(name, "-")
	for _, f := range falling {
		if name == f.name || number == f.also {
			return f.kind
		}
	}
	return ""
}

// TestReplays plays what controllers sent in situations from the field, with
// which programs of this kind came to grief.
func TestReplays(t *testing.T) {
	files := match(t, "testdata/field/*.detail")
	if len(files) < 56 {
		t.Errorf("only %d replays are left", len(files))
	}
	for _, f := range falling {
		if !slices.Contains(files, "testdata/field/"+f.name+".detail") {
			t.Errorf("%s, which is said to fall, is no replay", f.name)
		}
	}
	playAll(t, files)
}

// TestReplaysFromElsewhere plays other replays, if there are any.
func TestReplaysFromElsewhere(t *testing.T) {
	files := match(t, *also)
	if len(files) == 0 {
		t.Skipf("SKIPPED, there are no other replays: no file is %s", *also)
	}
	playAll(t, files)
}

func match(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func playAll(t *testing.T, files []string) {
	for _, file := range files {
		run(t, strings.TrimSuffix(filepath.Base(file), ".detail"), read(t, file), falls(file))
	}
}

func read(t *testing.T, file string) *Replay {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return r
}

// run plays a replay, which fails unless it comes out right or, if it is known
// to fall, if it does.
func run(t *testing.T, name string, r *Replay, falls string) {
	if *only != "" && *only != name {
		return
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		o := r.Play(t)
		faults := r.Faults(o)
		switch {
		case falls == "" && len(faults) > 0:
			t.Errorf("%s\n  %s", r.Situation, strings.Join(faults, "\n  "))
		case falls != "" && len(faults) == 0:
			t.Errorf("it comes out right now: take it off the list of those that fall by %s", falls)
		case *only != "":
			t.Logf("%s\n  %s", r.Situation, strings.Join(faults, "\n  "))
		}
		if t.Failed() || *only != "" {
			t.Logf("what became of everybody:\n%s", o.Tell())
		}
	})
}
