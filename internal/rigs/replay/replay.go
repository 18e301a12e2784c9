// Package replay plays what controllers sent through the real decoder, mapping,
// tracker, courier and store, in virtual time, and holds what came of it
// against what is right. A replay is a FreeRADIUS detail file whose comments
// say what happened; [Parse] has the form.
package replay

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/radiusacct"
)

// Replay is one situation: what arrived when, and what should come of it.
type Replay struct {
	Situation string // as somebody who was there knows it
	Policy    string // why a want is open to debate, if one is

	Packets []radiusacct.Packet // in order of arrival

	config *configs.Config
	wants  wants
	looks  []time.Time // when to look, in order; the last is the end
}

// zone is the time zone of every replay.
var zone = time.UTC

// header is a line before the records.
var header = regexp.MustCompile(`(?m)^# (?:(ask|site|identity|presence|want|policy): )?(.*?)[ \t\r]*$`)

// Parse reads a replay. It is a detail file, as `presenced explain` reads them,
// with these comments:
//
//	# what happened, in the first comment
//	# ask: Mon Jan  3 12:00:00 2000
//	# site: name = "hq"
//	# identity: realms = { "corp.example.com" = "example.com" }
//	# presence: settle = "5m"
//	# want: ann visit hq arrived 09:00 departed 17:00 believed 17:55..18:10
//	# policy: why somebody may want something else
//
// The line on top of a record is when it arrived. Days are in January 2000, in
// UTC. A moment of ask is one to look at, after what arrives then; the replay
// ends with the last. Lines of site replace the one site, hq; those of identity
// and presence are added to their tables. A want is one of
//
//	USER visit SITE arrived TIMES departed TIMES believed TIMES
//	USER visit? SITE …
//	USER no visit
//	nobody else
//	at TIME USER present|leaving|gone
//	at TIME USER booking STATUS
//	at TIME USER heard TIMES
//
// Visits are all that the user has when the replay ends, in order; one with a
// question mark may be missing. A departure counts once the visit is over, and
// is - before; believed is when the visit was first stored as over, and is asked
// of those only. Nobody else has visits than those of whom a want speaks. To be
// arriving is to be present. A user without a domain is at example.com. TIMES
// are alternatives between bars: HH:MM or HH:MM:SS on the 3rd or, as 4T09:00, on
// another day, 90 seconds more or less; A..B, <=A or >=A, to the second.
func Parse(text []byte) (*Replay, error) {
	r := &Replay{}
	var site, identity, presence []string
	for i, line := range header.FindAllSubmatch(text, -1) {
		key, value := string(line[1]), string(line[2])
		var err error
		switch key {
		case "ask":
			var at time.Time
			at, err = time.ParseInLocation(time.ANSIC, value, zone)
			r.looks = append(r.looks, at)
		case "site":
			site = append(site, value)
		case "identity":
			identity = append(identity, value)
		case "presence":
			presence = append(presence, value)
		case "want":
			err = r.wants.add(value)
		case "policy":
			r.Policy = value
		default:
			if i == 0 {
				r.Situation = value
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line[0], err)
		}
	}
	for _, w := range r.wants.moments {
		r.looks = append(r.looks, w.at)
	}
	if len(r.looks) == 0 || r.wants.empty() {
		return nil, fmt.Errorf("there is no %q, or no %q", "# ask:", "# want:")
	}
	slices.SortFunc(r.looks, time.Time.Compare)
	r.looks = slices.CompactFunc(r.looks, time.Time.Equal)
	var err error
	if r.config, err = configuration(site, identity, presence); err != nil {
		return nil, err
	}
	if r.Packets, err = radiusacct.ReadPackets(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	for i := range r.Packets { // detail files are in local time, and this one is in ours
		h := r.Packets[i].Heard
		r.Packets[i].Heard = time.Date(h.Year(), h.Month(), h.Day(), h.Hour(), h.Minute(), h.Second(), h.Nanosecond(), zone)
	}
	r.sort()
	return r, nil
}

// sort brings the packets into order of arrival; those that arrive together
// stay as they are.
func (r *Replay) sort() {
	slices.SortStableFunc(r.Packets, func(a, b radiusacct.Packet) int { return a.Heard.Compare(b.Heard) })
}

// configuration is as delivered but for what the wants reckon with: calls are
// made, and lunch is an hour like any other.
func configuration(site, identity, presence []string) (*configs.Config, error) {
	if len(site) == 0 {
		site = []string{"[[site]]", `name = "hq"`, `building = "HQ"`, `time_zone = "UTC"`, `ssids = ["Corp"]`}
	}
	lines := slices.Concat(
		[]string{"[[radius.client]]", `name = "aps"`, `address = "0.0.0.0/0"`, `secret = "a secret"`, `site = "hq"`}, site,
		[]string{"[identity]", `domain = "example.com"`}, identity,
		[]string{"[presence]", `lunch = "never"`}, presence,
		[]string{"[kadence]", `client_id = "replay"`, `client_secret = "a secret"`, "dry_run = false"},
	)
	return configs.Parse("the replay's configuration", []byte(strings.Join(lines, "\n")+"\n"), "")
}

// clock writes a moment as wants do.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	t = t.In(zone)
	text := t.Format("15:04:05")
	if t.Day() != firstDay.Day() {
		text = fmt.Sprintf("%dT%s", t.Day(), text)
	}
	return text
}

// firstDay is the day on which replays begin.
var firstDay = time.Date(2000, time.January, 3, 0, 0, 0, 0, zone)

// parseClock reads a moment as wants write it.
func parseClock(text string) (time.Time, error) {
	at := firstDay
	if day, rest, ok := strings.Cut(text, "T"); ok {
		var n int
		if _, err := fmt.Sscanf(day, "%d", &n); err != nil {
			return at, fmt.Errorf("day %q of %q is no number", day, text)
		}
		at, text = at.AddDate(0, 0, n-at.Day()), rest
	}
	form := "15:04:05"[:min(max(len(text), len("15:04")), len("15:04:05"))]
	t, err := time.Parse(form, text)
	return at.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second), err
}

// email is a user as wants name them, in full.
func email(user string) string {
	if strings.Contains(user, "@") {
		return user
	}
	return user + "@example.com"
}
