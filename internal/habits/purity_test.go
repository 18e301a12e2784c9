package habits

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// actingFiles are those of presence that act: they read and write the store,
// wait, lock, log and ask what time it is. All others decide, of what they are
// given.
var actingFiles = []string{
	"carry.go", "courier.go", "crowd.go", "health.go", "nottoday.go", "passes.go", "plan.go", "rounds.go", "step.go", // the courier's
	"naming.go", "nases.go", "orders.go", "recording.go", "rehearsal.go", "remembered.go", "shares.go", "signs.go", "sweep.go", "tick.go", "tracker.go", "walk.go", // the tracker's
	"happened.go", "counting.go", "optout.go",
	"audience.go", "desk.go", "memory.go", "store.go", "trouble.go", // whom they call
}

// TestWhatDecidesOnlyDecides: the same person, world and moment always come to
// the same conclusion, so that a change may run again and a past be replayed.
func TestWhatDecidesOnlyDecides(t *testing.T) {
	forbidden := []string{"context", "sync", "sync/atomic", "log", "log/slog", "os", "math/rand", "math/rand/v2"}
	clocks := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
	all := packages(t)
	at := slices.IndexFunc(all, func(p listed) bool { return p.ImportPath == module+"/presence" })
	if at < 0 {
		t.Fatal("there is no presence")
	}
	acts := map[string]bool{}
	for _, file := range all[at].GoFiles {
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, filepath.Join(all[at].Dir, file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		fault := func(pos token.Pos, what string) {
			acts[file] = true
			if !slices.Contains(actingFiles, file) {
				t.Errorf("presence/%s:%d %s: it is there to decide", file, files.Position(pos).Line, what)
			}
		}
		for _, i := range parsed.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); slices.Contains(forbidden, path) {
				fault(i.Pos(), "imports "+path)
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok || !slices.Contains(clocks, s.Sel.Name) {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
				fault(s.Pos(), "calls time."+s.Sel.Name)
			}
			return true
		})
	}
	for _, file := range actingFiles {
		if !acts[file] {
			t.Errorf("presence/%s may act, and does not: take it off the list", file)
		}
	}
}
