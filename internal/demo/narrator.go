package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// narrator tells what happens: what the controller sent and was answered,
// what the daemon's store says was concluded and done, and which calls the
// sandbox had. It has no script.
type narrator struct {
	out    terminal.Out
	stage  *Stage
	began  time.Time // when the story began
	people []*character

	mu     sync.Mutex // guards what follows
	radius []line
	calls  []string
	told   map[string]bool
	after  []string // effects, to be told after the calls that they came from
	silent bool     // the story is over
}

const narratorLooks = 50 * time.Millisecond

// introduce says what is about to be seen.
func (n *narrator) introduce(api string, linger time.Duration) {
	n.began = time.Now()
	fmt.Fprintf(n.out, `An office of %d people, their Wi-Fi, and Kadence, on a day that passes %.0f times as fast.
%s

  controller →  sends RADIUS accounting to %s, again and again until it is answered
  presenced  :  what the daemon concludes; linger is %s here instead of an hour
  kadence    ←  what the daemon asks of the sandbox at %s, and the answer

It has three acts. While it lasts, a browser finds the daemon at %s
and another terminal asks it by  presenced watch -c %s

`, len(n.people), time.Hour.Seconds()/linger.Seconds(), n.stage.About, n.stage.Servers[0], linger, api, n.stage.URL, n.stage.Config)
}

// line is one line of the narration.
type line struct{ who, what string }

// heard notes what the controller says.
func (n *narrator) heard(who, what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.silent {
		n.radius = append(n.radius, line{who, what})
	}
}

// title is a line between two acts.
func (n *narrator) title(text string) { n.heard("", text) }

// fallSilent ends the story, whatever happens afterwards.
func (n *narrator) fallSilent() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = true
}

// perform plays a scene so long after the beginning.
func (n *narrator) perform(ctx context.Context, s scene, after time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(n.began.Add(after))):
	}
	if s.what != "" {
		n.heard("            ", "("+s.what+")")
	}
	return s.act(ctx)
}

// called notes a call to the sandbox.
func (n *narrator) called(c sandbox.Call) {
	text := fmt.Sprintf("%-4s %s  →  %d", c.Method, c.Path, c.Status)
	if c.Effect != "" {
		text += ": the booking is " + n.out.Bold(string(c.Effect))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, n.plain(text))
}

// plain says whose booking an id is.
func (n *narrator) plain(text string) string {
	for _, c := range n.people {
		name, _, _ := strings.Cut(c.user, "@")
		text = strings.ReplaceAll(text, c.id, "{"+name+"}")
		if c.booking != "" {
			text = strings.ReplaceAll(text, c.booking, "{"+name+"'s "+c.space+"}")
		}
	}
	return text
}

// narrate tells what is new, again and again, until ctx ends.
func (n *narrator) narrate(ctx context.Context) error {
	n.told = map[string]bool{}
	for {
		if err := n.look(ctx); err != nil && ctx.Err() == nil { // at the end the store is closed
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(narratorLooks):
		}
	}
}

// look tells what is new in the order of cause and effect. A conclusion is
// read after the calls that followed from it were taken down, and an effect is
// kept until the next time, so that neither is told before what it came from.
func (n *narrator) look(ctx context.Context) error {
	n.mu.Lock()
	calls, silent := n.calls, n.silent
	n.calls = nil
	n.mu.Unlock()
	if silent {
		return nil
	}
	people, err := n.stage.Store.People(ctx, "", 1000)
	if err != nil {
		return err
	}
	var concluded, effects []string
	for i := range people {
		p, err := n.stage.Store.Person(ctx, people[i].User) // with the story
		if err != nil {
			return err
		}
		for _, e := range p.Story {
			switch e.Kind {
			case presence.Heard: // the controller has told it
			case presence.Concluded:
				concluded = n.news(concluded, e.At.String(), p.User+" "+e.Text)
			default:
				effects = n.news(effects, e.At.String(), string(e.Kind)+": "+p.User+" "+e.Text)
			}
		}
		for _, v := range p.Visits {
			if v.State != presence.Over && v.CheckIn.Reason != "" {
				effects = n.news(effects, v.ID, string(v.CheckIn.Status)+": "+p.User+" check-in: "+v.CheckIn.Reason)
			}
		}
	}
	for _, u := range n.stage.Unmatched(ctx) {
		concluded = n.news(concluded, "", strings.TrimRight("nobody: "+u.Kind+" "+u.Key, " ")+": "+u.Reason)
	}
	n.mu.Lock()
	radius := n.radius
	n.radius = nil
	n.mu.Unlock()
	for _, l := range radius {
		n.print(l.who, l.what)
	}
	for _, text := range concluded {
		n.print("presenced  :", text)
	}
	for _, text := range calls {
		n.print("kadence    ←", text)
	}
	for _, text := range n.after {
		n.print("presenced  :", text)
	}
	n.after = effects
	return nil
}

// news appends text, unless it was told before of the same event.
func (n *narrator) news(list []string, event, text string) []string {
	if n.told[event+text] {
		return list
	}
	n.told[event+text] = true
	return append(list, n.plain(text))
}

func (n *narrator) print(who, what string) {
	at := time.Since(n.began)
	if who == "" {
		fmt.Fprintf(n.out, "\n── %s ──\n\n", n.out.Bold(what))
		return
	}
	fmt.Fprintf(n.out, "%02d:%02d  %s  %s\n", int(at.Minutes()), int(at.Seconds())%60, who, what)
}

// wait waits until the demo is over: its time has come, and every booking is as
// it must be in the end. On a busy host that can be a little later.
func (n *narrator) wait(ctx context.Context, api *sandbox.Server, length time.Duration) error {
	for end := n.began.Add(length); ; {
		now := time.Now()
		if now.After(end.Add(n.stage.Late)) || now.After(end) && !slices.ContainsFunc(n.people, func(c *character) bool { return c.is(api) != c.end }) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(narratorLooks):
		}
	}
}

// sumUp holds the bookings against what they must be in the end.
func (n *narrator) sumUp(api *sandbox.Server) error {
	var lines [][]string
	wrong := 0
	for _, c := range n.people {
		is, verdict := c.is(api), "as it should be"
		if is != c.end {
			verdict = "WRONG: should be " + string(c.end)
			wrong++
		}
		lines = append(lines, []string{c.user, c.lesson, c.space, string(is), verdict})
	}
	fmt.Fprintln(n.out)
	if err := n.out.PrintTable("PERSON WHAT_HAPPENED BOOKING IS_NOW VERDICT", "WHAT_HAPPENED… BOOKING…", lines); err != nil {
		return err
	}
	for _, offence := range api.Offences() {
		fmt.Fprintln(n.out, n.out.Red(offence))
		wrong++
	}
	if wrong > 0 {
		fmt.Fprintln(n.out, n.out.Red(fmt.Sprintf("\n%d of the bookings did not end as they should.", wrong)))
		return ErrWrong
	}
	fmt.Fprintln(n.out, "\nEverybody ended as they should: nobody was checked in twice, nobody wrongly, and nobody was forgotten.")
	return nil
}
