package main

import (
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal returns the standard output if it is a terminal.
func (p *program) terminal() (f *os.File, ok bool) {
	f, ok = p.stdout.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// width returns how many columns the standard output has; 0, as wide as need
// be, if it is no terminal.
func (p *program) width() int {
	f, ok := p.terminal()
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// bold sets text in bold on a terminal.
func (p *program) bold(text string) string { return p.paint("1", text) }

// red sets text in red on a terminal.
func (p *program) red(text string) string { return p.paint("31", text) }

// green sets text in green on a terminal.
func (p *program) green(text string) string { return p.paint("32", text) }

// yellow sets text in yellow on a terminal.
func (p *program) yellow(text string) string { return p.paint("33", text) }

// dim sets text in grey on a terminal.
func (p *program) dim(text string) string { return p.paint("2", text) }

func (p *program) paint(code, text string) string {
	if _, ok := p.terminal(); !ok || text == "" || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// fold breaks text into lines of at most width columns at blanks, where that
// is possible; with 0 it is one line.
func fold(text string, width int) (lines []string) {
	line, used := "", 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
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

// hang writes text after a label, folded to the terminal's width, its further lines
// under its first. The label counts as columns wide, whatever colour is in it.
func (p *program) hang(label string, columns int, text string) string {
	width := p.width()
	if width > 0 {
		width = max(width-columns, 20)
	}
	return label + strings.Join(fold(text, width), "\n"+strings.Repeat(" ", columns)) + "\n"
}

// fact is what is said about a subject.
type fact struct{ subject, text string }

// facts writes facts in two columns, their texts folded to the terminal's width.
// A fact without a subject goes on about the last.
func (p *program) facts(all []fact) string {
	widest := 0
	for _, f := range all {
		widest = max(widest, utf8.RuneCountInString(f.subject))
	}
	if width := p.width(); width > 0 {
		widest = min(widest, width/3)
	}
	var text strings.Builder
	for _, f := range all {
		if f.text == "" {
			continue
		}
		subject := f.subject + strings.Repeat(" ", max(0, widest-utf8.RuneCountInString(f.subject)))
		if utf8.RuneCountInString(f.subject) > widest {
			subject += "\n" + strings.Repeat(" ", widest)
		}
		text.WriteString(p.hang(subject+"  ", widest+2, f.text))
	}
	return text.String()
}
