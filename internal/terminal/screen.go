package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the other screen, without a cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	homeCursor  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// Screen is a whole terminal that is drawn on, until it is closed.
type Screen struct {
	Resized chan os.Signal // says that it is to be drawn anew, at another size

	out    Out
	before *term.State // of the standard input; nil if that is no terminal
}

// Screen takes the whole terminal. It calls quit when q, Ctrl-C or Ctrl-D is
// typed.
func (o Out) Screen(quit func()) (*Screen, error) {
	s := &Screen{Resized: make(chan os.Signal, 1), out: o}
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		before, err := term.MakeRaw(in)
		if err != nil {
			return nil, fmt.Errorf("set up terminal: %w", err)
		}
		s.before = before
		go keys(os.Stdin, quit)
	}
	if _, err := io.WriteString(o, enterScreen); err != nil {
		return nil, errors.Join(err, s.restore())
	}
	signal.Notify(s.Resized, syscall.SIGWINCH)
	return s, nil
}

// Close leaves the terminal as it was found.
func (s *Screen) Close() error {
	signal.Stop(s.Resized)
	_, err := io.WriteString(s.out, leaveScreen)
	return errors.Join(err, s.restore())
}

func (s *Screen) restore() error {
	if s.before == nil {
		return nil
	}
	return term.Restore(int(os.Stdin.Fd()), s.before)
}

// keys reads what is typed, and calls quit at q, Ctrl-C or Ctrl-D.
func keys(in io.Reader, quit func()) {
	typed := make([]byte, 64)
	for {
		n, err := in.Read(typed)
		if err != nil {
			return
		}
		if strings.ContainsAny(string(typed[:n]), "qQ\x03\x04") {
			quit()
		}
	}
}

// Size returns how many columns and lines there are at the moment.
func (s *Screen) Size() (width, height int) {
	if f, ok := s.out.Terminal(); ok {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 && height > 0 {
			return width, height
		}
	}
	return 80, 24
}

// Draw draws the screen anew.
func (s *Screen) Draw(lines []string) error {
	_, err := io.WriteString(s.out, homeCursor+strings.Join(lines, clearLine+"\r\n")+clearLine+clearBelow)
	return err
}
