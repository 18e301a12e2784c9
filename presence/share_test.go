package presence

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// Many devices of one name whose records place none of them make nobody
// present, and so nobody shared.
func TestManyDevicesThatAreNowhere(t *testing.T) {
	d := newDay(t)
	for i := range d.w.MaxDevices + 1 {
		d.hear("9:00", Start, fmt.Sprintf("02:00:00:00:01:%02x", i), fmt.Sprint(i), at(""))
	}
	d.want("")
	if d.p.Crowd(d.clock("9:00")) {
		t.Error("they are a shared account")
	}
}

// What one record costs is bounded, whatever was sent before: by whatever
// devices a name comes, what is kept of it does not grow with their number.
func TestWhatIsKeptOfANameIsBounded(t *testing.T) {
	const devices = 300
	type say func(status Status, more ...heard)
	for what, of := range map[string]func(i int, say say){
		"all there":          func(_ int, say say) { say(Start) },
		"come and go":        func(_ int, say say) { say(Start); say(Stop) },
		"go unnoticed":       func(_ int, say say) { say(Start, cause(0)); say(Stop, cause(LostCarrier)) },
		"of old news":        func(_ int, say say) { say(Start, ago(2*time.Hour)); say(Stop, ago(time.Hour)) },
		"change the network": func(_ int, say say) { say(Start); say(Interim, at(noSite)) },
		"change hands":       func(_ int, say say) { say(Start); say(Interim, ofAnother) },
		"go at one moment":   func(_ int, say say) { say(Start, at9); say(Stop, at9) },
		"are nowhere":        func(_ int, say say) { say(Start, at("")) },
		"never were theirs":  func(_ int, say say) { say(Start, ofAnother) },
		"only stop":          func(_ int, say say) { say(Stop) },
		"at another site":    func(i int, say say) { say(Start, at([]string{"london", "paris"}[i%2])) },
	} {
		t.Run(what, func(t *testing.T) {
			d := newDay(t)
			now := d.clock("9:00")
			first, most := 0, 0
			for i := range devices {
				of(i, func(status Status, more ...heard) {
					now = now.Add(time.Second)
					d.hear(now.Format("15:04:05"), status, fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&255), fmt.Sprint("id of a session ", i), more...)
				})
				data, err := json.Marshal(d.p)
				if err != nil {
					t.Fatal(err)
				}
				if most = max(most, len(data)); i == devices/3 {
					first = most
				}
			}
			if most > first+first/10 || most > 128<<10 {
				t.Errorf("%d octets are kept after %d devices and %d after %d: %d sessions, %d devices, %d visits",
					first, devices/3, most, devices, len(d.p.Facts), len(d.p.Devices), len(d.p.Visits))
			}
		})
	}
}

func ago(d time.Duration) heard { return func(n *Sighting) { n.At = n.At.Add(-d) } }
func at9(n *Sighting)           { n.At = n.At.Truncate(time.Hour) }
func ofAnother(n *Sighting)     { n.Whose = Another }

// A session of which a Stop alone was heard, and hours later a sign of life, is
// one that is alive: it expires, and nobody is to be looked at in a past that
// never comes to an end.
func TestASignAfterALoneStopExpires(t *testing.T) {
	d := newDay(t)
	d.hear("9:00", Stop, laptop, "a", cause(UserRequest))
	d.hear("13:00", Interim, laptop, "a")
	d.wantState(laptop, "a", Open)
	if got, want := d.p.Wake, d.clock("13:00"); !got.After(want) {
		t.Errorf("to be woken at %s", got)
	}
	d.is("+1 6:00")
	d.wantState(laptop, "a", Expired)
}
