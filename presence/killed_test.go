package presence

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// life is one life of the process. It takes steps, which are what it writes and
// whom it calls, and a kill ends it before or after any of them.
type life struct {
	mu     sync.Mutex
	left   int  // steps that it has yet to take; negative: as many as it likes
	after  bool // the last of them takes effect, which nobody learns of any more
	taken  int
	killed bool
	died   context.Context
	die    func()
}

var errKilled = errors.New("killed")

func newLife(left int, after bool) *life {
	l := &life{left: left, after: after}
	l.died, l.die = context.WithCancel(context.Background())
	return l
}

// step takes a step, unless the process is killed.
func (l *life) step(effect func() error) error {
	l.mu.Lock()
	if l.killed {
		l.mu.Unlock()
		return errKilled
	}
	l.taken++
	last := l.left == 0
	if l.left--; last {
		l.killed = true
		l.die()
	}
	l.mu.Unlock()
	if last && !l.after {
		return errKilled
	}
	err := effect()
	if last {
		return errKilled
	}
	return err
}

// look reads, unless the process is killed.
func (l *life) look() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.killed {
		return errKilled
	}
	return nil
}

// mortalStore is the store as a process has it that may be killed.
type mortalStore struct {
	Store
	life *life
}

func (s mortalStore) Update(ctx context.Context, changes []Change) error {
	return s.life.step(func() error { return s.Store.Update(ctx, changes) })
}

func (s mortalStore) Person(ctx context.Context, user string) (Person, error) {
	if err := s.life.look(); err != nil {
		return Person{}, err
	}
	return s.Store.Person(ctx, user)
}

func (s mortalStore) Note(ctx context.Context, kind, key string) ([]byte, error) {
	if err := s.life.look(); err != nil {
		return nil, err
	}
	return s.Store.Note(ctx, kind, key)
}

// mortalDesk is the desk as a process has it that may be killed.
type mortalDesk struct {
	*reception
	life *life
}

func called[T any](l *life, call func() (T, error)) (answer T, err error) {
	if err := l.step(func() (err error) { answer, err = call(); return err }); err != nil {
		return answer, err
	}
	return answer, nil
}

func (d mortalDesk) Listed(ctx context.Context, user, site string, asOf time.Time) (Listing, error) {
	return called(d.life, func() (Listing, error) { return d.reception.Listed(ctx, user, site, asOf) })
}

func (d mortalDesk) Bookings(ctx context.Context, user, site string, asOf time.Time) ([]Booking, error) {
	return called(d.life, func() ([]Booking, error) { return d.reception.Bookings(ctx, user, site, asOf) })
}

func (d mortalDesk) CheckIn(ctx context.Context, site string, b Booking) (Booking, error) {
	return called(d.life, func() (Booking, error) { return d.reception.CheckIn(ctx, site, b) })
}

func (d mortalDesk) CheckOut(ctx context.Context, site string, b Booking) (Booking, error) {
	return called(d.life, func() (Booking, error) { return d.reception.CheckOut(ctx, site, b) })
}

func (d mortalDesk) Today(ctx context.Context, user, site string) ([]Booking, error) {
	return called(d.life, func() ([]Booking, error) { return d.reception.Today(ctx, user, site) })
}

func (d mortalDesk) Pass(ctx context.Context, user, site string) (Pass, error) {
	return called(d.life, func() (Pass, error) { return d.reception.Pass(ctx, user, site) })
}

func (d mortalDesk) BookPass(ctx context.Context, site string, p Pass) (Booking, error) {
	return called(d.life, func() (Booking, error) { return d.reception.BookPass(ctx, site, p) })
}

func (d mortalDesk) Cancel(ctx context.Context, site string, b Booking) (Booking, error) {
	return called(d.life, func() (Booking, error) { return d.reception.Cancel(ctx, site, b) })
}

// restless is an office whose process is killed again and again.
type restless struct {
	*office
	life *life
	r    *rand.Rand
	kill func(*rand.Rand) *life // the next life
	lost int                    // lives
}

// live begins the next life of the process.
func (o *restless) live() {
	o.life = o.kill(o.r)
	o.wrap = func(m *Memory) Store { return mortalStore{m, o.life} }
	o.door = func(d *reception) Desk { return mortalDesk{d, o.life} }
	o.start()
}

// rise buries the process that was killed and begins another, a while later.
func (o *restless) rise() {
	o.stop()
	o.lost++
	if o.r.IntN(3) > 0 {
		time.Sleep(time.Duration(o.r.IntN(400)) * time.Second)
	}
	o.live()
}

// sleep lets the clock run up to t, through whatever kills there are.
func (o *restless) sleep(t time.Time) {
	for {
		select {
		case <-time.After(time.Until(t)):
			synctest.Wait()
			return
		case <-o.life.died.Done():
			o.rise()
		}
	}
}

// says has a controller send a record until it is answered.
func (o *restless) says(status Status, user, device, session string) {
	at := time.Now()
	for {
		err := o.tracker.Record(o.t.Context(), []Record{{
			Client: "hq", Site: "london", Heard: time.Now(), At: at, Status: status, UserName: user, Device: device,
			Session: session, SSID: "Corp", NASID: "wlc",
		}})
		if err == nil {
			return
		}
		if errors.Is(err, ErrGaveUp) {
			continue
		}
		if o.life.look() == nil {
			o.t.Fatal(err)
		}
		o.rise()
	}
}

// Whatever arrives, fails, is lost or killed, and whatever people do in Kadence
// meanwhile: nobody is checked in a second time, nor out, nor anybody who has
// cancelled or checked out, nor out of what we did not check in to; and nobody has
// two bookings by us, nor is anybody booked who has, or had, a place here today.
func TestWhateverIsKilledNothingIsDoneTwice(t *testing.T) {
	total := map[string]int{}
	days := max(*seeds, 180) // in fewer not every fault occurs
	for seed := range days {
		restlessDay(t, seed, total)
		if t.Failed() {
			return
		}
		if seed%1000 == 999 {
			t.Logf("seeds 0 to %d: %v", seed, total)
		}
	}
	t.Logf("seeds 0 to %d: %v", days-1, total)
	for _, what := range []string{"kill", "in", "out", "lost answer", "late effect", "act", "book", "cancel"} {
		if total[what] == 0 {
			t.Errorf("of %d days none had any %s", days, what)
		}
	}
}

// restlessDay is one day of a few people, faults, acts and kills.
func restlessDay(t *testing.T, seed uint64, total map[string]int) {
	inOffice(t, func(o *office) {
		r := rand.New(rand.NewPCG(seed, 21))
		o.stop()
		day := &restless{office: o, r: r, kill: func(r *rand.Rand) *life {
			if r.IntN(4) == 0 {
				return newLife(-1, false)
			}
			return newLife(r.IntN(50), r.IntN(2) == 0)
		}}
		o.desk.fault = faults(rand.New(rand.NewPCG(seed, 22)))
		troubles := UsualTroubles
		troubles.GivesUp = 0.02
		o.store.InTrouble(seed, troubles)
		if any := o.desk.fault; r.IntN(3) == 0 { // nobody has self-certified
			o.desk.fault = func(call string, b *Booking) error {
				if strings.HasPrefix(call, "in pass") {
					return &RefusedError{Reason: "self-certify first"}
				}
				return any(call, b)
			}
		}
		lost := rand.New(rand.NewPCG(seed, 23))
		o.desk.lost = func(string) bool {
			if lost.IntN(4) > 0 {
				return false
			}
			total["lost answer"]++
			return true
		}
		if r.IntN(3) == 0 {
			o.desk.release = 20 * time.Minute
		}
		moment := func(from, to int) time.Time { return hour(8).Add(time.Duration(from+r.IntN(to-from)) * time.Minute) }
		people := []string{"ann", "bob"}[:1+r.IntN(2)]
		for _, user := range people {
			for i := range r.IntN(3) {
				begin := moment(0, 240)
				o.desk.book(user+"@example.com", fmt.Sprintf("%s%d", user, i), begin, begin.Add(time.Duration(60+r.IntN(300))*time.Minute))
			}
		}
		london := o.rules.Sites["london"]
		london.WalkIns = WalkIns{Rule: WalkInsOnsite, After: time.Duration(r.IntN(20)) * time.Minute, Max: 1 + r.IntN(4), Undo: r.IntN(2) == 0}
		o.rules.Sites = map[string]Site{"london": london}
		o.desk.late = func() time.Duration {
			if lost.IntN(4) > 0 {
				return 0
			}
			total["late effect"]++
			return time.Duration(lost.IntN(3600)) * time.Second
		}
		day.live()
		var what plans
		for i, user := range people {
			device, at := fmt.Sprintf("02:00:00:00:00:%02x", i+1), moment(1, 90)
			for n := range 1 + r.IntN(3) {
				session := fmt.Sprint(n)
				what.add(at, func() { day.says(Start, user, device, session) })
				at = at.Add(time.Duration(1+r.IntN(120)) * time.Minute)
				what.add(at, func() { day.says(Stop, user, device, session) })
				at = at.Add(time.Duration(1+r.IntN(90)) * time.Minute)
			}
			for range r.IntN(4) {
				total["act"]++
				what.add(moment(1, 300), o.desk.act(r, user+"@example.com"))
			}
		}
		for _, next := range what.sorted() {
			day.sleep(next.at)
			next.do()
		}
		day.sleep(hour(14))
		day.stop()
		day.stop = func() {}
		total["kill"] += day.lost
		for _, e := range o.desk.took {
			total[e.call]++
		}
		for _, user := range people {
			if all := contradictions(o.lines(user + "@example.com")); len(all) > 0 {
				t.Errorf("seed %d: the story of %s contradicts itself: %s\n%s", seed, user, strings.Join(all, "\n"), o.story())
			}
		}
		for _, offence := range o.desk.offences() {
			t.Errorf("seed %d: %s\n calls %s\n%s", seed, offence, strings.Join(o.desk.calls, ", "), o.story())
		}
	})
}

// plans are what is going to happen, and when.
type plans []planned

type planned struct {
	at time.Time
	do func()
}

func (p *plans) add(at time.Time, do func()) { *p = append(*p, planned{at, do}) }

func (p plans) sorted() plans {
	slices.SortStableFunc(p, func(a, b planned) int { return a.at.Compare(b.at) })
	return p
}

// faults are the desk's, no more than a few in a row.
func faults(r *rand.Rand) func(string, *Booking) error {
	row := 0
	return func(call string, b *Booking) error {
		if row > 2 || r.IntN(5) > 0 {
			row = 0
			return nil
		}
		row++
		switch r.IntN(8) {
		case 0:
			return &ThrottledError{Until: time.Now().Add(time.Minute)}
		case 1:
			if call != "read" && (b == nil || !time.Now().Before(b.Begin)) {
				return &RefusedError{Reason: "not just now"}
			}
		case 2:
			return ErrNoUser
		case 3:
			return &DeniedError{Reason: "not for you"}
		case 4:
			return &ClosedError{Reason: "who are you?"}
		}
		return errors.New("502 Bad Gateway")
	}
}

// acts are what people do in Kadence, or have done to them.
var acts = []func(r *rand.Rand, d *reception, user string, b *Booking){
	func(_ *rand.Rand, _ *reception, _ string, b *Booking) {
		if b.Status == Booked || b.Status == CheckedIn {
			b.Status = Cancelled
		}
	},
	func(_ *rand.Rand, _ *reception, _ string, b *Booking) {
		if b.Status == Booked {
			b.Status, b.Method = CheckedIn, ""
		}
	},
	func(_ *rand.Rand, _ *reception, _ string, b *Booking) {
		if b.Status == CheckedIn {
			b.Status = CheckedOut
		}
	},
	func(r *rand.Rand, _ *reception, _ string, b *Booking) {
		by := time.Duration(r.IntN(120)-60) * time.Minute
		b.Begin, b.End = b.Begin.Add(by), b.End.Add(by)
	},
	func(_ *rand.Rand, d *reception, _ string, b *Booking) { delete(d.bookings, b.ID) },
}

// act returns something that the user does at the desk, to a booking of theirs or
// to have another.
func (r *reception) act(random *rand.Rand, user string) func() {
	return func() {
		r.mu.Lock()
		r.passTime()
		var theirs []*Booking
		for _, id := range slices.Sorted(maps.Keys(r.bookings)) {
			if r.owner[id] == user {
				theirs = append(theirs, r.bookings[id])
			}
		}
		if n := random.IntN(len(theirs) + 1); n < len(theirs) {
			b := theirs[n]
			was := b.Status
			if acts[random.IntN(len(acts))](random, r, user, b); b.Status != was {
				r.since[b.ID] = time.Now()
			}
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		begin := time.Now().Truncate(time.Minute).Add(time.Duration(random.IntN(90)) * time.Minute)
		r.book(user, fmt.Sprintf("act%d", len(r.owner)), begin, begin.Add(time.Duration(30+random.IntN(240))*time.Minute))
	}
}

// offences returns what nobody may ever have done at the desk.
func (r *reception) offences() (all []string) {
	times := map[string]int{}
	for _, e := range r.took {
		times[e.call+" "+e.id]++
		if n := times[e.call+" "+e.id]; n > 1 {
			all = append(all, fmt.Sprintf("%s %s took effect %d times", e.call, e.id, n))
		}
		if e.call == "out" && times["in "+e.id] == 0 {
			all = append(all, "out "+e.id+", which we had not checked in")
		}
	}
	return append(all, r.wrong...)
}
