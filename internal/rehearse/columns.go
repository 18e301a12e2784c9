package rehearse

import (
	"fmt"
	"io"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/presenced/presenced/radiusacct"
)

// ReadColumns reads the map of columns of a table of anybody's, and of a file of
// bookings. It is TOML:
//
//	time   = "When"             # a row is an event: when it was …
//	status = "What"             # … and what; or, where a row is a whole session:
//	start  = "Connected"        # when it began,
//	update = "Last heard"       # when it was last heard, if that is there,
//	stop   = "Disconnected"     # and when it ended
//	layout = "02/01/2006 15:04" # how times are written, if in no usual way
//
//	[statuses]                  # what the status column says
//	associated = "start"
//
//	[attributes]                # which column holds what RADIUS calls so
//	User-Name = "User"
//	Calling-Station-Id = "MAC"
//
//	[bookings]                  # what a file of bookings calls user, site, start, end, type and status
//	user = "Employee"
//
// The columns are nil if it has only bookings.
func ReadColumns(r io.Reader) (*radiusacct.Columns, BookingColumns, error) {
	var file struct {
		Time, Status, Start, Update, Stop, Layout string
		Statuses, Attributes, Bookings            map[string]string
	}
	if err := toml.NewDecoder(r).DisallowUnknownFields().Decode(&file); err != nil {
		if strict, ok := err.(*toml.StrictMissingError); ok && len(strict.Errors) > 0 {
			line, _ := strict.Errors[0].Position()
			return nil, nil, fmt.Errorf("line %d: unknown key %q: there are time, status, start, update, stop, layout, [statuses], [attributes] and [bookings]", line, strings.Join(strict.Errors[0].Key(), "."))
		}
		if located, ok := err.(*toml.DecodeError); ok {
			line, _ := located.Position()
			return nil, nil, fmt.Errorf("line %d: %w", line, err)
		}
		return nil, nil, err
	}
	for name := range file.Bookings {
		switch name {
		case "user", "site", "building", "start", "end", "type", "status":
		default:
			return nil, nil, fmt.Errorf("[bookings] %s: there are user, site or building, start, end, type and status", name)
		}
	}
	statuses := map[string]string{}
	for name, status := range file.Statuses {
		statuses[strings.ToLower(name)] = status
	}
	c := &radiusacct.Columns{
		Time: file.Time, Status: file.Status, Start: file.Start, Update: file.Update, Stop: file.Stop, Layout: file.Layout,
		Statuses: statuses, Attributes: file.Attributes,
	}
	if file.Bookings != nil && c.Time+c.Status+c.Start+c.Stop == "" && len(c.Attributes) == 0 {
		return nil, file.Bookings, nil
	}
	if err := c.Check(); err != nil {
		return nil, nil, err
	}
	return c, file.Bookings, nil
}
