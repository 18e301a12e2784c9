package office

import (
	"fmt"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// judged is whether presence is held to what the field sends: with it the
// tests assert that nothing is wrong at any office of [Field]. Flip it when
// that is so.
const judged = true

// habits are what equipment does beside what the RFCs ask of it, as it is met.
type habits struct {
	events  []time.Duration // Interims that tell of an address or a profile, so long after the Start; none is of a clock
	resumes bool            // a station that is back before its Idle-Timeout finds its session going on
	sameID  bool            // … or gets a session of the same id
	anchors bool            // a second controller, to which all traffic goes, reports each station too, as a session of its own
	signsIn bool            // machine and user follow each other within one session
	changes bool            // its interim interval is changed while people work
	oneName bool            // all its access points call themselves the same
	clock   timepiece
	queue   queue
	says    func(*utterance)                      // what it leaves out, and what it calls otherwise
	ages    func(age time.Duration) time.Duration // what it writes into Acct-Session-Time
}

// timepiece says how good the clocks of a make are that stamps.
type timepiece uint8

const (
	set    timepiece = iota // within two seconds
	apart                   // each access point's is off by up to five minutes
	behind                  // days or hours behind after a power cut, until it is set again
)

// queue says what becomes of what a make sends while the daemon is not to be
// reached: the proxy before it keeps that, and sends it in order afterwards.
// What is new waits until it is its turn.
type queue uint8

const (
	unqueued queue = iota
	delayed        // at once, with an Acct-Delay-Time that grew meanwhile
	asSent         // at once, as the NAS sent it
	slowly         // … a record every few seconds
)

// pace is how long after each other the records of a queue come.
func (q queue) pace() time.Duration {
	if q == slowly {
		return 3 * time.Second
	}
	return 20 * time.Millisecond
}

// utterance is a record before it is sent.
type utterance struct {
	*presence.Record
	roamed bool // the station has roamed within the session, or its session began with a roam
	dice   dice
	// mute is whether it says nothing of whose session it is, or nothing of
	// the network that decides whether that counts.
	mute bool
}

// anonymous takes the user's name out of the record: it gives the outer identity,
// the station's address, or nothing.
func (u *utterance) anonymous() {
	if strings.Contains(u.UserName, "/") {
		return // a machine has one name
	}
	u.mute = true
	u.UserName = pick(u.dice, []string{"", "anonymous", "anonymous@" + Domain, bare(u.Device)})
}

// placeless leaves out of the record where the station is.
func (u *utterance) placeless() {
	u.mute = true
	u.SSID, u.BSSID, u.AP = "", "", ""
}

// like returns a make that is another one but for some habits.
func like(name, base string, differs func(*equipment)) *equipment {
	for _, m := range makes {
		if m.name == base {
			e := *m
			e.name = name
			differs(&e)
			return &e
		}
	}
	panic("no equipment is called " + base)
}

var (
	never     = []time.Duration{0}
	regular   = []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute}
	addresses = []time.Duration{2 * time.Second, 70 * time.Second, 190 * time.Second} // of IPv4, of IPv6, and what the device was found to be
)

// field are the makes as they are met in the field: each is a make above with
// one habit that has cost somebody a desk, under a name that tells of it.
var field = []*equipment{
	like("Cisco 9800", "Cisco AireOS", func(e *equipment) { // as delivered: periodic Interims are off
		e.intervals, e.events, e.bssOnly = never, addresses, false
		e.id = func(_ *session, g *generator) string { return shortHex(g) }
	}),
	like("9800 with interims", "Cisco AireOS", func(e *equipment) { // … and with them on
		e.intervals, e.events = regular, addresses
		e.id = func(_ *session, g *generator) string { return shortHex(g) }
	}),
	like("fast roams nameless", "Cisco AireOS", func(e *equipment) {
		e.intervals = regular
		e.says = func(u *utterance) {
			if u.roamed {
				u.anonymous()
			}
		}
	}),
	like("802.11r nameless", "Meraki MR 32.1", func(e *equipment) {
		e.intervals = []time.Duration{0, 10 * time.Minute}
		e.says = func(u *utterance) {
			if u.roamed {
				u.anonymous()
			}
		}
	}),
	like("nameless Stops", "MikroTik", func(e *equipment) {
		e.intervals = []time.Duration{0, 5 * time.Minute, 15 * time.Minute}
		e.says = func(u *utterance) {
			if u.Status == presence.Stop {
				u.UserName, u.mute = "", true
			}
		}
	}),
	like("placeless Stops", "hostapd", func(e *equipment) {
		e.says = func(u *utterance) {
			if u.Status == presence.Stop {
				u.placeless()
			}
		}
	}),
	like("bare interims", "Meraki MR 33.1", func(e *equipment) { // which leave out what the Start has said
		e.intervals = regular
		e.says = func(u *utterance) {
			if u.Status == presence.Interim {
				u.UserName = ""
				u.placeless()
			}
		}
	}),
	like("next user's Stops", "Ruckus", func(e *equipment) { // a Stop has the name that comes next
		e.says = func(u *utterance) {
			if u.Status == presence.Stop && u.dice.chance(0.5) {
				u.UserName, u.mute = pick(u.dice, []string{"host/pc1.corp." + Domain, "anonymous", mail("somebody.else")}), true
			}
		}
	}),
	like("machine to user", "Cisco AireOS", func(e *equipment) {
		e.intervals, e.signsIn = []time.Duration{0, 10 * time.Minute, 15 * time.Minute}, true
	}),
	like("resuming APs", "Meraki MR 32.1", func(e *equipment) {
		e.intervals, e.resumes, e.lateStop = regular, true, 0.8
	}),
	like("hostapd returns", "hostapd", func(e *equipment) { e.sameID, e.lateStop = true, 1 }),
	like("anchor controllers", "Cisco AireOS", func(e *equipment) {
		e.intervals, e.anchors = []time.Duration{0, 10 * time.Minute}, true
	}),
	like("clocks apart", "hostapd", func(e *equipment) { e.clock = apart }),
	like("clocks behind", "hostapd", func(e *equipment) { e.clock = behind }),
	like("controller behind", "Cisco AireOS", func(e *equipment) { e.clock = behind }),
	like("replays with delay", "Trapeze", func(e *equipment) { e.queue, e.intervals = delayed, []time.Duration{0, 10 * time.Minute} }),
	like("replays as stamped", "Cisco AireOS", func(e *equipment) { e.queue, e.delays = asSent, false }),
	like("replays slowly", "Cisco AireOS", func(e *equipment) { e.queue, e.delays = slowly, false }),
	like("intervals change", "Cisco AireOS", func(e *equipment) { e.changes = true }),
	like("intervals change at APs", "hostapd", func(e *equipment) { e.changes = true }),
	like("one name", "hostapd", func(e *equipment) { e.oneName = true }),
	like("ages garbage", "Meraki MR 32.1", func(e *equipment) {
		e.ages = func(age time.Duration) time.Duration {
			if age/time.Second%3 == 0 {
				return (1<<32 - 1) * time.Second
			}
			return age
		}
	}),
	like("ages in ms", "Meraki MR 32.1", func(e *equipment) {
		e.ages = func(age time.Duration) time.Duration { return min(age*1000, (1<<32-1)*time.Second) }
	}),
	like("ages fall", "Cisco AireOS", func(e *equipment) {
		e.intervals = regular
		e.ages = func(age time.Duration) time.Duration { return age % (47 * time.Minute) }
	}),
	like("ages without idle", "MikroTik", func(e *equipment) {
		e.ages = func(age time.Duration) time.Duration { return (age * 6 / 10).Truncate(time.Second) }
	}),
	like("copies without interims", "Cisco AireOS", func(e *equipment) { // copied to us, whether it comes or not
		e.intervals, e.most = never, 1
	}),
	like("copies", "Ruckus", func(e *equipment) { e.most = 1 }),
}

// asAnchor is what of a make's habits an anchor controller has.
func (e *equipment) asAnchor() *equipment {
	a := *e
	a.tellsRoam, a.addressed, a.events = false, false, nil
	return &a
}

func shortHex(g *generator) string { return fmt.Sprintf("%08X", g.Uint32()&0xffffff) }
