package rehearse

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// Booking is one line of a file of bookings.
type Booking struct {
	presence.Booking
	User string
	Site string
	Line int
}

// BookingColumns are the names of the columns of a file of bookings, by what they
// hold: user, site, start, end, type and status.
type BookingColumns map[string]string

// bookable are the types of booking that are acted upon unless the file says
// otherwise, in the words of Kadence's API.
var bookable = []string{"", "desk", "private_office", "onsite"}

// ReadBookings reads bookings: CSV with a header with the columns user, site or
// building, start, end, and, if they are there, type and status. Times without a zone
// are the site's. What is wrong with a line is told, and the line left out.
func ReadBookings(r io.Reader, columns BookingColumns, sites map[string]presence.Site) (all []Booking, flaws []error, err error) {
	in := bufio.NewReader(r)
	if head, _ := in.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		in.Discard(3)
	}
	head, _ := in.Peek(4096)
	line, _, _ := bytes.Cut(head, []byte("\n"))
	sheet := csv.NewReader(in)
	for _, comma := range ";\t" {
		if bytes.ContainsRune(line, comma) && !bytes.ContainsRune(line, ',') {
			sheet.Comma = comma
		}
	}
	sheet.FieldsPerRecord, sheet.LazyQuotes = -1, true
	header, err := sheet.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("there is no header: %w", err)
	}
	at := map[string]int{}
	for i, name := range header {
		at[strings.ToLower(strings.TrimSpace(name))] = i
	}
	column := func(names ...string) int {
		for _, name := range names {
			if i, ok := at[strings.ToLower(cmp.Or(columns[name], name))]; ok {
				return i
			}
		}
		return -1
	}
	user, site, start, end, kind, status := column("user"), column("site", "building"), column("start"), column("end"), column("type"), column("status")
	if user < 0 || start < 0 || end < 0 || site < 0 && len(sites) != 1 {
		return nil, nil, fmt.Errorf("line 1: the header is %q, and has to have user, site or building, start and end; other names go into the file of --columns, under [bookings]", strings.Join(header, ", "))
	}
	for {
		cells, err := sheet.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := sheet.FieldPos(0)
		if err != nil {
			return all, flaws, err
		}
		cell := func(i int) string {
			if i < 0 || i >= len(cells) {
				return ""
			}
			return strings.TrimSpace(cells[i])
		}
		b := Booking{User: presence.Fold(cell(user)), Line: line}
		place, known := siteOf(cell(site), sites)
		if b.Site = place.Name; !known {
			flaws = append(flaws, fmt.Errorf("line %d: there is no site or building %q", line, cell(site)))
			continue
		}
		zone := cmp.Or(place.Zone, time.UTC)
		var errBegin, errEnd error
		b.Begin, errBegin = radiusacct.ParseTime(cell(start), zone)
		b.End, errEnd = radiusacct.ParseTime(cell(end), zone)
		if err := errors.Join(errBegin, errEnd); err != nil || b.User == "" || !b.End.After(b.Begin) {
			if err == nil {
				err = errors.New("it names no user, or ends before it begins")
			}
			flaws = append(flaws, fmt.Errorf("line %d: %w", line, err))
			continue
		}
		b.ID, b.Type, b.Status = fmt.Sprintf("line %d", line), cell(kind), presence.Booked
		b.Eligible = slices.Contains(bookable, strings.ReplaceAll(strings.ToLower(b.Type), " ", "_"))
		switch s := strings.ToLower(cell(status)); s {
		case "cancelled", "canceled", "deleted":
			b.Status = presence.Cancelled
		}
		all = append(all, b)
	}
	return all, flaws, nil
}

// siteOf finds a site by its name or building.
func siteOf(name string, sites map[string]presence.Site) (presence.Site, bool) {
	for _, s := range sites {
		if name == "" && len(sites) == 1 || strings.EqualFold(s.Name, name) || s.Building != "" && strings.EqualFold(s.Building, name) {
			return s, true
		}
	}
	return presence.Site{}, false
}

// Outcome is what would have become of the bookings.
type Outcome struct {
	Bookings   int `json:"bookings"`    // within the time of the records, of the types that count, and not cancelled
	CheckedIn  int `json:"checked_in"`  // would have been checked in
	CheckedOut int `json:"checked_out"` // … and out, before they ended
	NoShows    int `json:"no_shows"`    // nobody came
	Elsewhere  int `json:"elsewhere"`   // of the no-shows: the user was at another site
	Unbooked   int `json:"unbooked"`    // visits for which there was no booking
	Ignored    int `json:"ignored"`     // bookings of other types, or cancelled, or outside the records' time
}

// desk holds visits against bookings.
type desk struct {
	rules presence.Rules
	of    map[string][]*booked // by user, in order of time
	out   Outcome
	all   []*booked
}

// booked is a booking and what would have become of it.
type booked struct {
	Booking
	in, out   time.Time
	elsewhere bool
}

func newDesk(all []Booking, rules presence.Rules) *desk {
	d := &desk{rules: rules, of: map[string][]*booked{}}
	for _, b := range all {
		is := &booked{Booking: b}
		d.of[b.User] = append(d.of[b.User], is)
		d.all = append(d.all, is)
	}
	for _, of := range d.of {
		slices.SortFunc(of, func(a, b *booked) int { return a.Begin.Compare(b.Begin) })
	}
	return d
}

// visit holds a visit against its user's bookings: by what presence says of each at
// the moment at which it is due.
func (d *desk) visit(user string, v *Visit) {
	found := false
	for _, b := range d.of[user] {
		if !b.Eligible || b.Status != presence.Booked || !b.in.IsZero() && !b.out.IsZero() {
			continue
		}
		if b.Site != v.Site {
			if v.Arrived.Before(b.End) && (v.Departed.IsZero() || v.Departed.After(b.Begin)) {
				b.elsewhere = true
			}
			continue
		}
		in, out := presence.WouldAct(b.Booking.Booking, user, v.Site, v.Arrived, v.Noticed, v.Departed, v.Believed, d.rules)
		if in.IsZero() {
			continue
		}
		found = true
		if b.in.IsZero() {
			b.in = in
		}
		b.out = out
		v.Bookings = append(v.Bookings, b.ID)
		if v.CheckIn == nil {
			v.CheckIn = &in
		}
		if !out.IsZero() {
			v.CheckOut = &out
		}
	}
	if !found {
		d.out.Unbooked++
	}
}

// outcome returns what became of the bookings that ended before the records did.
func (d *desk) outcome(to time.Time) *Outcome {
	for _, b := range d.all {
		switch {
		case !b.Eligible || b.Status != presence.Booked || b.Begin.After(to):
			d.out.Ignored++
			continue
		case b.in.IsZero():
			d.out.NoShows++
			if b.elsewhere {
				d.out.Elsewhere++
			}
		default:
			d.out.CheckedIn++
			if !b.out.IsZero() {
				d.out.CheckedOut++
			}
		}
		d.out.Bookings++
	}
	return &d.out
}
