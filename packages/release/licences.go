package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/google/licenseclassifier/v2/assets"
)

// accepted are the licences that may be linked into a program under
// Apache-2.0 without anything further; another is a decision to take first.
// MPL-2.0 asks that changes to its own files are passed on: there are none.
var accepted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

var classifier = sync.OnceValues(assets.DefaultClassifier)

// licences returns which licences the texts in a module's folder are, as an
// SPDX expression, and the texts with their notices.
func licences(dir string) (expression string, texts []string, err error) {
	texts, err = read(dir, "LICEN[CS]E*", "COPYING*")
	if err != nil {
		return "", nil, err
	}
	if len(texts) == 0 {
		return "", nil, fmt.Errorf("there is no licence in %s", dir)
	}
	known, err := classifier()
	if err != nil {
		return "", nil, err
	}
	var names []string
	for _, text := range texts {
		for _, match := range known.Match([]byte(text)).Matches {
			// A header says under which licence some of the files are.
			if (match.MatchType == "License" || match.MatchType == "Header") && !slices.Contains(names, match.Name) {
				names = append(names, match.Name)
			}
		}
	}
	if len(names) == 0 {
		return "", nil, errors.New("nobody knows it")
	}
	for _, name := range names {
		if !slices.Contains(accepted, name) {
			return "", nil, fmt.Errorf("%s is none of %s", name, strings.Join(accepted, ", "))
		}
	}
	slices.Sort(names)
	notices, err := read(dir, "NOTICE*")
	return strings.Join(names, " AND "), append(texts, notices...), err
}

// writeLicences writes docs/licences.md. It has no versions, so that it changes
// when what is linked does, or a licence.
func writeLicences(w io.Writer, all []module) error {
	var b strings.Builder
	b.WriteString(`# Licences of what is linked

presenced is under the Apache License 2.0, in [LICENSE](../LICENSE). These are linked into it, unchanged; their licences are passed
on with each package, archive and image as ` + "`copyright`" + `, and with their versions in the bill of materials. ` + "`make licences`" + ` writes this
page from the texts in the module cache, and a test holds it to them. What is linked has to be under one of
` + strings.Join(accepted, ", ") + `: a module with another licence is a decision to take first.

| module | licence |
|---|---|
`)
	for _, m := range all[1:] {
		fmt.Fprintf(&b, "| %s | %s |\n", m.name(), m.licence)
	}
	b.WriteString(`
The container image also has the certificates of the authorities that Mozilla trusts (MPL-2.0), from golang.org/x/crypto/x509roots.
`)
	_, err := io.WriteString(w, b.String())
	return err
}

func (m module) name() string {
	if m.path == std {
		return "the Go standard library"
	}
	return m.path
}

// writeCopyright writes what the licences ask to be passed on.
func writeCopyright(w io.Writer, all []module) error {
	line := strings.Repeat("=", 78)
	var b strings.Builder
	b.WriteString(strings.Join(all[0].texts, "\n"))
	b.WriteString("\nThe program contains the Go standard library and the modules named below, unchanged. The source of\n" +
		"each is had with \"go mod download\" and its name.\n")
	for _, m := range all[1:] {
		fmt.Fprintf(&b, "\n%s\n\n%s %s (%s)\n\n%s\n", line, m.name(), m.version, m.licence, strings.Join(m.texts, "\n"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
