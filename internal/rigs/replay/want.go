package replay

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// wants are what is right, all of it.
type wants struct {
	visits     map[string][]visit // by user, in order; empty: none
	nobodyElse bool
	moments    []moment
}

// visit is one that somebody should have.
type visit struct {
	text                        string
	maybe                       bool // or not
	site                        string
	arrived, departed, believed times // nil: not asked
}

// moment is how something should stand at a time.
type moment struct {
	text     string
	at       time.Time
	user     string
	question string   // "state", "booking" or "heard"
	answers  []string // to the first two
	heard    times
}

func (w *wants) empty() bool { return len(w.visits) == 0 && len(w.moments) == 0 && !w.nobodyElse }

var errWant = errors.New("no want: see replay.Parse")

// add adds one want.
func (w *wants) add(text string) error {
	words := strings.Fields(text)
	switch {
	case text == "nobody else":
		w.nobodyElse = true
		return nil
	case len(words) >= 4 && words[0] == "at":
		return w.addMoment(text, words[1:])
	case len(words) < 3:
		return errWant
	}
	if w.visits == nil {
		w.visits = map[string][]visit{}
	}
	user, words := email(words[0]), words[1:]
	if slices.Equal(words, []string{"no", "visit"}) {
		w.visits[user] = []visit{}
		return nil
	}
	v := visit{text: text, maybe: words[0] == "visit?", site: words[1]}
	if len(words)%2 != 0 || words[0] != "visit" && !v.maybe {
		return errWant
	}
	var err error
	for pairs := words[2:]; err == nil && len(pairs) > 0; pairs = pairs[2:] {
		switch pairs[0] {
		case "arrived":
			v.arrived, err = parseTimes(pairs[1])
		case "departed":
			v.departed, err = parseTimes(pairs[1])
		case "believed":
			v.believed, err = parseTimes(pairs[1])
		default:
			err = errWant
		}
	}
	w.visits[user] = append(w.visits[user], v)
	return err
}

func (w *wants) addMoment(text string, words []string) error {
	at, err := parseClock(words[0])
	if err != nil {
		return err
	}
	m := moment{text: text, at: at, user: email(words[1]), question: words[2]}
	switch {
	case len(words) == 3:
		m.question, m.answers = "state", strings.Split(words[2], "|")
	case len(words) == 4 && m.question == "booking":
		m.answers = strings.Split(words[3], "|")
	case len(words) == 4 && m.question == "heard":
		m.heard, err = parseTimes(words[3])
	default:
		err = errWant
	}
	w.moments = append(w.moments, m)
	return err
}

// times are alternatives; one of no moment at all is that there is none.
type times []interval

// interval is from one second to another, both included; zero is open.
type interval struct{ from, to time.Time }

// about is how far from a bare time is still right.
const about = 90 * time.Second

func parseTimes(text string) (all times, err error) {
	for alternative := range strings.SplitSeq(text, "|") {
		var i interval
		from, to, between := strings.Cut(alternative, "..")
		switch {
		case alternative == "-":
		case between:
			if i.from, err = parseClock(from); err == nil {
				i.to, err = parseClock(to)
			}
		case strings.HasPrefix(alternative, "<="):
			i.to, err = parseClock(alternative[2:])
		case strings.HasPrefix(alternative, ">="):
			i.from, err = parseClock(alternative[2:])
		default:
			i.from, err = parseClock(alternative)
			i.from, i.to = i.from.Add(-about), i.from.Add(about)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

// hold reports whether t, which may be zero for none, is one of the times, or
// nothing was asked.
func (all times) hold(t time.Time) bool {
	second := t.Truncate(time.Second)
	return all == nil || slices.ContainsFunc(all, func(i interval) bool {
		if i == (interval{}) || t.IsZero() {
			return t.IsZero() && i == (interval{})
		}
		return !second.Before(i.from) && (i.to.IsZero() || !second.After(i.to))
	})
}

// Faults returns each want that the outcome does not meet, with what came
// instead.
func (r *Replay) Faults(o *Outcome) (all []string) {
	for _, user := range slices.Sorted(maps.Keys(r.wants.visits)) {
		all = append(all, visitFaults(r.wants.visits[user], o.Visits[user])...)
	}
	for _, user := range slices.Sorted(maps.Keys(o.Visits)) {
		if r.wants.nobodyElse && !r.wants.name(user) {
			all = append(all, fmt.Sprintf("want nobody else, there is %s", o.Visits[user][0]))
		}
	}
	for i, m := range r.wants.moments {
		is := o.stood[i]
		switch {
		case m.question == "state" && !slices.Contains(m.answers, is.state):
			all = append(all, fmt.Sprintf("want %s, is %s", m.text, is.state))
		case m.question == "booking" && !slices.Contains(m.answers, string(is.booking)):
			all = append(all, fmt.Sprintf("want %s, is %s", m.text, is.booking))
		case m.question == "heard" && !m.heard.hold(is.heard):
			all = append(all, fmt.Sprintf("want %s, was %s", m.text, clock(is.heard)))
		}
	}
	return all
}

// name reports whether a want names the user.
func (w *wants) name(user string) bool {
	_, visits := w.visits[user]
	return visits || slices.ContainsFunc(w.moments, func(m moment) bool { return m.user == user })
}

// visitFaults holds a user's visits against those wanted, in whichever way to
// leave out those that may be missing fits best.
func visitFaults(want []visit, is []Visit) []string {
	switch {
	case len(want) == 0:
		var faults []string
		for _, v := range is {
			faults = append(faults, "want no such visit: "+v.String())
		}
		return faults
	case len(is) == 0 && want[0].maybe:
		return visitFaults(want[1:], nil)
	case len(is) == 0:
		return append([]string{"want " + want[0].text + ", there is none"}, visitFaults(want[1:], nil)...)
	}
	faults := append(want[0].faults(is[0]), visitFaults(want[1:], is[1:])...)
	if want[0].maybe {
		if without := visitFaults(want[1:], is); len(without) < len(faults) {
			return without
		}
	}
	return faults
}

func (want visit) faults(is Visit) []string {
	over := is.State == presence.Over
	var departed time.Time
	if over {
		departed = is.Departed
	}
	if want.site == is.Site && want.arrived.hold(is.Arrived) && want.departed.hold(departed) && (!over || want.believed.hold(is.Believed)) {
		return nil
	}
	return []string{fmt.Sprintf("want %s, is %s", want.text, is)}
}
