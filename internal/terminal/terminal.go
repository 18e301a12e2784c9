// Package terminal is what a person reads a verb's answer on: how wide it is,
// tables that fit it, colour, times as a person would tell them, and the whole
// screen that `watch` draws. Where there is no terminal nothing is cut,
// coloured or told shorter; what a stranger named moves no cursor anywhere.
package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Out is where a verb prints: a terminal, or a file or pipe, on which nothing
// is coloured or cut.
type Out struct{ io.Writer }

// Terminal returns the file that is printed to if it is a terminal.
func (o Out) Terminal() (f *os.File, ok bool) {
	f, ok = o.Writer.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns there are; 0, as wide as need be, if it is no
// terminal.
func (o Out) Width() int {
	f, ok := o.Terminal()
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// Bold sets text in bold on a terminal.
func (o Out) Bold(text string) string { return o.paint("1", text) }

// Red sets text in red on a terminal.
func (o Out) Red(text string) string { return o.paint("31", text) }

// Green sets text in green on a terminal.
func (o Out) Green(text string) string { return o.paint("32", text) }

// Yellow sets text in yellow on a terminal.
func (o Out) Yellow(text string) string { return o.paint("33", text) }

// Dim sets text in grey on a terminal.
func (o Out) Dim(text string) string { return o.paint("2", text) }

func (o Out) paint(code, text string) string {
	if _, ok := o.Terminal(); !ok || text == "" || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Hang writes text after a label, folded to the terminal's width, its further
// lines under its first. The label counts as columns wide, whatever colour is
// in it.
func (o Out) Hang(label string, columns int, text string) string {
	width := o.Width()
	if width > 0 {
		width = max(width-columns, 20)
	}
	return label + strings.Join(fold(text, width), "\n"+strings.Repeat(" ", columns)) + "\n"
}

// Fact is what is said about a subject.
type Fact struct{ Subject, Text string }

// Facts writes facts in two columns, their texts folded to the terminal's
// width. A fact without a subject goes on about the last.
func (o Out) Facts(all []Fact) string {
	widest := 0
	for _, f := range all {
		widest = max(widest, Columns(f.Subject))
	}
	if width := o.Width(); width > 0 {
		widest = min(widest, width/3)
	}
	var text strings.Builder
	for _, f := range all {
		if f.Text == "" {
			continue
		}
		subject := Pad(f.Subject, widest)
		if Columns(f.Subject) > widest {
			subject += "\n" + strings.Repeat(" ", widest)
		}
		text.WriteString(o.Hang(subject+"  ", widest+2, f.Text))
	}
	return text.String()
}
