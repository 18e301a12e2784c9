//go:build failpoints

package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/journal"
)

// carrying has TestAtEveryPointOfACall be the process that is killed: the folder
// of its store, and the seed, which is 0 for one that nothing happens to.
const carrying = "PRESENCED_STORE_TEST_CARRIES"

// aroundCalls are the points between booking an attempt, the call, and its result.
var aroundCalls = []string{
	"attempt: before it is booked", "attempt: after it was booked",
	"call: before it is made", "call: after it took effect",
	"result: before it is written", "result: after it was written",
}

// TestAtEveryPointOfACall kills, or has fail, what takes people's records in and
// calls a desk for them, between any two steps: those to the disk, and those
// around each call. It holds a ledger of what was acknowledged and what the desk
// saw against the store that is found then: no call was made that had not been
// booked, none took effect twice nor was repeated once it had, nothing is taken
// for done that is not, and in the end everybody who came has been checked in and
// out, once.
func TestAtEveryPointOfACall(t *testing.T) {
	if dir, seed, ok := strings.Cut(os.Getenv(carrying), ":"); ok {
		synctest.Test(t, func(t *testing.T) { carry(t, dir, must(strconv.ParseUint(seed, 10, 64))) })
		return
	}
	chance := seeded(t)
	var seen strokes
	dir := filepath.Join(t.TempDir(), "store")
	people, missed := 0, 0
	run := func(seed uint64) {
		cmd := exec.CommandContext(t.Context(), must(os.Executable()), "-test.run=^TestAtEveryPointOfACall$", "-test.timeout=1m")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s:%d", carrying, dir, seed), "GORACE=atexit_sleep_ms=0")
		hit := seen.run(t, cmd, func(string) {})
		l := must(openLedger(dir))
		defer l.file.Close()
		if err := l.holds(filepath.Join(dir, "presenced.db"), seed == 0); err != nil {
			t.Fatalf("seed %d, %s: %v", seed, hit, err)
		}
		if seed == 0 {
			people, missed = people+l.count["left"], missed+l.missed
		}
	}
	for seen.rounds < *rounds { // a day, and a store, after the other
		must(0, os.RemoveAll(dir))
		must(0, os.Mkdir(dir, 0o700))
		for round := 0; round < 20 && seen.rounds < *rounds; round++ {
			run(1 + chance.Uint64N(1<<62))
		}
		run(0)
	}
	seen.log(t)
	if missed > people/50 {
		t.Errorf("%d of %d people were gone before they were checked in", missed, people)
	}
	t.Logf("%d people were checked in and out once each, and %d were gone before a call came through", people-missed, missed)
}

// ledger is what was acknowledged of people, and what the desk did and saw, line
// by line in a file, which a kill does not take back. It is the desk, too: each
// person has one booking, of the day.
type ledger struct {
	mu     sync.Mutex
	file   *os.File
	now    time.Time
	lines  map[string]int
	count  map[string]int         // of lines that begin so
	calls  map[string][]time.Time // by user
	done   map[string]bool        // called, with a result that is not written yet
	missed int                    // who was gone before a call came through
}

const daybreak = 7 * time.Hour

var day = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

func openLedger(dir string) (*ledger, error) {
	l := &ledger{now: day.Add(daybreak), lines: map[string]int{}, count: map[string]int{}, calls: map[string][]time.Time{}, done: map[string]bool{}}
	var err error
	if l.file, err = os.OpenFile(filepath.Join(dir, "ledger"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(l.file); lines.Scan(); {
		l.take(lines.Text())
	}
	return l, nil
}

func (l *ledger) take(line string) {
	what, rest, _ := strings.Cut(line, " ")
	if what == "at" {
		l.now = time.Unix(must(strconv.ParseInt(rest, 10, 64)), 0).UTC()
		return
	}
	if what == "call" {
		f := strings.Fields(rest)
		l.calls[f[0]] = append(l.calls[f[0]], time.Unix(0, must(strconv.ParseInt(f[1], 10, 64))))
	}
	l.lines[line]++
	l.count[what]++
}

func (l *ledger) note(what string, rest any) {
	line := fmt.Sprint(what, " ", rest)
	must(fmt.Fprintln(l.file, line))
	l.take(line)
}

// pass has time pass, in steps that a restart does not go back behind.
func (l *ledger) pass(d time.Duration) {
	l.mu.Lock()
	until := time.Now().Add(d).Truncate(time.Second)
	l.note("at", until.Unix())
	l.mu.Unlock()
	time.Sleep(time.Until(until))
}

func (l *ledger) booking(user string) presence.Booking {
	now := time.Now()
	b := presence.Booking{
		ID: "desk of " + user, UserID: user, Type: "desk", Eligible: true, Status: presence.Booked,
		Begin: day.Add(6 * time.Hour), End: day.Add(23*time.Hour + 30*time.Minute), Read: now,
	}
	if l.lines["in "+user] > 0 {
		b.Status, b.Method = presence.CheckedIn, "wifi"
	}
	if l.lines["out "+user] > 0 {
		b.Status = presence.CheckedOut
	}
	return b
}

func (l *ledger) Listed(_ context.Context, user, _ string, _ time.Time) (presence.Listing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return presence.Listing{Bookings: []presence.Booking{l.booking(user)}, At: time.Now()}, nil
}

func (l *ledger) Bookings(_ context.Context, user, _ string, _ time.Time) ([]presence.Booking, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return []presence.Booking{l.booking(user)}, nil
}

func (l *ledger) CheckIn(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return l.call("in", b, presence.Booked)
}

func (l *ledger) CheckOut(_ context.Context, _ string, b presence.Booking) (presence.Booking, error) {
	return l.call("out", b, presence.CheckedIn)
}

func (l *ledger) call(what string, b presence.Booking, from presence.BookingStatus) (presence.Booking, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := journal.Point("call: before it is made"); err != nil {
		return b, err
	}
	l.done[b.UserID] = true
	l.note("call", fmt.Sprint(b.UserID, " ", time.Now().UnixNano(), " ", what))
	if b.Read.IsZero() { // who is in doubt has it read again first
		if is := l.booking(b.UserID); is.Status != from {
			return is, presence.ErrChanged
		}
	}
	if l.booking(b.UserID).Status != from {
		l.note("repeated", what+" "+b.UserID)
		return b, &presence.RefusedError{Reason: "not so"}
	}
	l.note(what, b.UserID)
	return l.booking(b.UserID), journal.Point("call: after it took effect")
}

// couriers is the store as the courier sees it, with points around what it
// writes of its calls.
type couriers struct {
	*Store
	desk *ledger
}

func (c couriers) Update(ctx context.Context, changes []presence.Change) error {
	what := ""
	for _, ch := range changes {
		c.desk.mu.Lock()
		result := c.desk.done[ch.User]
		delete(c.desk.done, ch.User)
		c.desk.mu.Unlock()
		if result {
			what = "result"
			continue
		}
		p, err := c.Person(ctx, ch.User)
		if err != nil {
			return err
		}
		before := tried(p)
		ch.Apply(&p, nil) // it may run twice
		if tried(p).After(before) {
			what = "attempt"
		}
	}
	before, after := "", ""
	switch what {
	case "attempt":
		before, after = aroundCalls[0], aroundCalls[1]
	case "result":
		before, after = aroundCalls[4], aroundCalls[5]
	default:
		return c.Store.Update(ctx, changes)
	}
	if err := journal.Point(before); err != nil {
		return err
	}
	return errors.Join(c.Store.Update(ctx, changes), journal.Point(after))
}

// tried returns when an attempt was last booked for the person.
func tried(p presence.Person) (last time.Time) {
	for _, v := range p.Visits {
		for _, c := range v.Claims {
			last = later(last, c.Tried)
		}
	}
	return last
}

// carry is a part of a day: people come and go, and are checked in and out. With
// no seed nothing fails, and everybody goes who came.
func carry(t *testing.T, dir string, seed uint64) {
	l := must(openLedger(dir))
	time.Sleep(time.Until(l.now.Add(time.Second)))
	chance := rand.New(rand.NewPCG(seed, 1))
	struck := func() bool { return false }
	if seed > 0 {
		struck = strike(seed, aroundCalls)
	}
	s, err := Open(filepath.Join(dir, "presenced.db"))
	for errors.Is(err, errOnPurpose) {
		s, err = Open(filepath.Join(dir, "presenced.db"))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.withJournals(someUpdates)
	rules := presence.DefaultRules()
	site := presence.Site{Name: "london", Zone: time.UTC, Closes: 24 * time.Hour}
	rules.Linger, rules.Lunch, rules.Brief = 10*time.Minute, presence.Span{}, 0
	rules.Sites = map[string]presence.Site{site.Name: site}
	quiet := slog.New(slog.DiscardHandler)
	tracker := presence.NewTracker(s, &mapping.Rules{Sites: []presence.Site{site}, Identity: mapping.Identity{Domain: "example.com"}}, rules, quiet)
	courier := presence.NewCourier(couriers{s, l}, l, rules, quiet)
	tracker.HasWork = courier.Kick
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { tracker.Run(ctx) })
	running.Go(func() { courier.Run(ctx) })

	hear := func(status presence.Status, n int) {
		now := time.Now()
		r := presence.Record{
			Client: "hq", Site: site.Name, SSID: "Corp", Heard: now, At: now, Status: status,
			UserName: fmt.Sprint("u", n), Device: fmt.Sprintf("02:00:00:00:%02x:%02x", n>>8, n&255), Session: fmt.Sprint("s", n), NASID: fmt.Sprint("ap", n),
		}
		for { // what is not acknowledged is sent again
			err := tracker.Record(ctx, []presence.Record{r})
			if err == nil {
				break
			}
			if !errors.Is(err, errOnPurpose) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.note(map[presence.Status]string{presence.Start: "came", presence.Stop: "left"}[status], n)
	}
	last := 12
	for op := 0; seed > 0 && op < last; op++ {
		l.pass(time.Duration(1+chance.IntN(90)) * time.Second)
		l.mu.Lock()
		came, left := l.count["came"], l.count["left"]
		l.mu.Unlock()
		if left < came && chance.IntN(2) == 0 {
			hear(presence.Stop, left)
		} else {
			hear(presence.Start, came)
		}
		if struck() {
			last = min(last, op+4) // it goes on
		}
	}
	if seed == 0 {
		l.pass(10 * time.Minute)
		for n := l.count["left"]; n < l.count["came"]; n++ {
			hear(presence.Stop, n)
		}
		l.pass(90 * time.Minute)
	}
	cancel()
	running.Wait()
	if err := s.Close(); err != nil && !errors.Is(err, errOnPurpose) {
		t.Fatal(err)
	}
}

// holds opens the store as the next start does, and holds it against the ledger.
// At the end of the day all is to be done.
func (l *ledger) holds(path string, ended bool) error {
	s, err := Open(path)
	if err != nil {
		return err
	}
	defer s.Close()
	everybody, err := s.People(context.Background(), "", 10_000)
	if err != nil {
		return err
	}
	visits, err := s.History(context.Background(), "", time.Time{}, day.AddDate(1, 0, 0), 10_000)
	if err != nil {
		return err
	}
	for _, p := range everybody {
		visits = append(visits, p.Visits...)
	}
	of := map[string][]presence.Visit{}
	for _, v := range visits {
		of[v.User] = append(of[v.User], v)
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	claimed := func(user string, f func(presence.Claim) bool) bool {
		return slices.ContainsFunc(of[user], func(v presence.Visit) bool { return slices.ContainsFunc(v.Claims, f) })
	}
	for line, n := range l.lines {
		what, rest, _ := strings.Cut(line, " ")
		switch what {
		case "repeated":
			fault("a call was made again that had taken effect: %s", rest)
		case "in", "out":
			if n != 1 {
				fault("%s took effect %d times", line, n)
			}
		case "came":
			user := "u" + rest + "@example.com"
			if len(of[user]) != 1 {
				fault("%s came, which was acknowledged, and has %d visits", user, len(of[user]))
			}
			if ended && l.lines["in "+user] == 0 && slices.ContainsFunc(of[user], func(v presence.Visit) bool { return v.CheckIn.Status == presence.Skipped }) {
				l.missed++ // every attempt was struck for as long as they were there, and that is told
			} else if ended && (l.lines["in "+user] != 1 || l.lines["out "+user] != 1) {
				fault("%s was checked in %d times, and out %d times: %+v", user, l.lines["in "+user], l.lines["out "+user], of[user])
			}
		}
	}
	for user, calls := range l.calls {
		before := append([]time.Time{{}}, calls...)[len(calls)-1] // the latest call but one
		if !claimed(user, func(c presence.Claim) bool { return c.Tried.After(before) }) {
			fault("the latest call for %s was made without an attempt: %+v", user, of[user])
		}
	}
	for user := range of {
		if claimed(user, func(c presence.Claim) bool {
			return !c.In.IsZero() && l.lines["in "+user] == 0 || !c.Out.IsZero() && l.lines["out "+user] == 0
		}) {
			fault("what was not done of %s is taken for done: %+v", user, of[user])
		}
	}
	return errors.Join(faults...)
}
