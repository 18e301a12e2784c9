package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/presenced/presenced/kadence/sandbox"
)

// standIn is what `sandbox` is asked to be.
type standIn struct {
	listen    string
	users     []string
	walkIns   []string
	buildings []string
	zone      string
	opening   string
	passes    int
	hours     time.Duration
	early     string
	switches  sandbox.Switches
	failAfter int
}

var earlyCheckIns = map[string]sandbox.EarlyCheckIn{
	"same-day": sandbox.EarlySameDay, "once-open": sandbox.EarlyOnceOpen, "off": sandbox.EarlyOff,
}

func (p *program) sandbox() *cobra.Command {
	var r standIn
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "A Kadence to try things on: bookings of today for made-up users, and every call told",
		Example: `presenced sandbox --user ann@example.com --user bob@example.com
presenced sandbox --building HQ --building Paris=Europe/Paris --user ann@example.com --user bob@example.com=Paris
presenced sandbox --unavailable-for 20 --early-check-in once-open
presenced sandbox --walk-in bob@example.com --passes 10 --opening 08:00-18:00`,
		Long: "Serves a stand-in of Kadence's API until it is interrupted, prints the [kadence] table that leads to it,\n" +
			"and tells every call. Each user has a desk booked from an hour ago on, in the first building unless another is named.",
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			early, ok := earlyCheckIns[r.early]
			if !ok {
				p.understood = false
				return fmt.Errorf("--early-check-in %q is none of same-day, once-open, off", r.early)
			}
			r.switches.EarlyCheckIn = early
			return p.standIn(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.listen, "listen", "127.0.0.1:9814", "the `ADDRESS` to serve on")
	f.StringArrayVar(&r.users, "user", []string{"ann@example.com"}, "a user's e-mail `ADDRESS`, and behind = the building of their desk; may be given again")
	f.StringArrayVar(&r.walkIns, "walk-in", nil, "the `ADDRESS` of a user without a booking; may be given again")
	f.StringArrayVar(&r.buildings, "building", []string{"HQ"}, "a building's `NAME`, and behind = its time zone; may be given again")
	f.StringVar(&r.zone, "time-zone", "UTC", "the time `ZONE` of buildings that have none of their own")
	f.StringVar(&r.opening, "opening", "00:00-24:00", "when the buildings are open, `FROM-TO`")
	f.IntVar(&r.passes, "passes", 0, "how many onsite passes each building has; 0 for no limit")
	f.DurationVar(&r.hours, "hours", 8*time.Hour, "how long each desk is booked for")
	f.StringVar(&r.early, "early-check-in", "same-day", "when a booking may be checked in: same-day, once-open, off")
	f.BoolVar(&r.switches.SelfCertification, "self-certification", false, "refuse who has not self-certified (nobody has)")
	f.BoolVar(&r.switches.ManualCheckInOff, "manual-check-in-off", false, "refuse every check-in")
	f.DurationVar(&r.switches.AutoRelease, "auto-release", 0, "cancel what is not checked in so long after its start")
	f.BoolVar(&r.switches.ReleaseOnCheckOut, "release-on-check-out", false, "a check-out ends the booking")
	f.IntVar(&r.failAfter, "unavailable-for", 0, "answer the first `N` calls with 503")
	return cmd
}

// standIn serves the sandbox until ctx ends.
func (p *program) standIn(ctx context.Context, r standIn) error {
	secret := rand.Text()
	api := sandbox.New("rehearsal", secret)
	api.Switch(func(s *sandbox.Switches) { *s = r.switches })
	if r.failAfter > 0 {
		api.Fail(sandbox.Fault{Status: http.StatusServiceUnavailable, Times: r.failAfter})
	}
	opens, closes, err := opening(r.opening)
	if err != nil {
		p.understood = false
		return err
	}
	ids := map[string]string{}
	for i, building := range r.buildings {
		name, of, _ := strings.Cut(building, "=")
		zone, err := time.LoadLocation(cmp.Or(of, r.zone))
		if err != nil {
			p.understood = false
			return fmt.Errorf("--building %s: %w", building, err)
		}
		r.buildings[i], ids[name] = name, api.AddBuilding(name, zone)
		api.ChangeBuilding(ids[name], func(b *sandbox.Building) { b.Opens, b.Closes, b.Passes = opens, closes, r.passes })
	}
	now := time.Now().Truncate(time.Minute)
	for _, at := range r.users {
		user, building, _ := strings.Cut(at, "=")
		id, ok := ids[cmp.Or(building, r.buildings[0])]
		if !ok {
			p.understood = false
			return fmt.Errorf("--user %s: there is no building %q, but %s", at, building, named(r.buildings))
		}
		api.Book(sandbox.Booking{User: api.AddUser(user), Building: id, Begin: now.Add(-time.Hour), End: now.Add(r.hours)})
	}
	for _, user := range r.walkIns {
		api.AddUser(user)
	}
	calls := make(chan sandbox.Call, 1024)
	api.Watch = func(c sandbox.Call) {
		select {
		case calls <- c:
		default: // nobody reads what is printed that fast
		}
	}
	l, err := net.Listen("tcp", r.listen)
	if err != nil {
		return fmt.Errorf("serve the sandbox: %w", err)
	}
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Fprintf(p.stdout, `# put this into presenced.toml, with building = %s in the [[site]]
[kadence]
api_url       = "http://%[2]s"
auth_url      = "http://%[2]s"
client_id     = "rehearsal"
client_secret = %[3]q
dry_run       = false

`, named(r.buildings), l.Addr(), secret)
	for {
		select {
		case c := <-calls:
			fmt.Fprintf(p.stdout, "%s  %s\n", time.Now().Format(time.RFC3339), told(c))
		case err := <-served:
			return fmt.Errorf("serve the sandbox: %w", err)
		case <-ctx.Done():
			err := server.Close()
			if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
				err = errors.Join(err, ended)
			}
			return err
		}
	}
}

// opening is when a building opens and closes, since midnight; both are zero if it
// never closes.
func opening(s string) (opens, closes time.Duration, err error) {
	var fromH, fromM, toH, toM int
	if n, err := fmt.Sscanf(s, "%d:%d-%d:%d", &fromH, &fromM, &toH, &toM); n != 4 || err != nil {
		return 0, 0, fmt.Errorf("--opening %q: write it like 08:00-18:00", s)
	}
	clock := func(h, m int) time.Duration { return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute }
	if opens, closes = clock(fromH, fromM), clock(toH, toM); closes-opens >= 24*time.Hour {
		return 0, 0, nil
	}
	return opens, closes, nil
}

// named is the names of buildings, each of a site of its own.
func named(buildings []string) string {
	var all []string
	for _, name := range buildings {
		all = append(all, fmt.Sprintf("%q", name))
	}
	return strings.Join(all, " or ")
}

// told is a call to the sandbox in words.
func told(c sandbox.Call) string {
	text := fmt.Sprintf("%-4s %s  →  %d", c.Method, c.Path, c.Status)
	if c.Effect != "" {
		text += ": the booking is " + string(c.Effect)
	}
	return text
}
