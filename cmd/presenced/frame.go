package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// screen is what `watch` draws: at most height lines of at most width columns.
// What is news fills what the rest leaves.
func (p *program) screen(s sight, news []change, width, height int, now time.Time) []string {
	part := max(2, (height-8)/4) // of the lines for each of clients, calls and what is pending
	lines := p.head(s, width, now)
	lines = append(lines, p.section(clientTable(s, part), "CLIENT… REPEATS REQUESTS BAD_SECRETS", width)...)
	lines = append(lines, p.section(callTable(s, part), "CALL…", width)...)
	if pending := pendingLines(s.visits, part, now); len(pending) > 0 {
		lines = append(lines, "", p.bold("PENDING"))
		for _, line := range pending {
			lines = append(lines, cut(line, width))
		}
	}
	lines = append(lines, "", p.bold("NEWS")+p.dim("   q ends"))
	if len(news) == 0 {
		lines = append(lines, p.dim("nothing has changed since this began"))
	}
	for _, c := range slices.Backward(news) {
		if len(lines) >= height {
			break
		}
		line := cut(c.At.In(p.zone(c.Site)).Format("15:04:05")+"  "+c.String(), width)
		lines = append(lines, strings.Replace(line, c.What, p.shade(c.What), 1))
	}
	return lines[:min(len(lines), height)]
}

// head is who is here and how Kadence and the store are.
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
		here[presence.Present]+here[presence.Arriving]+here[presence.Leaving], leaving, count(s.status.Live, "session"), s.status.Pending)
	clock := now.Format("15:04:05")
	text = cut(text, width-len(clock)-1)
	lines := []string{p.bold(text) + strings.Repeat(" ", max(1, width-len(clock)-utf8.RuneCountInString(text))) + clock}
	trouble := ""
	switch {
	case s.silent:
		trouble = "the daemon does not answer: this is what it said last"
	case !s.status.Ready:
		trouble = "nothing is answered: " + printable(s.status.Failing)
	case s.status.Desk.Error != "":
		trouble = "kadence does not answer: " + printable(s.status.Desk.Error)
	}
	if trouble != "" {
		return append(lines, p.red(cut(trouble, width)))
	}
	desk := map[string]string{"none": "none: nothing is checked in or out", "dry_run": "dry run", "live": "live"}[s.status.Desk.Mode]
	if s.status.Desk.Mode != "none" {
		desk += ", last answer " + sinceThen(s.status.Desk.Success)
	}
	return append(lines, cut("kadence    "+desk, width))
}

// section is a table under an empty line; nothing if it is empty.
func (p *program) section(t *table, spare string, width int) []string {
	if len(t.lines) == 0 {
		return nil
	}
	for _, cells := range t.lines {
		for i := range cells {
			cells[i] = printable(cells[i])
		}
	}
	t.fit(width, strings.Fields(spare))
	lines := strings.Split(strings.TrimSuffix(t.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = cut(lines[i], width)
	}
	lines[0] = p.bold(lines[0])
	return append([]string{""}, lines...)
}

// clientTable is the packets of the most clients that there is room for, the
// busiest first.
func clientTable(s sight, most int) *table {
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
	t := &table{columns: []string{"CLIENT", "PER_SECOND", "REQUESTS", "REPEATS", "BAD_SECRETS", "LAST_HEARD"}}
	for _, c := range clients[:min(len(clients), most)] {
		t.lines = append(t.lines, []string{
			c.Name, fmt.Sprintf("%.1f", rate(c)), strconv.FormatUint(c.Requests, 10), strconv.FormatUint(c.Duplicates, 10),
			strconv.FormatUint(c.BadSecrets, 10), sinceThen(c.LastHeard),
		})
	}
	return t
}

// callTable is the calls to Kadence, the most frequent first.
func callTable(s sight, most int) *table {
	calls := slices.Clone(s.status.Desk.Calls)
	slices.SortStableFunc(calls, func(a, b control.Call) int { return cmp.Compare(b.Count, a.Count) })
	t := &table{columns: []string{"CALL", "RESULT", "COUNT"}}
	for _, c := range calls[:min(len(calls), most)] {
		t.lines = append(t.lines, []string{c.Route, c.Result, strconv.Itoa(c.Count)})
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
		lines = append(lines, fmt.Sprintf("%-9s  %s  %s%s", e.what, printable(e.user), ago(e.Next.Time, now), because(e.Reason)))
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
		return p.green(what)
	case "leaving", "left":
		return p.yellow(what)
	case "desk", "daemon", "client":
		return p.red(what)
	}
	return p.bold(what)
}
