package configs

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
)

// bom is what some editors put before UTF-8.
var bom = []byte("\xef\xbb\xbf")

// open returns the content of a list that the key names.
func open(t *table, key, name string) (path string, data []byte, ok bool) {
	path, err := t.doc.path(name)
	if err == nil {
		data, err = read(path)
	}
	if err != nil {
		if path != "" {
			err = mistake{"open " + path + ": " + cause(err), "make the file, if only an empty one, and let the daemon's user read it"}
		}
		t.wrong(key, err)
		return path, nil, false
	}
	t.doc.files, t.doc.listed[path] = append(t.doc.files, path), generic(t.path)
	return path, bytes.TrimPrefix(data, bom), true
}

// aliases reads a CSV file of identity,user. A first line of just these words
// is a heading, and # begins a comment.
func aliases(t *table, key, name string) map[string]string {
	path, data, ok := open(t, key, name)
	all := map[string]string{}
	if !ok {
		return all
	}
	fault := func(line int, what, remedy string) {
		t.doc.faults = append(t.doc.faults, Fault{File: path, Line: line, What: what, Remedy: remedy})
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comment, r.FieldsPerRecord, r.TrimLeadingSpace = '#', -1, true
	for first := true; ; first = false {
		fields, err := r.Read()
		if err == io.EOF {
			return all
		}
		var located *csv.ParseError
		if errors.As(err, &located) {
			fault(located.Line, located.Err.Error(), "write identity,user; put double quotes around what has quotes or commas in it")
			continue
		}
		line, _ := r.FieldPos(0)
		if len(fields) != 2 {
			fault(line, fmt.Sprintf("%d fields", len(fields)), "write identity,user; put double quotes around what has commas in it")
			continue
		}
		identity, user := presence.Fold(strings.TrimSpace(fields[0])), presence.Fold(strings.TrimSpace(fields[1]))
		if first && identity == "identity" && user == "user" {
			continue
		}
		other, twice := all[identity]
		switch err := mapping.IsAddress(user); {
		case identity == "":
			fault(line, "no identity", "write identity,user")
		case err != nil:
			fault(line, fmt.Sprintf("%q is no user: %v", user, err), "write a whole e-mail address")
		case twice && other != user:
			fault(line, fmt.Sprintf("%q is %s already", identity, other), "leave one out")
		}
		all[identity] = user
	}
}

// users reads a file of e-mail addresses, one a line; # begins a comment. Its
// faults name nobody: these people may not want to be in a log.
func users(t *table, key, name string) map[string]bool {
	path, data, ok := open(t, key, name)
	all := map[string]bool{}
	if !ok {
		return all
	}
	line := 0
	for text := range strings.Lines(string(data)) {
		line++
		text, _, _ = strings.Cut(text, "#")
		user := presence.Fold(strings.TrimSpace(text))
		if user == "" {
			continue
		}
		if err := mapping.IsAddress(user); err != nil {
			t.doc.faults = append(t.doc.faults, Fault{
				File: path, Line: line, What: "no user: " + err.Error(), Remedy: "write one whole e-mail address a line",
			})
		}
		all[user] = true
	}
	return all
}
