package presence

import (
	"testing"
	"time"
)

// Interims that say neither who it is nor on what network, of a session whose
// Start was not heard, are of where the device was.
func TestABareSessionIsWhereItsDeviceWas(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Start, phone, "a")
	d.hear("12:00", Stop, phone, "a")
	bare := func(n *Sighting) { n.Site, n.SSID, n.Whose = "", "", Unsaid }
	d.hear("12:50", Interim, phone, "b", bare, age(20*time.Minute))
	d.is("14:00")
	d.want("london present 09:00:00")
}
