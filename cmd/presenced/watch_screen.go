package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// keptNews is how many changes the screen remembers: more than fit on any.
const keptNews = 200

// watchScreen draws what w sees until q is typed or ctx ends. The terminal is
// left as it was found, however this ends.
func (p *program) watchScreen(ctx context.Context, w *watcher) (err error) {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	screen, err := p.stdout.Screen(quit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, screen.Close()) }()
	s := w.sight(nil)
	sights := make(chan sight)
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if fault := recover(); fault != nil { // a fault cannot be read before the terminal is restored
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
		width, height := screen.Size()
		if err := screen.Draw(p.screen(s, news, width, height, time.Now())); err != nil {
			return err
		}
		select {
		case s = <-sights:
			news = append(news, s.changes...)
			news = news[max(0, len(news)-keptNews):]
		case <-screen.Resized:
		case err := <-ended:
			return err
		}
	}
}

// screen is what `watch` draws: at most height lines of at most width columns.
// What is news fills what the rest leaves.
func (p *program) screen(s sight, news []change, width, height int, now time.Time) []string {
	part := max(2, (height-8)/4) // of the lines for each of clients, calls and what is pending
	lines := p.head(s, width, now)
	lines = append(lines, p.section(clientTable(s, part), "CLIENT… REPEATS REQUESTS BAD_SECRETS", width)...)
	lines = append(lines, p.section(callTable(s, part), "CALL…", width)...)
	if pending := pendingLines(s.visits, part, now); len(pending) > 0 {
		lines = append(lines, "", p.stdout.Bold("PENDING"))
		for _, line := range pending {
			lines = append(lines, terminal.Cut(line, width))
		}
	}
	lines = append(lines, "", p.stdout.Bold("NEWS")+p.stdout.Dim("   q ends"))
	if len(news) == 0 {
		lines = append(lines, p.stdout.Dim("nothing has changed since this began"))
	}
	for _, c := range slices.Backward(news) {
		if len(lines) >= height {
			break
		}
		line := terminal.Cut(c.At.In(p.zone(c.Site)).Format("15:04:05")+"  "+c.String(), width)
		lines = append(lines, strings.Replace(line, c.What, p.shade(c.What), 1))
	}
	return lines[:min(len(lines), height)]
}

// troublesMost is how many lines of the screen say what is amiss.
const troublesMost = 3

// head is who is here, how Kadence is, and what is amiss.
func (p *program) head(s sight, width int, now time.Time) []string {
	here := map[presence.VisitState]int{}
	for _, v := range s.visits {
		here[v.State]++
	}
	leaving := ""
	if n := here[presence.Leaving]; n > 0 {
		leaving = fmt.Sprintf(" (%d leaving)", n)
	}
	text := fmt.Sprintf("presenced  %d here%s, %s, %d pending", // leaving is believed only later: they are here, as in status
		here[presence.Present]+here[presence.Arriving]+here[presence.Leaving], leaving, terminal.Count(s.status.Live, "session"), s.status.Pending)
	clock := now.Format("15:04:05")
	text = terminal.Cut(text, width-len(clock)-1)
	lines := []string{p.stdout.Bold(text) + strings.Repeat(" ", max(1, width-len(clock)-terminal.Columns(text))) + clock}
	if s.silent {
		return append(lines, p.stdout.Red(terminal.Cut("the daemon does not answer: this is what it said last", width)))
	}
	lines = append(lines, terminal.Cut("kadence    "+deskIs(s.status.Desk, s.status.Started.Time), width))
	for i := range s.status.Troubles {
		text := terminal.Printable(s.status.Troubles[i].Text(now))
		if more := len(s.status.Troubles) - troublesMost; i == troublesMost-1 && more > 0 {
			text = fmt.Sprintf("… and %d more: presenced status", more+1)
		}
		if i < troublesMost {
			lines = append(lines, p.graded(&s.status.Troubles[i], terminal.Cut(text, width)))
		}
	}
	return lines
}

// section is a table under an empty line; nothing if it is empty.
func (p *program) section(t *terminal.Table, spare string, width int) []string {
	if len(t.Lines) == 0 {
		return nil
	}
	t.Fit(width, spare)
	lines := strings.Split(strings.TrimSuffix(t.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = terminal.Cut(lines[i], width)
	}
	lines[0] = p.stdout.Bold(lines[0])
	return append([]string{""}, lines...)
}

// clientTable is the packets of the most clients that there is room for, the
// busiest first.
func clientTable(s sight, most int) *terminal.Table {
	before := map[string]control.Client{}
	for _, c := range s.before.Clients {
		before[c.Name] = c
	}
	rate := func(c control.Client) float64 {
		if s.passed <= 0 {
			return 0
		}
		return float64(c.Requests-min(c.Requests, before[c.Name].Requests)) / s.passed.Seconds()
	}
	clients := slices.Clone(s.status.Clients)
	slices.SortStableFunc(clients, func(a, b control.Client) int {
		return cmp.Or(cmp.Compare(rate(b), rate(a)), cmp.Compare(b.Requests, a.Requests))
	})
	t := &terminal.Table{Columns: []string{"CLIENT", "PER_SECOND", "REQUESTS", "REPEATS", "BAD_SECRETS", "LAST_HEARD"}}
	for _, c := range clients[:min(len(clients), most)] {
		t.Lines = append(t.Lines, []string{
			c.Name, fmt.Sprintf("%.1f", rate(c)), strconv.FormatUint(c.Requests, 10), strconv.FormatUint(c.Duplicates, 10),
			strconv.FormatUint(c.BadSecrets, 10), terminal.SinceThen(c.LastHeard.Time, s.status.Started.Time),
		})
	}
	return t
}

// callTable is the calls to Kadence, the most frequent first.
func callTable(s sight, most int) *terminal.Table {
	calls := slices.Clone(s.status.Desk.Calls)
	slices.SortStableFunc(calls, func(a, b control.Call) int { return cmp.Compare(b.Count, a.Count) })
	t := &terminal.Table{Columns: []string{"CALL", "RESULT", "COUNT"}}
	for _, c := range calls[:min(len(calls), most)] {
		t.Lines = append(t.Lines, []string{c.Route, c.Result, strconv.Itoa(c.Count)})
	}
	return t
}

// pendingLines are the visits on which a call is pending, the next first.
func pendingLines(visits map[string]control.Visit, most int, now time.Time) (lines []string) {
	type errand struct {
		user, what string
		control.Errand
	}
	var all []errand
	for _, v := range visits {
		if v.CheckIn.Status == presence.Pending {
			all = append(all, errand{v.User, "check-in", v.CheckIn})
		}
		if v.CheckOut.Status == presence.Pending {
			all = append(all, errand{v.User, "check-out", v.CheckOut})
		}
	}
	slices.SortFunc(all, func(a, b errand) int { return cmp.Or(a.Next.Compare(b.Next.Time), cmp.Compare(a.user, b.user)) })
	for _, e := range all[:min(len(all), most)] {
		lines = append(lines, fmt.Sprintf("%-9s  %s  %s%s", e.what, terminal.Printable(e.user), terminal.Ago(e.Next.Time, now), terminal.Because(e.Reason)))
	}
	if more := len(all) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("… and %d more", more))
	}
	return lines
}

// shade gives each kind of change its colour.
func (p *program) shade(what string) string {
	switch what {
	case "arriving", "arrived", "back":
		return p.stdout.Green(what)
	case "leaving", "left":
		return p.stdout.Yellow(what)
	case "desk", "daemon", "client":
		return p.stdout.Red(what)
	}
	return p.stdout.Bold(what)
}
