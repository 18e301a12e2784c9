package configs

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Fault is one thing that is wrong.
type Fault struct {
	File   string
	Line   int    // 1-based; 0 if it is about the file as a whole
	Key    string // what it is about: `radius.client "hq-wlc" secret`; may be empty
	What   string // what is wrong
	Remedy string // what to do; may be empty
	Denied bool   // only because this user may not read a secret
}

// Error returns the fault as one line.
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		b.WriteString(":" + strconv.Itoa(f.Line))
	}
	if f.Key != "" {
		b.WriteString(": " + f.Key)
	}
	b.WriteString(": " + f.What)
	if f.Remedy != "" {
		b.WriteString(" (" + f.Remedy + ")")
	}
	return oneLine(b.String())
}

// oneLine escapes what would end a line, or hide in one.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		escaped := strconv.QuoteRune(r)
		b.WriteString(escaped[1 : len(escaped)-1])
	}
	return b.String()
}

// Faults is everything that is wrong with a configuration, in the order of
// lines. It is never empty when it is an error.
type Faults []Fault

// Error returns one line for each fault.
func (all Faults) Error() string {
	lines := make([]string, len(all))
	for i, f := range all {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Denied reports whether nothing else is wrong than that this user may not read the
// secrets, which are the daemon's.
func (all Faults) Denied() bool {
	return !slices.ContainsFunc(all, func(f Fault) bool { return !f.Denied })
}

// sort orders by line within each file, files as they first occur.
func (all Faults) sort() {
	order := map[string]int{}
	for _, f := range all {
		if _, ok := order[f.File]; !ok {
			order[f.File] = len(order)
		}
	}
	slices.SortStableFunc(all, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key), cmp.Compare(a.What, b.What))
	})
}

// mistake is what is wrong with a value, and what to write instead.
type mistake struct{ what, remedy string }

// denial is the mistake of asking as a user who may not read a secret.
type denial struct{ mistake }

func (d denial) Unwrap() error { return d.mistake }

func (m mistake) Error() string { return m.what }

// cause is an error of the file system without the operation and the path,
// which the fault names already.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// similar returns the name that was probably meant by s, "" if there is none.
func similar(s string, names []string) string {
	best, least := "", max(1, len(s)/3)+1
	for _, n := range names {
		if d := distance(s, n); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with the next
// to get from a to b.
func distance(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, old, row = old, row, older
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 0
			if a[i-1] != b[j-1] {
				differ = 1
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// meant is the remedy for a name that is not one of names.
func meant(s string, names []string) string {
	if n := similar(s, names); n != "" {
		return "did you mean " + strconv.Quote(n) + "?"
	}
	return "there is " + listed(names)
}

// mostListed is how many names a list of them tells.
const mostListed = 20

// manyFaults is after how many the names of thousands of others are not searched any
// more for what was meant.
const manyFaults = 100

// listed writes names as a list.
func listed(names []string) string {
	quoted := make([]string, 0, len(names))
	for i, n := range names {
		if i == mostListed && len(names) > mostListed+1 {
			quoted = append(quoted, strconv.Itoa(len(names)-i)+" more")
			break
		}
		quoted = append(quoted, strconv.Quote(n))
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " and " + quoted[len(quoted)-1]
}
