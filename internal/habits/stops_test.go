package habits

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	stop   = regexp.MustCompile(`(?m)^\d+\. \*\*.*(?:\n {3,}.*)*`)
	inCode = regexp.MustCompile("`([a-z]+)\\.([A-Za-z]\\w*(?:\\.[A-Za-z]\\w*)?)`")
)

// TestThePacketsWayIsByFunctionsThatExist: docs/architecture.md walks from the
// socket to the booking in at most twelve stops, each a function. What it and
// other documents name of a package is there, in whichever file.
func TestThePacketsWayIsByFunctionsThatExist(t *testing.T) {
	ours, functions := declarations(t)
	docs := documents(t)
	for name, text := range docs {
		for _, m := range inCode.FindAllStringSubmatch(text, -1) {
			if what := m[1] + "." + m[2]; ours[m[1]] && !ours[what] {
				t.Errorf("%s: there is no %s", name, what)
			}
		}
	}
	stops := stop.FindAllString(docs[filepath.Join("docs", "architecture.md")], -1)
	if len(stops) == 0 || len(stops) > 12 {
		t.Errorf("the way has %d stops", len(stops))
	}
	for _, s := range stops {
		first := inCode.FindStringSubmatch(s)
		if first == nil || !functions[first[1]+"."+first[2]] {
			t.Errorf("this stop does not begin with a function: %s", firstLine(s))
		}
	}
}

// declarations returns the names of our packages and of what they declare, as
// presence.Person and presence.Person.Hear, and which of those are functions.
func declarations(t *testing.T) (all, functions map[string]bool) {
	t.Helper()
	all, functions = map[string]bool{}, map[string]bool{}
	for _, p := range packages(t) {
		if p.Name == "main" {
			continue
		}
		all[p.Name] = true
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					what := p.Name + "." + receiver(d) + d.Name.Name
					all[what], functions[what] = true, true
				case *ast.GenDecl:
					for _, s := range d.Specs {
						switch s := s.(type) {
						case *ast.TypeSpec:
							all[p.Name+"."+s.Name.Name] = true
						case *ast.ValueSpec:
							for _, n := range s.Names {
								all[p.Name+"."+n.Name] = true
							}
						}
					}
				}
			}
		}
	}
	return all, functions
}

// receiver is the type that a method is of, and a dot; "" for a function.
func receiver(f *ast.FuncDecl) (of string) {
	if f.Recv == nil {
		return ""
	}
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && of == "" {
			of = id.Name + "."
		}
		return of == ""
	})
	return of
}
