package habits

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stages are the files of presence in the order of a record's way: what each holds
// uses only what stands before it, so that whoever reads on from the top meets
// nothing that they have not read.
var stages = []struct{ what, files string }{
	{"words", "presence fold order times nasname record rules sighting reading hash unmatched"},
	{"facts", "facts clock rhythm"},
	{"sessions", "parts state world lives reset"},
	{"visits", "kept entry visit stay desk claims ahead said errand session bookings"},
	{"a person", "person outlook story conclude otherwise pace past apart hear names"},
	{"the store", "store walkin trouble memory walk optout event happened occupancy counting"},
	{"the tracker", "massend nas stations shares tracker habit nases signs heartbeat naming recording sweep orders remembered tick"},
	{"the courier", "ranked health remarks courier wonder urgency line plan step nottoday passes carry crowd rounds roster"},
	{"what might have been", "atrest audience rehearsal would version1"},
}

// TestReferencesRunOneWay: a method may stand further down than its type; everything
// else that a file of presence refers to stands in it, or further up.
func TestReferencesRunOneWay(t *testing.T) {
	var order []string
	for _, s := range stages {
		for _, f := range strings.Fields(s.files) {
			order = append(order, f+".go")
		}
	}
	all := packages(t)
	at := slices.IndexFunc(all, func(p listed) bool { return p.ImportPath == module+"/presence" })
	if at < 0 {
		t.Fatal("there is no presence")
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range all[at].GoFiles {
		if !slices.Contains(order, name) {
			t.Errorf("presence/%s has no place in the order of the files", name)
		}
		f, err := parser.ParseFile(fset, filepath.Join(all[at].Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for _, name := range order {
		if !slices.Contains(all[at].GoFiles, name) {
			t.Errorf("there is no presence/%s", name)
		}
	}
	uses := map[*ast.Ident]types.Object{}
	rules := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	pkg, err := rules.Check(module+"/presence", fset, files, &types.Info{Uses: uses})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Recv != nil {
				ast.Inspect(fd.Recv, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						delete(uses, id)
					}
					return true
				})
			}
		}
	}
	place := func(pos token.Pos) (line token.Position, at int) {
		line = fset.Position(pos)
		line.Filename = filepath.Base(line.Filename)
		return line, slices.Index(order, line.Filename)
	}
	count := 0
	for id, o := range uses {
		if o.Pkg() != pkg || !ofPackage(o) {
			continue
		}
		from, i := place(id.Pos())
		to, j := place(o.Pos())
		if count++; i < j {
			t.Errorf("presence/%s uses %s, which stands further down, in %s", from, o.Name(), to.Filename)
		}
	}
	if count < 1000 {
		t.Errorf("found only %d references", count)
	}
}

// ofPackage reports whether the object is declared at the top of a file: a function, a
// method, a type, a constant or a variable.
func ofPackage(o types.Object) bool {
	if f, ok := o.(*types.Func); ok {
		return f.Signature().Recv() == nil || !types.IsInterface(f.Signature().Recv().Type())
	}
	return o.Parent() == o.Pkg().Scope()
}
