package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/presence"
)

// verdict is what a trial came to.
type verdict int

const (
	good verdict = iota
	noted
	doubtful
	wrong
)

// trial is one thing that the daemon relies on, and what became of trying it.
type trial struct {
	verdict
	subject string
	text    string
	remedy  string
}

// checkOnline tries everything that the configuration relies on, prints each
// as it is known, and fails if something is wrong.
func (p *program) checkOnline(ctx context.Context, cfg *configs.Config, user string) error {
	w := &trials{program: p, marks: marks()}
	fmt.Fprintln(p.stdout)
	w.print(tryFiles(cfg)...)
	w.print(tryCertificates(cfg, time.Now())...)
	w.print(tryHost(ctx, cfg, control.Dial(cfg.Control.Socket).Status)...)
	if cfg.Kadence == nil {
		w.print(trial{noted, "kadence", "none is configured: nothing is checked in or out", ""})
		return w.sumUp()
	}
	desk, err := kadence.New(daemon.KadenceConfig(cfg, nil), presence.NewMemory(), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	reached := desk.Reach(ctx)
	w.found(reached)
	for _, f := range reached {
		if f.Error != "" && f.Subject != "clock" {
			return w.sumUp() // the rest would only say so again
		}
	}
	w.found(desk.Check(ctx, user))
	for _, site := range cfg.Mapping.Sites {
		if user != "" {
			w.found(desk.CheckToday(ctx, user, site))
		}
	}
	if user == "" {
		w.print(trial{noted, "user", "none was looked up: --user you@example.com looks you up", ""})
	}
	return w.sumUp()
}

// trials prints them, and remembers how bad it was.
type trials struct {
	*program
	marks  [4]string
	counts [4]int
}

// subjects is how wide the column of subjects is.
const subjects = 22

func (w *trials) print(all ...trial) {
	for _, t := range all {
		if t.text == "" {
			continue
		}
		w.counts[t.verdict]++
		mark := w.marks[t.verdict]
		paint := [4]func(string) string{w.stdout.Green, w.stdout.Dim, w.stdout.Yellow, w.stdout.Red}[t.verdict]
		indent := terminal.Columns(mark) + 1
		subject := terminal.Printable(t.subject)
		if n := terminal.Columns(subject); n < subjects {
			subject += strings.Repeat(" ", subjects-n)
		} else {
			subject += "\n" + strings.Repeat(" ", indent+subjects)
		}
		fmt.Fprint(w.stdout, w.stdout.Hang(paint(mark)+" "+subject+" ", indent+subjects+1, terminal.Printable(t.text)))
		if t.remedy != "" {
			fmt.Fprint(w.stdout, w.stdout.Hang(strings.Repeat(" ", indent+subjects+1)+"→ ", indent+subjects+3, terminal.Printable(t.remedy)))
		}
	}
}

// found prints what Kadence's side found.
func (w *trials) found(all []kadence.Finding) {
	for _, f := range all {
		t := trial{good, f.Subject, f.Detail, f.Remedy}
		switch {
		case f.Error != "":
			t.verdict, t.text = wrong, strings.TrimPrefix(f.Detail+": "+f.Error, ": ")
		case f.Odd != "":
			t.verdict, t.text = doubtful, f.Odd
		}
		w.print(t)
	}
}

func (w *trials) sumUp() error {
	text := fmt.Sprintf("%d good, %d doubtful, %d wrong", w.counts[good], w.counts[doubtful], w.counts[wrong])
	if w.counts[wrong] > 0 {
		fmt.Fprintln(w.stdout, "\n"+w.stdout.Red(text))
		return errSilent
	}
	_, err := fmt.Fprintln(w.stdout, "\n"+w.stdout.Bold(text))
	return err
}

// marks are the signs of the verdicts, for a terminal that has no others in
// letters.
func marks() [4]string {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := strings.ToLower(os.Getenv(name)); value != "" {
			if strings.Contains(value, "utf-8") || strings.Contains(value, "utf8") {
				return [4]string{"✓", "·", "!", "✗"}
			}
			break
		}
	}
	return [4]string{"good    ", "note    ", "doubtful", "WRONG   "}
}
