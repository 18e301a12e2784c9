package habits

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayReadLinger says who, beside presence and who reads the configuration, may
// read how long somebody must be gone or unheard, by file and function: to print
// what is configured, and never to tell when somebody will have left.
var mayReadLinger = map[string][]string{
	"cmd/presenced/check.go":       {"printConfig"},     // prints the configuration
	"internal/page/axis.go":        {"place"},           // the measure of how fine the picture is
	"internal/rehearse/run.go":     {"alone", "newRun"}, // makes the rules that a rehearsal compares
	"internal/rehearse/quality.go": {"sweep"},           // forgets the sessions that it counts
	"internal/daemon/daemon.go":    {"housekeep"},       // after it nothing that a restored copy held goes on unheard
}

// TestPresenceAloneAddsLinger: how long somebody is waited for depends on more
// than one rule, and an outlook tells it. Whoever added a rule to a time would
// tell another deadline than that which is kept.
func TestPresenceAloneAddsLinger(t *testing.T) {
	rules := []string{"Linger", "LunchLinger", "MaxSession", "LunchAt", "LingerAfter"}
	used := map[string]bool{}
	outside(t, func(path, in, at string, n ast.Node) {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(rules, s.Sel.Name) {
			return
		}
		if slices.Contains(mayReadLinger[path], in) {
			used[path+" "+in] = true
		} else {
			t.Errorf("%s: %s reads %s: presence.Outlook tells what follows of it", at, in, s.Sel.Name)
		}
	})
	for path, all := range mayReadLinger {
		for _, in := range all {
			if !used[path+" "+in] {
				t.Errorf("%s: %s may read linger, and does not: take it off the list", path, in)
			}
		}
	}
}

// TestNobodyParsesWhatPresenceTells: its sentences are for people, and change.
// What a program has to know of them is in fields.
func TestNobodyParsesWhatPresenceTells(t *testing.T) {
	sentences := []string{"Text", "Why"}
	told := func(e ast.Expr) (found bool) {
		ast.Inspect(e, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			found = found || ok && slices.Contains(sentences, s.Sel.Name)
			return !found
		})
		return found
	}
	literal := func(e ast.Expr) bool {
		l, ok := e.(*ast.BasicLit)
		return ok && l.Kind == token.STRING && len(l.Value) > len(`""`)
	}
	outside(t, func(_, in, at string, n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			f, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || !slices.ContainsFunc([]string{"Has", "Cut", "Contains", "Index", "Trim", "Split", "Fields", "Match", "Find", "EqualFold", "Replace"}, func(verb string) bool {
				return strings.HasPrefix(f.Sel.Name, verb)
			}) {
				return
			}
			if slices.ContainsFunc(n.Args, told) {
				t.Errorf("%s: %s takes a sentence apart with %s", at, in, f.Sel.Name)
			}
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && (told(n.X) && literal(n.Y) || literal(n.X) && told(n.Y)) {
				t.Errorf("%s: %s knows a sentence by heart", at, in)
			}
		}
	})
}

// outside calls f with every node of the source outside presence, and with the
// file, the function and the line that it is in. It leaves out who reads the
// configuration, and the rigs, which try rules out.
func outside(t *testing.T, f func(path, in, at string, n ast.Node)) {
	t.Helper()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if slices.Contains([]string{"presence", "configs", "internal/rigs/office"}, name) || strings.HasPrefix(name, rigs) {
			continue
		}
		for _, file := range p.GoFiles {
			path, files := name+"/"+file, token.NewFileSet()
			parsed, err := parser.ParseFile(files, filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range parsed.Decls {
				in := "the file"
				if f, ok := decl.(*ast.FuncDecl); ok {
					in = f.Name.Name
				}
				ast.Inspect(decl, func(n ast.Node) bool {
					if n != nil {
						f(path, in, fmt.Sprintf("%s:%d", path, files.Position(n.Pos()).Line), n)
					}
					return true
				})
			}
		}
	}
}
