package configs

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Change is how one key is in another configuration, or one table that has a name, or a
// file that the configuration names.
type Change struct {
	Key  string // as faults name it: `radius.client "hq-wlc" address`; of a file its path
	What string // "60m → 45m", or of a secret and of a file that it is another
}

// String writes the change on one line.
func (c Change) String() string { return oneLine(c.Key + " " + c.What) }

// Changes returns what is otherwise in next, in the order of the keys. A key that is left
// out is what its default is.
func (c *Config) Changes(next *Config) []Change {
	all := map[string]string{}
	keys := maps.Clone(c.settings)
	maps.Copy(keys, next.settings)
	olds, news := elements(c.settings), elements(next.settings)
	for key := range keys {
		was, is := c.settings[key], next.settings[key]
		switch {
		case was.sum == is.sum:
		case is.of != "" && !olds[is.of]:
			all[is.of] = "is new"
		case was.of != "" && !news[was.of]:
			all[was.of] = "is gone"
		case (was.file || is.file) && was.file != is.file: // the key that names it tells
		case was.shown == "" && is.shown == "":
			all[key] = "has changed"
		default:
			all[key] = cmp.Or(was.shown, "none") + " → " + cmp.Or(is.shown, "none")
		}
	}
	var told []Change
	for _, key := range slices.Sorted(maps.Keys(all)) {
		told = append(told, Change{key, all[key]})
	}
	return told
}

// setting is the value of one key, or what is in a file.
type setting struct {
	of    string // the table that it is in, if that is one of several
	at    string // the path of its table, with indices
	key   string // in that
	usual bool   // it is the default
	shown string // "" for none, or if it may not be shown
	sum   [sha256.Size]byte
	file  bool
}

// elements are the tables of which there can be several.
func elements(settings map[string]setting) map[string]bool {
	all := map[string]bool{}
	for _, s := range settings {
		all[s.of] = true
	}
	return all
}

// hidden are the keys whose values nobody is shown.
var hidden = []string{"secret", "secrets", "client_secret", "token"}

// settings is every key that there is in the document, with its default where it is
// left out, and every file that was read.
func (d *document) settings() map[string]setting {
	all, tables := make(map[string]setting, len(d.tables)), map[string][]*table{}
	for _, t := range d.tables {
		path := generic(t.path)
		tables[path] = append(tables[path], t)
	}
	for path, otherwise := range d.known {
		parent, key := "", path
		if i := strings.LastIndexByte(path, '.'); i >= 0 {
			parent, key = path[:i], path[i+1:]
		}
		if tables[path] != nil {
			continue
		}
		for _, t := range tables[parent] {
			value, there := t.values[key]
			if !there {
				value = otherwise
			}
			s := setting{at: t.path, key: key, shown: written(value)}
			s.usual = s.shown == written(otherwise)
			s.sum = sha256.Sum256([]byte(s.shown))
			if strings.HasSuffix(t.path, "]") {
				s.of = t.title
			}
			if slices.Contains(hidden, key) {
				s.shown = ""
			}
			all[t.name(key)] = s
		}
	}
	for _, name := range d.files {
		if data, err := os.ReadFile(name); err == nil {
			all[name] = setting{at: d.listed[name], key: "list", sum: sha256.Sum256(data), file: true}
		}
	}
	return all
}

// written is a value as a person would write it.
func written(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case []any:
		texts := make([]string, len(v))
		for i, e := range v {
			texts[i] = written(e)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	case map[string]any:
		var texts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, key+" = "+written(v[key]))
		}
		return "{" + strings.Join(texts, ", ") + "}"
	case map[string]string:
		return "{}" // a default
	}
	return fmt.Sprint(value)
}
