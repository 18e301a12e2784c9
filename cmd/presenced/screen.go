package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // the other screen, without a cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	homeCursor  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// keptNews is how many changes the screen remembers: more than fit on any.
const keptNews = 200

// watchScreen draws what w sees until q is typed or ctx ends. The terminal is
// left as it was found, however this ends.
func (p *program) watchScreen(ctx context.Context, w *watcher) (err error) {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	if in := int(os.Stdin.Fd()); term.IsTerminal(in) {
		before, err := term.MakeRaw(in)
		if err != nil {
			return fmt.Errorf("set up terminal: %w", err)
		}
		defer func() { err = errors.Join(err, term.Restore(in, before)) }()
		go keys(os.Stdin, quit)
	}
	if _, err := io.WriteString(p.stdout, enterScreen); err != nil {
		return err
	}
	defer io.WriteString(p.stdout, leaveScreen)
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)

	s := w.sight(nil)
	sights := make(chan sight)
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if fault := recover(); fault != nil { // for it to be read, the terminal has to be itself again
				ended <- fmt.Errorf("watch: %v\n%s", fault, debug.Stack())
			}
		}()
		ended <- w.follow(ctx, func(changes []change) error {
			select {
			case sights <- w.sight(changes):
			case <-ctx.Done():
			}
			return nil
		})
	}()
	var news []change
	for {
		if err := p.draw(s, news); err != nil {
			return err
		}
		select {
		case s = <-sights:
			news = append(news, s.changes...)
			news = news[max(0, len(news)-keptNews):]
		case <-resized:
		case err := <-ended:
			return err
		}
	}
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

// draw draws the screen anew.
func (p *program) draw(s sight, news []change) error {
	width, height := 80, 24
	if f, ok := p.terminal(); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			width, height = w, h
		}
	}
	lines := p.screen(s, news, width, height, time.Now())
	_, err := io.WriteString(p.stdout, homeCursor+strings.Join(lines, clearLine+"\r\n")+clearLine+clearBelow)
	return err
}
