package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/presenced/presenced/internal/rehearse"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// What a report prints of each list.
const (
	toldNASes   = 20
	toldNowhere = 10
)

// tellReport writes a report to be read.
func (p *program) tellReport(r *rehearse.Report, plan rehearse.Plan) string {
	var text strings.Builder
	p.tellRead(&text, r)
	if r.Records == 0 {
		return text.String()
	}
	p.tellNowhere(&text, r)
	p.tellAccounting(&text, r)
	p.tellLingers(&text, r)
	if r.Bookings != nil {
		p.tellBookings(&text, r.Bookings)
	}
	if plan.User != "" {
		p.tellUser(&text, r, plan)
	}
	return text.String()
}

func (p *program) tellRead(text *strings.Builder, r *rehearse.Report) {
	text.WriteString(p.stdout.Bold("what was read") + "\n")
	if r.Interrupted {
		text.WriteString(p.stdout.Yellow("broken off: this is what is known so far") + "\n")
	}
	formats := map[radiusacct.Format]int{}
	var order []radiusacct.Format
	unreadable := uint64(0)
	for _, f := range r.Files {
		if unreadable += f.Flaws; f.Format != "" {
			if formats[f.Format] == 0 {
				order = append(order, f.Format)
			}
			formats[f.Format]++
		}
	}
	facts := []terminal.Fact{}
	for _, f := range order {
		what := fmt.Sprintf("%d of %s", formats[f], f)
		if lacks := f.Lacks(); lacks != "" {
			what += "; lacks " + lacks
		}
		facts = append(facts, terminal.Fact{Subject: "files", Text: what})
	}
	records := strconv.FormatUint(r.Records, 10)
	if r.Repeats > 0 {
		records += fmt.Sprintf(", of which %d had come already", r.Repeats)
	}
	if unreadable > 0 {
		records += fmt.Sprintf("; %d could not be read", unreadable)
	}
	facts = append(facts, terminal.Fact{Subject: "records", Text: records})
	if r.Records > 0 {
		facts = append(facts,
			terminal.Fact{Subject: "span", Text: fmt.Sprintf("%s to %s", terminal.Moment(r.From), terminal.Moment(r.To))},
			terminal.Fact{Subject: "people", Text: fmt.Sprintf("%d, with %d devices, at %d sites: %d visits", r.People, r.Devices, r.Sites, r.Visits)},
		)
	}
	text.WriteString(p.stdout.Facts(facts))
}

func (p *program) tellNowhere(text *strings.Builder, r *rehearse.Report) {
	if len(r.Nowhere) == 0 {
		return
	}
	text.WriteString("\n" + p.stdout.Bold("what led to nobody") + "\n")
	var lines [][]string
	for _, n := range r.Nowhere[:min(len(r.Nowhere), toldNowhere)] {
		lines = append(lines, []string{n.Kind, n.Key, strconv.FormatUint(n.Records, 10), n.Reason, n.Remedy})
	}
	p.table(text, "KIND KEY RECORDS REASON REMEDY", "REMEDY…16 REASON…16 KEY…12", lines)
	if more := len(r.Nowhere) - toldNowhere; more > 0 {
		fmt.Fprintf(text, "… and %d more: --json has them\n", more)
	}
}

func (p *program) table(text *strings.Builder, header, spare string, lines [][]string) {
	t := terminal.Table{Columns: strings.Fields(header), Lines: lines}
	t.Fit(p.stdout.Width(), spare)
	head, body, _ := strings.Cut(t.String(), "\n")
	text.WriteString(p.stdout.Bold(head) + "\n" + body)
}

func (p *program) tellAccounting(text *strings.Builder, r *rehearse.Report) {
	text.WriteString("\n" + p.stdout.Bold("your network's accounting") + "\n")
	share := func(s float64) string {
		if s < 0 {
			return "-"
		}
		return fmt.Sprintf("%.0f%%", 100*s)
	}
	length := func(d rehearse.Duration) string {
		if d == 0 {
			return "-"
		}
		return rehearse.Short(time.Duration(d))
	}
	var lines [][]string
	told := r.Accounting[:min(len(r.Accounting), toldNASes)]
	for _, n := range told {
		lines = append(lines, []string{
			n.NAS, string(n.Grade), strconv.FormatUint(n.Sessions, 10), share(n.Interims), length(n.Interval), share(n.LostStops),
			share(n.Late), share(n.Repeated), length(n.Skew), share(n.Anonymous), share(n.MACNames),
		})
	}
	p.table(text, "NAS GRADE SESSIONS INTERIMS INTERVAL LOST_STOPS LATE REPEATED CLOCK ANONYMOUS MAC_NAMES", "REPEATED LATE MAC_NAMES CLOCK NAS…16", lines)
	if more := len(r.Accounting) - len(told); more > 0 {
		fmt.Fprintf(text, "… and %d more, none of them worse: --json has them\n", more)
	}
	said := map[string]int{}
	var remedies []string
	for _, n := range r.Accounting {
		for _, remedy := range n.Remedies {
			if said[remedy]++; said[remedy] == 1 {
				remedies = append(remedies, n.NAS+": "+remedy)
			}
		}
	}
	for i, remedy := range remedies {
		if i == toldNASes {
			fmt.Fprintf(text, "… and %d remedies more: --json has them\n", len(remedies)-i)
			break
		}
		if n := said[strings.SplitN(remedy, ": ", 2)[1]]; n > 1 {
			remedy += fmt.Sprintf(" (and %d more)", n-1)
		}
		text.WriteString(p.stdout.Hang("  ", 4, terminal.Printable(remedy)))
	}
}

func (p *program) tellLingers(text *strings.Builder, r *rehearse.Report) {
	text.WriteString("\n" + p.stdout.Bold("which linger, alone: without lunch and dozes") + "\n")
	var lines [][]string
	for _, l := range r.Lingers {
		line := []string{rehearse.Short(time.Duration(l.Of)), strconv.Itoa(l.Arrivals), strconv.Itoa(l.Departures)}
		for _, n := range l.Returns {
			line = append(line, strconv.Itoa(n))
		}
		lines = append(lines, append(line, strconv.Itoa(l.Unknown), rehearse.Short(time.Duration(l.Wait))))
	}
	p.table(text, "LINGER ARRIVALS DEPARTURES BACK_15M BACK_30M BACK_1H BACK_2H UNKNOWN BELIEVED_AFTER", "BELIEVED_AFTER BACK_15M BACK_30M", lines)
	text.WriteString(p.stdout.Hang("", 0, "BACK is who came back so soon after their departure was believed: each a desk that might have been lost. UNKNOWN is visits that only max_session ended."))
	advice := "no recommendation"
	if r.Advice.Of > 0 {
		advice = "recommended: linger = \"" + rehearse.Short(time.Duration(r.Advice.Of)) + "\""
	}
	text.WriteString(p.stdout.Bold(advice) + "\n")
	for _, reason := range r.Advice.Reasons {
		text.WriteString(p.stdout.Hang("  ", 2, reason))
	}
}

func (p *program) tellBookings(text *strings.Builder, o *rehearse.Outcome) {
	text.WriteString("\n" + p.stdout.Bold("bookings") + "\n")
	count := func(subject string, n int, what string) terminal.Fact {
		return terminal.Fact{Subject: subject, Text: strconv.Itoa(n) + what}
	}
	text.WriteString(p.stdout.Facts([]terminal.Fact{
		count("bookings", o.Bookings, fmt.Sprintf("; %d left out: of other types, cancelled, or after the records", o.Ignored)),
		count("checked in", o.CheckedIn, ""),
		count("checked out", o.CheckedOut, ", before they ended"),
		count("no-shows", o.NoShows, fmt.Sprintf(", of whom %d were at another site", o.Elsewhere)),
		count("without one", o.Unbooked, " visits had no booking"),
	}))
}

// tellUser writes a person's days.
func (p *program) tellUser(text *strings.Builder, r *rehearse.Report, plan rehearse.Plan) {
	text.WriteString("\n" + p.stdout.Bold(terminal.Printable(plan.User)) + "\n")
	if len(r.Days) == 0 {
		text.WriteString("had no visit; what led to nobody, above, may have been theirs\n")
		return
	}
	day := ""
	for _, v := range r.Days {
		zone := plan.Config.Rules.Sites[v.Site].Zone
		if zone == nil {
			zone = time.Local
			if plan.Form.Zone != nil {
				zone = plan.Form.Zone
			}
		}
		arrived := v.Arrived.In(zone)
		if name := arrived.Format("Monday 2 January 2006"); name != day {
			day = name
			text.WriteString(p.stdout.Bold(name) + "\n")
		}
		stay := arrived.Format("15:04:05") + " at " + terminal.Printable(v.Site) + ", " + v.State
		if !v.Departed.IsZero() {
			stay = fmt.Sprintf("%s to %s at %s, believed %s", arrived.Format("15:04:05"), v.Departed.In(zone).Format("15:04:05"), terminal.Printable(v.Site), v.Believed.In(zone).Format("15:04:05"))
		}
		if v.End != "" && v.End != presence.Left {
			stay += ": " + string(v.End)
		}
		text.WriteString(p.stdout.Hang("  ", 2, stay))
		for _, e := range v.Story {
			kind := p.kind(e.Kind) + strings.Repeat(" ", len(presence.Concluded)-len(e.Kind))
			text.WriteString(p.stdout.Hang("    "+e.At.In(zone).Format("15:04:05")+"  "+kind+"  ", 14+len(presence.Concluded)+2, terminal.Printable(e.Text)))
		}
	}
}
