package configs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/presenced/presenced/presence"
)

// table is one table of a document. Its methods take a key out of it and so
// make it known; what is wrong with the value is noted as a fault, and the
// default is returned instead, so that reading goes on.
type table struct {
	doc    *document
	path   string // radius.client[0]; "" for the root
	title  string // radius.client "hq-wlc"
	values map[string]any
	absent bool
}

// fault notes what is wrong with the value of a key, or with the table itself
// if the key is empty.
func (t *table) fault(key, what, remedy string) {
	path, title := t.path, t.title
	if key != "" {
		path, title = join(t.path, key), t.name(key)
	}
	t.doc.fault(path, title, what, remedy)
}

// wrong notes that an error is what is wrong with the value of a key.
func (t *table) wrong(key string, err error) { t.wrongAt(join(t.path, key), key, err) }

// wrongElement is wrong for an element of a list.
func (t *table) wrongElement(key string, i int, err error) {
	t.wrongAt(element(join(t.path, key), i), key, err)
}

func (t *table) wrongAt(path, key string, err error) {
	m := mistake{what: err.Error()}
	errors.As(err, &m)
	t.doc.fault(path, t.name(key), m.what, m.remedy)
	t.doc.faults[len(t.doc.faults)-1].Denied = errors.As(err, &denial{})
}

// name is how faults name a key.
func (t *table) name(key string) string {
	switch {
	case t.title == "":
		return key
	case t.title[len(t.title)-1] == '"' || t.path[len(t.path)-1] == ']':
		return t.title + " " + key
	}
	return t.title + "." + key
}

// has reports whether the key is there.
func (t *table) has(key string) bool {
	_, ok := t.values[key]
	return ok
}

// lookUp returns the value of a key, and makes the key known with its default,
// nil for none.
func (t *table) lookUp(key string, otherwise any) (any, bool) {
	t.doc.known[join(generic(t.path), key)] = otherwise
	v, ok := t.values[key]
	return v, ok
}

// get returns the value of a key if it is there and is a T.
func get[T any](t *table, key string, otherwise any, want string) (value T, ok bool) {
	v, ok := t.lookUp(key, otherwise)
	if !ok {
		return value, false
	}
	if value, ok = v.(T); !ok {
		t.fault(key, "it is "+kind(v), "write "+want)
	}
	return value, ok
}

// kind names the type of a value and never its content, which may be secret.
func kind(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	case int64, float64:
		return "a number"
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// text returns a text; otherwise is "" also where there is no default.
func (t *table) text(key, otherwise string) string {
	if s, ok := get[string](t, key, otherwise, `text, in quotes`); ok {
		return s
	}
	return otherwise
}

// required returns a text that has to be there.
func (t *table) required(key, example string) string {
	if !t.has(key) {
		t.lookUp(key, nil)
		t.fault("", "no "+key, fmt.Sprintf("add %s = %q", key, example))
		return ""
	}
	s, ok := get[string](t, key, nil, `text, in quotes`)
	if ok && s == "" {
		t.fault(key, "it is empty", fmt.Sprintf("write, for example, %s = %q", key, example))
	}
	return s
}

// chosen returns a text that is one of choices.
func (t *table) chosen(key, otherwise string, choices ...string) string {
	s := t.text(key, otherwise)
	if !slices.Contains(choices, s) {
		t.fault(key, fmt.Sprintf("%q is none of its values", s), meant(s, choices))
		return otherwise
	}
	return s
}

// list returns a list of texts that are each as check wants them.
func (t *table) list(key string, otherwise []string, check func(string) error) []string {
	const want = `a list of texts: ["…", "…"]`
	values, ok := get[[]any](t, key, otherwise, want)
	if !ok {
		return otherwise
	}
	texts := make([]string, 0, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			t.wrongElement(key, i, mistake{"element " + strconv.Itoa(i+1) + " is " + kind(v), "write " + want})
			continue
		}
		if err := check(s); err != nil {
			t.wrongElement(key, i, err)
			continue
		}
		if slices.Contains(texts, s) { // which may be a secret
			t.wrongElement(key, i, mistake{"element " + strconv.Itoa(i+1) + " is there already", "leave one out"})
		}
		texts = append(texts, s)
	}
	return texts
}

// filled returns a list that must not be empty.
func (t *table) filled(key string, otherwise []string, check func(string) error, remedy string) []string {
	if values, ok := t.values[key].([]any); ok && len(values) == 0 {
		t.fault(key, "it is empty", remedy)
	}
	return t.list(key, otherwise, check)
}

func (t *table) yes(key string, otherwise bool) bool {
	if b, ok := get[bool](t, key, otherwise, "true or false, without quotes"); ok {
		return b
	}
	return otherwise
}

// whole returns a number from least to most.
func (t *table) whole(key string, otherwise, least, most int) int {
	n, ok := get[int64](t, key, otherwise, "a whole number, without quotes")
	if !ok {
		return otherwise
	}
	if n < int64(least) || n > int64(most) {
		t.fault(key, fmt.Sprintf("%d is not within %d and %d", n, least, most), "the default is "+strconv.Itoa(otherwise))
		return otherwise
	}
	return int(n)
}

// number returns a number above zero and up to most.
func (t *table) number(key string, otherwise, most float64) float64 {
	v, ok := t.lookUp(key, otherwise)
	if !ok {
		return otherwise
	}
	var n float64
	switch v := v.(type) {
	case int64:
		n = float64(v)
	case float64:
		n = v
	default:
		t.fault(key, "it is "+kind(v), "write a number, without quotes")
		return otherwise
	}
	if !(n > 0 && n <= most) {
		t.fault(key, fmt.Sprintf("%v is not above 0 and at most %v", n, most), fmt.Sprintf("the default is %v", otherwise))
		return otherwise
	}
	return n
}

// parsed returns what parse makes of a text; parse takes the default.
func parsed[T any](t *table, key, otherwise string, parse func(string) (T, error)) T {
	value, err := parse(t.text(key, otherwise))
	if err == nil {
		return value
	}
	t.wrong(key, err)
	value, _ = parse(otherwise)
	return value
}

// table returns the table of a key, an empty one if there is none.
func (t *table) table(key string) *table {
	below := &table{doc: t.doc, path: join(t.path, key), title: t.name(key), absent: true}
	v, there := t.lookUp(key, nil)
	if values, ok := v.(map[string]any); ok {
		below.values, below.absent = values, false
	} else if there {
		t.fault(key, "it is "+kind(v), fmt.Sprintf("begin it with the line [%s]", below.title))
	}
	t.doc.tables = append(t.doc.tables, below)
	return below
}

// array returns the tables of a key, and false if there is something else.
// Each is called by the text of its key name, else by its number.
func (t *table) array(key string) (tables []*table, ok bool) {
	v, there := t.lookUp(key, nil)
	title := t.name(key)
	var all []map[string]any
	switch v := v.(type) {
	case []map[string]any:
		all = v
	case []any:
		for _, e := range v {
			values, ok := e.(map[string]any)
			if !ok {
				t.fault(key, "it is a list of something else than tables", fmt.Sprintf("begin each with the line [[%s]]", title))
				return nil, false
			}
			all = append(all, values)
		}
	default:
		if there {
			t.fault(key, "it is "+kind(v), fmt.Sprintf("begin each with the line [[%s]], in double brackets", title))
		}
		return nil, !there
	}
	tables = make([]*table, len(all))
	for i, values := range all {
		name := title + " " + strconv.Itoa(i+1)
		if s, ok := values["name"].(string); ok && s != "" {
			name = title + " " + strconv.Quote(s)
		}
		tables[i] = &table{doc: t.doc, path: element(join(t.path, key), i), title: name, values: values}
	}
	t.doc.tables = append(t.doc.tables, tables...)
	return tables, true
}

// pairs returns a table of texts by texts, with the keys folded.
func (t *table) pairs(key string, check func(key, value string) error) map[string]string {
	values, _ := get[map[string]any](t, key, map[string]string{}, `a table of texts: { "…" = "…" }`)
	folded := make(map[string]string, len(values))
	for _, k := range sortedKeys(values) {
		path := join(join(t.path, key), k)
		s, ok := values[k].(string)
		err := error(nil)
		switch _, twice := folded[presence.Fold(k)]; {
		case !ok && kind(values[k]) == "a table":
			err = mistake{fmt.Sprintf("%q is a table", k), "put quotes around a key with dots"}
		case !ok:
			err = mistake{fmt.Sprintf("%q is %s", k, kind(values[k])), "write text, in quotes"}
		case twice:
			err = mistake{fmt.Sprintf("%q is there twice, in another case", k), "leave one out"}
		default:
			err = check(k, s)
		}
		if err != nil {
			t.wrongAt(path, key, err)
			continue
		}
		folded[presence.Fold(k)] = s
	}
	return folded
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
