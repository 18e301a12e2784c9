package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rehearse"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/radiusacct"
)

// look is what a first look at files assumes, where there is no configuration.
type look struct {
	domain  string
	ssids   []string
	zone    string
	columns string
}

// flags gives a verb the flags of a first look.
func (l *look) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.domain, "domain", "", "without a configuration: the e-mail `DOMAIN` of names that have none")
	cmd.Flags().StringArrayVar(&l.ssids, "ssid", nil, "without a configuration: only this `NETWORK` counts; may be given again")
	cmd.Flags().StringVar(&l.zone, "time-zone", "", "the `ZONE` of times that name none, such as Europe/Berlin; otherwise this host's")
	cmd.Flags().StringVar(&l.columns, "columns", "", "a `FILE` that says what the columns of a CSV are")
}

// location returns the zone of times that name none; nil if none was given.
func (l *look) location() (*time.Location, error) {
	if l.zone == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(l.zone)
	if err != nil {
		return nil, fmt.Errorf("--time-zone: %q is no time zone: write an IANA name like Europe/London", l.zone)
	}
	return zone, nil
}

// configuration returns the one that was named, or the host's, or what is assumed
// where there is none.
func (p *program) configuration(cmd *cobra.Command, l *look) (*configs.Config, error) {
	zone, err := l.location()
	if err != nil {
		return nil, err
	}
	named := cmd.Flags().Changed("config")
	assumed := l.domain != "" || len(l.ssids) > 0
	if named && assumed {
		return nil, errors.New("--domain and --ssid are for a look without a configuration: leave them or -c out")
	}
	if !assumed {
		if _, err := os.Stat(p.config); named || !errors.Is(err, fs.ErrNotExist) {
			return configs.LoadRules(p.config)
		}
	}
	return configs.Assumed(l.domain, l.ssids, cmp.Or(zone, time.Local)), nil
}

// form returns what the files do not say of themselves, and what the columns of
// bookings are.
func (l *look) form() (form radiusacct.Form, bookings rehearse.BookingColumns, err error) {
	if form.Zone, err = l.location(); err != nil || l.columns == "" {
		return form, nil, err
	}
	f, err := os.Open(l.columns)
	if err != nil {
		return form, nil, err
	}
	defer f.Close()
	if form.Columns, bookings, err = rehearse.ReadColumns(f); err != nil {
		err = fmt.Errorf("%s: %w", l.columns, err)
	}
	return form, bookings, err
}

func (p *program) rehearse() *cobra.Command {
	var l look
	var plan rehearse.Plan
	var bookings, html string
	cmd := &cobra.Command{
		Use:   "rehearse FILE...",
		Short: "What presenced would have made of the accounting that is on file, and which linger fits",
		Long: `Reads accounting that others wrote down and says what presenced would have made of it: who would have been
there when, how many would have been believed gone too early with which linger, and what the controllers'
accounting is worth. Nothing is stored, nobody is called, and no secret is needed.

FILE is a file, a folder of them, or - for the standard input. What it is, is told by its content:

  FreeRADIUS detail files, also packed by gzip, and what freeradius -X, radclient -x and radsniff -x print
  captures: pcap and pcapng
  the table radacct, as CSV or TSV with a header (psql: \copy radacct to 'radacct.csv' csv header)
  the logs of Windows NPS, XML or database-compatible: they are in the server's local time, see --time-zone
  Cisco ISE's accounting messages, as syslog has them
  with --columns, a CSV of anybody's

Several are read as one, in order of time; copies of a record count once. What cannot be read is told with its
file and line, and the rest is read. Ctrl-C prints what is known so far.

Without a configuration, everybody's records are believed, at one site; --domain and --ssid do for a first look.
--linger is that linger alone, without lunch and dozes; the table of lingers always is. After the last record only
what is being left is decided: nobody falls silent because the file ends.

--bookings is a CSV with a header: user, site or building, start, end, and type and status if they are there; what
Kadence's own export looks like is not known here, so name its columns in the file of --columns:

  [bookings]
  user = "Employee"
  building = "Location"`,
		Example: `presenced rehearse --domain example.com --ssid Corp /var/log/freeradius/radacct
presenced rehearse -c presenced.toml --html report.html --anonymous radacct.csv
presenced rehearse --domain example.com --user ann@example.com detail-20261102.gz
presenced rehearse --time-zone Europe/London --linger 45m IN2611.log --csv > visits.csv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("FILE is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if plan.Anonymous && plan.User != "" {
				p.understood = false
				return errors.New("--user and --anonymous: give one of them")
			}
			if plan.Alone < 0 || plan.Alone > 12*time.Hour || plan.Alone > 0 && plan.Alone < time.Minute {
				p.understood = false
				return errors.New("--linger is from 1m to 12h")
			}
			plan.Names, plan.User, plan.Pictures = args, strings.ToLower(plan.User), html != ""
			if plan.Config, err = p.configuration(cmd, &l); err != nil {
				return err
			}
			var columns rehearse.BookingColumns
			if plan.Form, columns, err = l.form(); err != nil {
				return err
			}
			if bookings != "" {
				if plan.Bookings, err = p.bookings(bookings, columns, plan.Config); err != nil {
					return err
				}
			}
			return p.rehearsal(cmd, plan, html)
		},
	}
	l.flags(cmd)
	cmd.Flags().DurationVar(&plan.Alone, "linger", 0, "that linger alone, without lunch and dozes; otherwise as configured, or as delivered")
	cmd.Flags().StringVar(&bookings, "bookings", "", "hold the visits against the bookings in this CSV `FILE`")
	cmd.Flags().StringVar(&plan.User, "user", "", "tell this `USER`'s days")
	cmd.Flags().StringVar(&html, "html", "", "write a page with pictures to this `FILE`")
	cmd.Flags().BoolVar(&plan.Anonymous, "anonymous", false, "leave names out")
	cmd.Flags().BoolVar(&p.json, "json", false, "print JSON: the visits, and the report")
	cmd.Flags().BoolVar(&p.csv, "csv", false, "print the visits as comma-separated values, for a spreadsheet")
	cmd.MarkFlagsMutuallyExclusive("json", "csv")
	cmd.MarkFlagFilename("html", "html")
	cmd.MarkFlagFilename("bookings", "csv")
	cmd.MarkFlagFilename("columns", "toml")
	return cmd
}

// bookings reads a file of bookings, and tells what in it cannot be read.
func (p *program) bookings(name string, columns rehearse.BookingColumns, cfg *configs.Config) ([]rehearse.Booking, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, flaws, err := rehearse.ReadBookings(f, columns, cfg.Rules.Sites)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, flaw := range flaws {
		if i == 5 {
			fmt.Fprintf(p.stderr, "%s: … and %d more\n", name, len(flaws)-i)
			break
		}
		fmt.Fprintf(p.stderr, "%s: %s\n", name, terminal.Printable(flaw.Error()))
	}
	if all == nil {
		all = []rehearse.Booking{}
	}
	return all, nil
}

// mostMemory is how much memory a rehearsal takes before it takes more time instead.
const mostMemory = 260 << 20

// rehearsal rehearses, and prints what came of it.
func (p *program) rehearsal(cmd *cobra.Command, plan rehearse.Plan, html string) error {
	var visits func() error
	switch {
	case p.json:
		plan.Visit, visits = p.visitsAsJSON()
	case p.csv:
		plan.Visit, visits = p.visitsAsCSV()
	}
	progress := terminal.Out{Writer: p.stderr}
	if _, ok := progress.Terminal(); ok {
		plan.Progress = func(at rehearse.Progress) { fmt.Fprintf(p.stderr, "\r%s\x1b[K", howFar(at, time.Now())) }
	}
	debug.SetGCPercent(400) // most of what is made is over in a moment
	debug.SetMemoryLimit(mostMemory)
	report, err := rehearse.Run(cmd.Context(), plan)
	if plan.Progress != nil {
		fmt.Fprint(p.stderr, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	for _, f := range report.Files {
		for _, flaw := range f.First {
			fmt.Fprintln(p.stderr, terminal.Printable(flaw))
		}
		if more := f.Flaws - uint64(len(f.First)); more > 0 {
			fmt.Fprintf(p.stderr, "%s: … and %d more that cannot be read\n", f.Name, more)
		}
	}
	if html != "" {
		if err := writeReport(html, report); err != nil {
			return err
		}
	}
	switch {
	case visits != nil:
		err = visits()
		if err == nil && p.json {
			err = p.reportAsJSON(report)
		}
	default:
		_, err = io.WriteString(p.stdout, p.tellReport(report, plan))
	}
	if err == nil && report.Records == 0 {
		err = errors.New("there was no accounting in it")
	}
	return err
}

func writeReport(name string, report *rehearse.Report) error {
	var page bytes.Buffer
	if err := report.WriteHTML(&page); err != nil {
		return err
	}
	return os.WriteFile(name, page.Bytes(), 0o600) // it may name people
}

// howFar tells how far a rehearsal has come.
func howFar(p rehearse.Progress, now time.Time) string {
	spent := now.Sub(p.Began)
	text := fmt.Sprintf("%s: %d records, %.0f a second", p.At.Format(time.DateOnly), p.Records, float64(p.Records)/spent.Seconds())
	if p.Of > 0 && p.Read > 0 {
		share := min(1, float64(p.Read)/float64(p.Of))
		left := time.Duration(float64(spent)/share) - spent
		text += fmt.Sprintf(", %.0f %% of %d MiB, %s left", 100*share, p.Of>>20, left.Round(time.Second))
	}
	return text
}

// visitsAsJSON prints visits as they come: there may be many.
func (p *program) visitsAsJSON() (func(rehearse.Visit), func() error) {
	n, fault := 0, error(nil)
	write := func(text string) {
		if fault == nil {
			_, fault = io.WriteString(p.stdout, text)
		}
	}
	write("{\n  \"visits\": [")
	return func(v rehearse.Visit) {
			var text bytes.Buffer
			out := json.NewEncoder(&text)
			out.SetEscapeHTML(false)
			if err := out.Encode(v); err != nil {
				fault = cmp.Or(fault, err)
				return
			}
			write(map[bool]string{true: "\n    ", false: ",\n    "}[n == 0] + string(control.Escaped(bytes.TrimSpace(text.Bytes()))))
			n++
		}, func() error {
			write("\n  ],\n")
			return fault
		}
}

func (p *program) reportAsJSON(report *rehearse.Report) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("  ", "  ")
	if err := out.Encode(report); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "  \"report\": %s\n}\n", control.Escaped(bytes.TrimSpace(text.Bytes())))
	return err
}

func (p *program) visitsAsCSV() (func(rehearse.Visit), func() error) {
	out := csv.NewWriter(p.stdout)
	out.Write([]string{"user", "site", "arrived", "departed", "believed", "state", "end", "check_in", "check_out", "bookings"})
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	return func(v rehearse.Visit) {
			in, checkOut := time.Time{}, time.Time{}
			if v.CheckIn != nil {
				in = *v.CheckIn
			}
			if v.CheckOut != nil {
				checkOut = *v.CheckOut
			}
			out.Write([]string{
				harmless(v.User), harmless(v.Site), moment(v.Arrived), moment(v.Departed), moment(v.Believed), v.State, string(v.End),
				moment(in), moment(checkOut), strings.Join(v.Bookings, ", "),
			})
		}, func() error {
			out.Flush()
			return out.Error()
		}
}
