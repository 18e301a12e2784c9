package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Columns is how many columns of a terminal text takes: two for a letter of
// Chinese, none for an accent that stands on the letter before it.
func Columns(text string) int { return runewidth.StringWidth(text) }

// Pad returns text with blanks after it, so that it takes that many columns if
// it does not take more.
func Pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-Columns(text)))
}

// Cut returns text, or as much of it as fits into that many columns with an
// ellipsis.
func Cut(text string, columns int) string {
	return runewidth.Truncate(text, columns, "…")
}

// fold breaks text into lines of at most width columns at blanks, where that
// is possible; with 0 it is one line.
func fold(text string, width int) (lines []string) {
	line, used := "", 0
	for _, word := range strings.Fields(text) {
		n := Columns(word)
		if width > 0 && used > 0 && used+1+n > width {
			lines = append(lines, line)
			line, used = "", 0
		}
		if used > 0 {
			line, used = line+" ", used+1
		}
		line, used = line+word, used+n
	}
	return append(lines, line)
}

// Printable returns s as a cell: what a NAS sent cannot move a terminal's
// cursor or break a line.
func Printable(s string) string {
	if s == "" {
		return "-"
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// Because is a reason as the end of a sentence, "" for none.
func Because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + Printable(reason)
}

// Lines writes each text on a line of its own.
func Lines(texts []string) string {
	lines := make([]string, len(texts))
	for i, text := range texts {
		lines[i] = Printable(text)
	}
	return strings.Join(lines, "\n")
}

// Size writes a number of bytes.
func Size(n int64) string {
	switch {
	case n < 1<<10:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// Count writes how many of a thing there are.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
