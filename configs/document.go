package configs

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// document is a TOML text while it is read: where everything in it stands,
// which keys there are to know, and what is wrong so far.
type document struct {
	name string
	dir  string // what relative file names are relative to

	lines  map[string]int // path of a key, table or element, such as radius.client[0].secret → line
	tables []*table       // that were read, to tell what was not known in them
	known  map[string]any // path without indices → default, nil if it has none

	faults   Faults
	warnings []string
	files    []string          // that were read
	listed   map[string]string // those of them that hold a list → path of the table that names it
	inline   bool              // whether a secret is in the text itself
	bare     bool              // no secret is read, nor where the daemon keeps what
}

// newDocument returns the document and its root table, which is nil if the
// text is no TOML; the fault says where.
func newDocument(name string, data []byte, dir string) (*document, *table) {
	d := &document{name: name, dir: dir, lines: map[string]int{}, known: map[string]any{}, listed: map[string]string{}}
	values := map[string]any{}
	if err := toml.Unmarshal(data, &values); err != nil {
		f := Fault{File: name, What: strings.TrimPrefix(err.Error(), "toml: ")}
		var located *toml.DecodeError
		if errors.As(err, &located) {
			f.Line, _ = located.Position()
		}
		f.Remedy = "the rest is not looked at until this is TOML"
		d.faults = Faults{f}
		return d, nil
	}
	d.locate(data)
	root := &table{doc: d, values: values}
	d.tables = append(d.tables, root)
	return d, root
}

// fault notes what is wrong at a path.
func (d *document) fault(path, key, what, remedy string) {
	d.faults = append(d.faults, Fault{File: d.name, Line: d.line(path), Key: key, What: what, Remedy: remedy})
}

// warn notes what is allowed and probably not meant.
func (d *document) warn(format string, args ...any) {
	d.warnings = append(d.warnings, oneLine(d.name+": "+fmt.Sprintf(format, args...)))
}

// line returns the line of the path, or of the nearest table around it.
func (d *document) line(path string) int {
	for path != "" {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 0
}

// unknown faults every key that nobody asked for.
func (d *document) unknown() {
	for _, t := range d.tables {
		for key := range t.values {
			if _, known := d.known[join(generic(t.path), key)]; known {
				continue
			}
			d.fault(join(t.path, key), t.title, "unknown key "+strconv.Quote(key), d.suggest(t, key))
		}
	}
}

// suggest guesses what the unknown key was to be: a similar one, or one of
// another table.
func (d *document) suggest(t *table, key string) string {
	var siblings, others []string
	for path := range d.known {
		table, name := "", path
		if i := strings.LastIndexByte(path, '.'); i >= 0 {
			table, name = path[:i], path[i+1:]
		}
		switch {
		case table == generic(t.path):
			siblings = append(siblings, name)
		case name == key && table != "":
			others = append(others, table)
		}
	}
	slices.Sort(siblings) // of two as similar, always the same
	if n := similar(key, siblings); n != "" {
		return "did you mean " + strconv.Quote(n) + "?"
	}
	if len(others) == 1 {
		return "it belongs to [" + others[0] + "]"
	}
	return "`presenced config` prints every key there is"
}

// locate finds out on which line everything stands. The text is TOML: it has
// been decoded before.
func (d *document) locate(data []byte) {
	p := unstable.Parser{}
	p.Reset(data)
	l := locator{doc: d, counts: map[string]int{}, line: lineCounter(data)}
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.KeyValue:
			l.keyValue(table, e)
		case unstable.Table, unstable.ArrayTable:
			table = l.header(e)
		}
	}
}

// lineCounter returns a function that counts the lines up to offsets, which
// must not go down much, as they do not in a text that is read from its top.
func lineCounter(data []byte) func(offset uint32) int {
	line, at := 1, 0
	return func(offset uint32) int {
		o := int(offset)
		if o < at {
			line, at = 1, 0
		}
		line += bytes.Count(data[at:o], []byte("\n"))
		at = o
		return line
	}
}

// locator walks over a text and remembers where what stands.
type locator struct {
	doc    *document
	counts map[string]int // array of tables → how many there are so far
	line   func(uint32) int
}

func (l *locator) header(e *unstable.Node) (path string) {
	for keys := e.Key(); keys.Next(); {
		key := keys.Node()
		path = join(path, string(key.Data))
		if n, array := l.counts[path]; array && (e.Kind == unstable.Table || !keys.IsLast()) {
			path = element(path, n-1)
		}
		if e.Kind == unstable.ArrayTable && keys.IsLast() {
			l.mark(path, key.Raw.Offset)
			l.counts[path]++
			path = element(path, l.counts[path]-1)
		}
		l.mark(path, key.Raw.Offset)
	}
	return path
}

func (l *locator) keyValue(path string, e *unstable.Node) {
	offset := uint32(0)
	for keys := e.Key(); keys.Next(); {
		key := keys.Node()
		path, offset = join(path, string(key.Data)), key.Raw.Offset
		l.mark(path, offset)
	}
	l.value(path, e.Value())
}

func (l *locator) value(path string, v *unstable.Node) {
	switch v.Kind {
	case unstable.InlineTable:
		for entries := v.Children(); entries.Next(); {
			l.keyValue(path, entries.Node())
		}
	case unstable.Array:
		i := 0
		for elements := v.Children(); elements.Next(); i++ {
			e := elements.Node()
			if e.Raw.Length > 0 {
				l.mark(element(path, i), e.Raw.Offset)
			}
			l.value(element(path, i), e)
		}
	}
}

// mark notes where the path begins.
func (l *locator) mark(path string, offset uint32) {
	if _, ok := l.doc.lines[path]; !ok {
		l.doc.lines[path] = l.line(offset)
	}
}

// join adds a key to the path of a table. A dot within the key is another's
// business: nothing that presenced knows has one.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// generic is the path without indices: the same for all elements of an array.
func generic(path string) string {
	var b strings.Builder
	for path != "" {
		before, after, _ := strings.Cut(path, "[")
		b.WriteString(before)
		_, path, _ = strings.Cut(after, "]")
	}
	return b.String()
}
