package lab

import (
	"testing"
	"time"
)

// How long things last in the situations.
const (
	while   = 25 * time.Minute          // on one access point
	away    = 50 * time.Second          // elsewhere: less than hostapd waits
	late    = idle + interims           // more than that
	longer  = 150 * time.Minute         // at the end
	stagger = 127 * time.Second         // from one to the next: many at once would look like an outage
	off     = 8 * time.Minute           // a phone's doze
	expiry  = 5 * while                 // over two of the authentication server's Session-Timeouts
	reauths = 3*time.Hour + time.Minute // over three authentications
)

// situation is what one device does, and its access points with it.
type situation struct {
	name   string
	device DeviceConfig // of the user of that name, unless it says another
	play   func(o *airOffice, d *Device)
	own    string // the access point whose boots are part of it
}

// thereAndBack goes from one access point to another and back.
func thereAndBack(from, to, how string, elsewhere time.Duration) func(*airOffice, *Device) {
	return func(o *airOffice, d *Device) {
		a, b := o.ap[from], o.ap[to]
		d.Join(a)
		time.Sleep(while)
		for _, step := range []struct {
			ap   *AccessPoint
			stay time.Duration
		}{{b, elsewhere}, {a, longer}} {
			d.Roam(step.ap, how)
			d.Hear(step.ap)
			time.Sleep(step.stay)
		}
		d.Leave()
	}
}

// interrupted goes off the air in some way for a while and comes back to where
// it was.
func interrupted(gap, then time.Duration, how func(o *airOffice, d *Device)) func(*airOffice, *Device) {
	return func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		time.Sleep(while)
		how(o, d)
		d.Hear()
		time.Sleep(gap)
		d.Back(o.ap["ap1"])
		time.Sleep(then)
		d.Leave()
	}
}

// stays is on one access point all the time.
func stays(ap string, span time.Duration) func(*airOffice, *Device) {
	return func(o *airOffice, d *Device) {
		d.Join(o.ap[ap])
		time.Sleep(span)
		d.Leave()
	}
}

// again is on ap1 twice, with something in between.
func again(between func(o *airOffice, d *Device)) func(*airOffice, *Device) {
	return func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		time.Sleep(while)
		d.Again(o.ap["ap1"], func() { between(o, d) })
		time.Sleep(while)
		d.Leave()
	}
}

// signsIn begins as a machine, on which somebody signs in, roams and comes
// back.
func signsIn(o *airOffice, d *Device) {
	d.Join(o.ap["ap1"])
	time.Sleep(while)
	d.SignIn()
	time.Sleep(while)
	for _, ap := range []string{"ap2", "ap1"} {
		d.Roam(o.ap[ap], Anew)
		d.Hear(o.ap[ap])
		time.Sleep(while)
	}
	d.Leave()
}

func nothing(*airOffice, *Device) {}

// situations are what devices and access points do to each other.
var situations = []situation{
	{name: "plain-quick", play: thereAndBack("ap1", "ap2", Anew, away)},
	{name: "plain-late", play: thereAndBack("ap1", "ap2", Anew, late)},
	{name: "full-quick", play: thereAndBack("ap12", "ap13", Anew, away)},
	{name: "fast-quick", device: DeviceConfig{Fast: true}, play: thereAndBack("ap1", "ap2", Anew, away)},
	{name: "fast-late", device: DeviceConfig{Fast: true}, play: thereAndBack("ap1", "ap2", Anew, late)},
	{name: "fast-over-ds", device: DeviceConfig{Fast: true}, play: thereAndBack("ap1", "ap2", OverDS, away)},
	{name: "fast-outer", device: DeviceConfig{Fast: true, Outer: "anonymous@example.com"}, play: thereAndBack("ap1", "ap2", Anew, away)},
	{name: "fast-unnamed", device: DeviceConfig{Fast: true, User: "lent@example.com", Outer: "lent@example.com"}, play: thereAndBack("ap1", "ap2", Anew, away)},
	{name: "opportunistic", play: thereAndBack("ap4", "ap5", Anew, away)},
	{name: "lost-stops", play: thereAndBack("ap10", "ap11", Anew, away)},
	{name: "leave-and-join", play: func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		for _, ap := range []string{"ap2", "ap1"} {
			time.Sleep(while)
			d.Hear(o.ap["ap1"], o.ap["ap2"])
			d.do("pmksa_flush") // wpa_supplicant leaves first
			d.Roam(o.ap[ap], Anew)
			d.Hear(o.ap[ap])
		}
		time.Sleep(longer)
		d.Leave()
	}},
	{name: "roam-and-leave", play: func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		time.Sleep(while)
		d.Roam(o.ap["ap2"], Anew)
		d.Hear(o.ap["ap2"])
		time.Sleep(while)
		d.Leave()
	}},
	{name: "roam-and-die", device: DeviceConfig{Fast: true}, play: func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		time.Sleep(while)
		d.Roam(o.ap["ap2"], Anew)
		d.Hear(o.ap["ap2"])
		time.Sleep(while)
		d.Die()
	}},
	{name: "ping-pong", play: func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		time.Sleep(while)
		for range 4 {
			for _, ap := range []string{"ap2", "ap1"} {
				d.Roam(o.ap[ap], Anew)
				time.Sleep(away)
			}
		}
		time.Sleep(while)
		d.Leave()
	}},
	{name: "dies", play: func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		time.Sleep(while)
		d.Die()
	}},
	{name: "shadow", play: interrupted(away, longer, nothing)},
	{name: "nap", play: interrupted(late, while, nothing)},
	{name: "suspend", play: func(o *airOffice, d *Device) {
		d.Join(o.ap["ap1"])
		time.Sleep(while)
		d.do("suspend")
		d.Hear()
		time.Sleep(away)
		d.Again(o.ap["ap1"], func() { d.Hear(o.ap["ap1"]); d.do("resume"); d.do("reassociate") })
		time.Sleep(while)
		d.Leave()
	}},
	{name: "lost-frames", play: interrupted(away, while, func(o *airOffice, d *Device) { d.Hear(); o.ap["ap1"].Flood(d, 200) })},
	{name: "phone-naps", play: func(o *airOffice, d *Device) {
		d.Join(o.ap["ap9"])
		time.Sleep(while)
		for range 4 {
			d.Hear()
			time.Sleep(off)
			d.Back(o.ap["ap9"])
			time.Sleep(away)
		}
		d.Leave()
	}},
	{name: "off-and-on", play: again(func(o *airOffice, d *Device) { d.Leave(); time.Sleep(away); d.do("reconnect") })},
	{name: "reassociates", play: again(func(o *airOffice, d *Device) { d.do("reassociate") })},
	{name: "reassociates-fully", play: again(func(o *airOffice, d *Device) { d.do("pmksa_flush"); d.do("reassociate") })},
	{name: "kicked", play: again(func(o *airOffice, d *Device) { o.ap["ap1"].Deauthenticate(d) })},
	{name: "reauthenticates", play: stays("ap3", reauths)},
	{name: "session-timeout", play: stays("ap9", expiry)},
	{name: "session-reauth", play: stays("ap9", expiry)},
	{name: "sign-in", device: DeviceConfig{First: "host/pc1"}, play: signsIn},
	{name: "sign-in-fast", device: DeviceConfig{First: "host/pc1", Fast: true}, play: signsIn},
	{name: "boot", own: "ap6", play: func(o *airOffice, d *Device) {
		ap := o.ap["ap6"]
		d.Join(ap)
		time.Sleep(while)
		d.Again(ap, func() { ap.Shutdown(); time.Sleep(away); ap.Start() })
		time.Sleep(while)
		d.Leave()
	}},
	{name: "crash", own: "ap7", play: func(o *airOffice, d *Device) {
		ap := o.ap["ap7"]
		d.Join(ap)
		time.Sleep(while)
		d.Again(ap, func() { ap.PowerOff(); time.Sleep(away); ap.PowerOn() })
		time.Sleep(while)
		d.Leave()
	}},
	{name: "power-loss", own: "ap8", play: func(o *airOffice, d *Device) {
		ap, other := o.ap["ap8"], o.ap["ap9"]
		d.Join(ap)
		time.Sleep(while)
		d.Again(other, func() { d.Hear(ap, other); ap.PowerOff() })
		time.Sleep(away)
		ap.PowerOn()
		time.Sleep(longer)
		d.Leave()
	}},
}

// TestRadioSituations plays every way in which a device and access points can
// part and meet again that real ones have.
func TestRadioSituations(t *testing.T) {
	o := newAirOffice(t)
	if o == nil {
		return
	}
	o.wires[1].Lose = firstStops()
	parts := map[string]func(*testing.T){}
	for i, s := range situations {
		parts[s.name] = func(t *testing.T) {
			time.Sleep(time.Duration(i) * stagger)
			s.play(o, o.device(t, s.name, s.device))
		}
	}
	o.play(parts)
	o.judge()
	for _, s := range situations {
		o.keep(s.name, s.own)
	}
}
