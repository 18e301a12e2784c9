package radiusacct

import (
	"bytes"
	heaps "container/heap"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Columns says which column of a table holds what. A row is an event, with Time and
// Status, or a whole session, with Start, Update and Stop.
type Columns struct {
	Time   string // when the event was
	Status string // what it was
	Start  string // when the session began
	Update string // when its latest interim was
	Stop   string // when it ended; empty while it is on

	Layout     string            // how times are written, as Go has it (2006-01-02 15:04:05); "": in one of the usual ways
	Statuses   map[string]string // of Status, in lower case: "start", "interim" or "stop"; others are as RADIUS names them
	Attributes map[string]string // by name: the column that holds it
}

// Check returns what is wrong with the columns.
func (c *Columns) Check() error {
	switch session := c.Start != "" || c.Stop != ""; {
	case session && c.Time != "":
		return errors.New("a row is an event, with time and status, or a session, with start and stop: name the columns of one of them")
	case !session && (c.Time == "" || c.Status == ""):
		return errors.New("name the columns of time and status, or of start and stop")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		if _, known := dictionary[name]; !known {
			return fmt.Errorf("attribute %s is not known here", name)
		}
	}
	if c.Attributes["User-Name"] == "" || c.Attributes["Calling-Station-Id"] == "" {
		return errors.New("name the columns of User-Name and Calling-Station-Id: whose device it was, and which")
	}
	return nil
}

// radacct is the table of FreeRADIUS's SQL module, whose columns have had these names
// since version 2.
var radacct = Columns{
	Start: "acctstarttime", Update: "acctupdatetime", Stop: "acctstoptime",
	Attributes: map[string]string{
		"Acct-Session-Id": "acctsessionid", "User-Name": "username", "NAS-IP-Address": "nasipaddress", "NAS-Port-Id": "nasportid",
		"NAS-Port-Type": "nasporttype", "Called-Station-Id": "calledstationid", "Calling-Station-Id": "callingstationid",
		"Acct-Session-Time": "acctsessiontime", "Acct-Terminate-Cause": "acctterminatecause", "Service-Type": "servicetype", "Class": "class",
		"NAS-Identifier": "nasidentifier", // many add it
	},
}

func isRadacct(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	line = bytes.ToLower(line)
	return bytes.Contains(line, []byte("acctsessionid")) && bytes.Contains(line, []byte("acctstarttime"))
}

func newRadacct(l *lines, form Form) (Reader, error) {
	return readTable(l, &radacct, FormatRadacct, form.zone())
}

func newTable(l *lines, form Form) (Reader, error) {
	if err := form.Columns.Check(); err != nil {
		return nil, err
	}
	return readTable(l, form.Columns, FormatTable, form.zone())
}

// tableReader reads a table with a header, separated by commas, semicolons or tabs.
// Of a row that is a session it makes a Start, an Interim and a Stop, and gives them
// out in order of time, as far as the rows are in order of the sessions' begins.
type tableReader struct {
	lines   *lines
	columns *Columns
	format  Format
	zone    *time.Location

	comma   byte
	header  map[string]int
	fields  []string
	names   []string // of the attributes, in order
	at      []int    // … and their columns
	pending rowEvents
	row     int       // line of the present row
	passed  time.Time // the latest begin
	late    int       // rows that began well before one above them
	ended   error
	record  detailRecord
}

func readTable(l *lines, c *Columns, format Format, zone *time.Location) (Reader, error) {
	line, err := l.next()
	if err != nil {
		return nil, errors.New("there is no header")
	}
	r := &tableReader{lines: l, columns: c, format: format, zone: zone, comma: separator(line), header: map[string]int{}}
	for i, name := range r.split(string(line)) {
		r.header[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range []string{c.Time, c.Status, c.Start, c.Stop} {
		if name != "" && r.column(name) < 0 {
			return nil, fmt.Errorf("line 1: the header has no column %q; it has %s", name, strings.Join(slices.Sorted(maps.Keys(r.header)), ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		if at := r.column(c.Attributes[name]); at >= 0 {
			r.names, r.at = append(r.names, name), append(r.at, at)
		} else if format == FormatTable {
			return nil, fmt.Errorf("line 1: the header has no column %q; it has %s", c.Attributes[name], strings.Join(slices.Sorted(maps.Keys(r.header)), ", "))
		}
	}
	return r, nil
}

// separator returns what separates the fields of a header.
func separator(line []byte) byte {
	best := byte(',')
	for _, c := range []byte{'\t', ';', '|'} {
		if bytes.Count(line, []byte{c}) > bytes.Count(line, []byte{best}) {
			best = c
		}
	}
	return best
}

func (r *tableReader) column(name string) int {
	if at, ok := r.header[strings.ToLower(name)]; ok {
		return at
	}
	return -1
}

// Format implements [Reader].
func (r *tableReader) Format() Format { return r.format }

// field returns the text of a column; "" if there is none, or NULL.
func (r *tableReader) field(at int) string {
	if at < 0 || at >= len(r.fields) {
		return ""
	}
	return null(r.fields[at])
}

func null(s string) string {
	s = strings.TrimSpace(s)
	if s == "NULL" || s == `\N` || s == "(null)" {
		return ""
	}
	return s
}

// split returns the fields of a line, and reads on where a text in quotes goes on.
func (r *tableReader) split(line string) []string {
	r.fields = r.fields[:0]
	for more := true; more; {
		if r.comma != '\t' && strings.HasPrefix(line, `"`) {
			var b strings.Builder
			rest := line[1:]
			for {
				text, behind, closed := strings.Cut(rest, `"`)
				b.WriteString(text)
				if closed && strings.HasPrefix(behind, `"`) {
					b.WriteByte('"')
					rest = behind[1:]
					continue
				}
				if !closed && b.Len() < maxLen {
					next, err := r.lines.next()
					if err == nil {
						b.WriteByte('\n')
						rest = string(next)
						continue
					}
				}
				rest = behind
				break
			}
			r.fields = append(r.fields, b.String())
			_, line, more = strings.Cut(rest, string(r.comma))
			continue
		}
		var field string
		field, line, more = strings.Cut(line, string(r.comma))
		r.fields = append(r.fields, field)
	}
	return r.fields
}

// rowEvent is one that a row tells of.
type rowEvent struct {
	at     time.Time
	line   int
	octets []byte
	source netip.AddrPort
	unsaid []string
}

// rowEvents is a heap by time.
type rowEvents []rowEvent

func (e rowEvents) Len() int { return len(e) }
func (e rowEvents) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].line < e[j].line
}
func (e rowEvents) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *rowEvents) Push(x any)   { *e = append(*e, x.(rowEvent)) }
func (e *rowEvents) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// disorder is how far out of order rows may be.
const disorder = time.Hour

// mostPending is how many events wait for their time at the most.
const mostPending = 1 << 20

// Next implements [Reader].
func (r *tableReader) Next() (Packet, error) {
	for {
		if len(r.pending) > 0 && (r.ended != nil || !r.pending[0].at.After(r.passed.Add(-disorder)) || len(r.pending) > mostPending) {
			e := heaps.Pop(&r.pending).(rowEvent)
			return Packet{Octets: e.octets, Source: e.source, Heard: e.at, Unknown: e.unsaid, Place: e.line}, nil
		}
		if r.ended != nil {
			return Packet{}, r.ended
		}
		line, err := r.lines.next()
		if err != nil {
			r.ended = err
			if r.late > 0 && errors.Is(err, io.EOF) {
				return Packet{}, &Flaw{
					Place: "its rows", What: fmt.Sprintf("%d of them began more than an hour before one above them: what they tell comes late", r.late),
					Remedy: fmt.Sprintf("export it with ORDER BY %s", r.columns.Start+r.columns.Time),
				}
			}
			continue
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		r.row = r.lines.at
		if r.split(string(line)); len(r.fields) < len(r.header)/2 {
			return Packet{}, flawAt(r.row, "%d fields, and the header has %d", len(r.fields), len(r.header))
		}
		if err := r.take(); err != nil {
			return Packet{}, err
		}
	}
}

// take makes the events of a row.
func (r *tableReader) take() error {
	c := r.columns
	tell := func(column, status string) error {
		text := r.field(r.column(column))
		if column == "" || text == "" || strings.HasPrefix(text, "0000-00-00") {
			return nil
		}
		at, err := parseTime(text, c.Layout, r.zone)
		if err != nil {
			return flawAt(r.row, "%s: %v", column, err)
		}
		if column == c.Time || column == c.Start {
			r.order(at)
		}
		return r.event(at, status)
	}
	if c.Time != "" {
		status := r.field(r.column(c.Status))
		if mapped := c.Statuses[strings.ToLower(status)]; mapped != "" {
			status = mapped
		}
		return tell(c.Time, statusName(status))
	}
	start, _ := parseTime(r.field(r.column(c.Start)), c.Layout, r.zone)
	stop, _ := parseTime(r.field(r.column(c.Stop)), c.Layout, r.zone)
	update, _ := parseTime(r.field(r.column(c.Update)), c.Layout, r.zone)
	if err := tell(c.Start, "Start"); err != nil {
		return err
	}
	if c.Update != "" && update.After(start) && (stop.IsZero() || update.Before(stop)) {
		if err := tell(c.Update, "Interim-Update"); err != nil {
			return err
		}
	}
	return tell(c.Stop, "Stop")
}

// order notes how far the rows have come.
func (r *tableReader) order(at time.Time) {
	if !r.passed.IsZero() && at.Before(r.passed.Add(-disorder)) {
		r.late++
	}
	if at.After(r.passed) {
		r.passed = at
	}
}

// statusName returns the name that RADIUS has for the status.
func statusName(s string) string {
	switch strings.ToLower(s) {
	case "start", "1":
		return "Start"
	case "stop", "2":
		return "Stop"
	case "interim", "interim-update", "update", "alive", "3":
		return "Interim-Update"
	}
	return s
}

// event makes an event of the row.
func (r *tableReader) event(at time.Time, status string) error {
	d := &r.record
	d.reset()
	e := rowEvent{at: at, line: r.row}
	add := func(name, value string) error {
		if err := d.add([]byte(name), []byte(value), r.zone); err != nil {
			return flawAt(r.row, "%s: %v", name, err)
		}
		return nil
	}
	err := add("Acct-Status-Type", status)
	for i, name := range r.names {
		value := r.field(r.at[i])
		switch {
		case value == "":
			continue
		case name == "Acct-Terminate-Cause" && status != "Stop":
			continue
		case name == "Acct-Session-Time" && status == "Start": // it is that of the end
			continue
		case name == "Acct-Session-Time" && status == "Interim-Update" && r.field(r.column(r.columns.Stop)) != "":
			continue
		case name == "NAS-IP-Address":
			value, _, _ = strings.Cut(value, "/") // PostgreSQL writes inet
			if addr, err := netip.ParseAddr(value); err == nil {
				e.source = netip.AddrPortFrom(addr, 0)
				if addr.Is6() {
					name = "NAS-IPv6-Address"
				}
			}
		}
		err = errors.Join(err, add(name, value))
	}
	err = errors.Join(err, add("Event-Timestamp", fmt.Sprint(at.Unix())))
	if err != nil {
		return err
	}
	p, _ := d.end()
	e.octets, e.unsaid = bytes.Clone(p.Octets), p.Unknown
	heaps.Push(&r.pending, e)
	return nil
}

// layouts are how times are usually written.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04", "2006-01-02T15:04", "01/02/2006 15:04:05.999", "01/02/2006 15:04", "02.01.2006 15:04:05", "02.01.2006 15:04",
	"Jan _2 2006 15:04:05 MST", "2006-01-02",
}

// parseTime reads a time, which is the zone's if it names none, or seconds of the
// Unix epoch.
func parseTime(s, layout string, zone *time.Location) (time.Time, error) {
	if layout != "" {
		return time.ParseInLocation(layout, s, zone)
	}
	if isNumber([]byte(s)) && len(s) >= 9 && len(s) <= 13 {
		var n int64
		for _, c := range s {
			n = n*10 + int64(c-'0')
		}
		if len(s) > 11 {
			return time.UnixMilli(n), nil
		}
		return time.Unix(n, 0), nil
	}
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", s)
}

// ParseTime reads a time as tables have it: in any of the usual ways, of the zone if
// it names none.
func ParseTime(s string, zone *time.Location) (time.Time, error) { return parseTime(s, "", zone) }
