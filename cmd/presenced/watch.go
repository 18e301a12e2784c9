package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
)

func (p *program) watch() *cobra.Command {
	var every, length time.Duration
	var packets bool
	var client string
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Live: who comes and goes, packets by client, calls to Kadence, what is pending",
		Long: "On a terminal, a screen that is drawn anew as things change; q ends it. Anywhere else a line for each change,\n" +
			"or with --json an object on each line. The daemon is asked again and again and keeps nothing for it, so that\n" +
			"watching costs it little, however long it takes.\n\n" +
			"With --packets each packet as it comes, refused ones too, and the rule that decided about it, with names and devices\n" +
			"redacted. When it is ended it says of each client whether it is heard, its secret is right, names are real, interims are\n" +
			"regular, and its clock is right.",
		Example: `presenced watch
presenced watch --packets --client paris-wlc
presenced watch --json --for 1h | jq -r 'select(.what == "left") | .user'`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every <= 0 {
				p.understood = false
				return fmt.Errorf("--every %s is not above nought", every)
			}
			daemon, err := p.daemon()
			if err != nil {
				return err
			}
			if client != "" && !packets {
				p.understood = false
				return errors.New("--client is of --packets")
			}
			w := &watcher{daemon: daemon, every: every}
			if _, err := w.look(cmd.Context()); err != nil {
				return err
			}
			ctx := cmd.Context()
			if length > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, length)
				defer cancel()
			}
			if packets {
				return p.watchPackets(ctx, daemon, client)
			}
			p.learnZones(ctx, daemon)
			if _, ok := p.stdout.Terminal(); ok && !p.json && os.Getenv("TERM") != "dumb" {
				return p.watchScreen(ctx, w)
			}
			first := change{At: control.Time{Time: w.at}, What: "daemon", Text: fmt.Sprintf("runs, pid %d: %d here, %s, %s with a call pending",
				w.status.PID, w.status.People, terminal.Count(w.status.Live, "live session"), terminal.Count(w.status.Pending, "visit"))}
			if err := p.printChange(first); err != nil {
				return err
			}
			return w.follow(ctx, func(changes []change) error {
				for _, c := range changes {
					if err := p.printChange(c); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().DurationVar(&every, "every", time.Second, "how often the daemon is asked; less often where its answer takes long")
	cmd.Flags().DurationVar(&length, "for", 0, "how long to watch; until it is ended if this is not given")
	cmd.Flags().BoolVar(&packets, "packets", false, "show each packet, and the rule that decides about it")
	cmd.Flags().StringVar(&client, "client", "", "only packets of this `CLIENT`")
	return p.listing(cmd)
}

func (p *program) printChange(c change) error {
	if p.json {
		line, err := control.JSON(c)
		if err == nil {
			_, err = fmt.Fprintln(p.stdout, string(line))
		}
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "%s  %s\n", terminal.Moment(c.At.Time), c)
	return err
}

// watcher asks the daemon how things are, again and again, and tells what has
// changed since it asked last.
type watcher struct {
	daemon *control.Remote
	every  time.Duration

	status, before control.Status // as of the latest look and the one before
	at, atBefore   time.Time
	visits         map[string]control.Visit // open, by id; nil before the first look
	silent         bool                     // the daemon does not answer
}

// sight is what one look showed, beside the look before.
type sight struct {
	status, before control.Status
	passed         time.Duration // between the two; 0 at first
	visits         map[string]control.Visit
	silent         bool
	changes        []change
}

// sight is the latest look. What is in it does not change any more.
func (w *watcher) sight(changes []change) sight {
	s := sight{w.status, w.before, 0, w.visits, w.silent, changes}
	if !w.atBefore.IsZero() && w.status.Started.Equal(w.before.Started.Time) {
		s.passed = w.at.Sub(w.atBefore)
	}
	return s
}

// share is how much of its time a look may take: the daemon has other work.
const share = 10

// follow looks until ctx ends, and shows the changes to see, also when there are none.
func (w *watcher) follow(ctx context.Context, see func([]change) error) error {
	for {
		began := time.Now()
		changes, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !w.silent:
			w.silent = true
			changes = []change{{At: control.Time{Time: began}, What: "daemon", Text: "does not answer: " + err.Error()}}
		case err == nil && w.silent:
			w.silent = false
			changes = append([]change{{At: control.Time{Time: began}, What: "daemon", Text: "answers again"}}, changes...)
		}
		if err := see(changes); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(w.every, share*time.Since(began))):
		}
	}
}

// look asks once.
func (w *watcher) look(ctx context.Context) (changes []change, err error) {
	status, err := w.daemon.Status(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	visits := map[string]control.Visit{}
	for v, err := range w.daemon.Visits(ctx, control.VisitQuery{Open: true}) {
		if err != nil {
			return nil, err
		}
		visits[v.ID] = v
	}
	if w.visits != nil {
		if changes, err = w.compare(ctx, visits, now); err != nil {
			return nil, err
		}
		changes = append(changes, statusChanges(w.status, status, now)...)
	}
	w.visits = visits
	w.status, w.before, w.at, w.atBefore = status, w.status, now, w.at
	return changes, nil
}

// compare holds the visits against those of the look before. One that is no
// longer among the open is looked up for its end.
func (w *watcher) compare(ctx context.Context, visits map[string]control.Visit, now time.Time) (changes []change, err error) {
	for id, old := range w.visits {
		if _, open := visits[id]; open {
			continue
		}
		for v, err := range w.daemon.Visits(ctx, control.VisitQuery{User: old.User, Since: old.Arrived.Time}) {
			if err != nil {
				return nil, err
			}
			if v.ID == id {
				changes = append(changes, visitChanges(old, v, now)...)
			}
		}
	}
	for id, v := range visits {
		old, known := w.visits[id]
		if !known {
			old = control.Visit{}
		}
		changes = append(changes, visitChanges(old, v, now)...)
	}
	inOrder(changes)
	return changes, nil
}
