package office

import (
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/replay"
	"github.com/presenced/presenced/presence"
)

var severalSeeds = flag.Uint64("several", 2, "how many weeks several daemons are held against one on")

// member is one of several daemons over one store.
type member struct {
	store presence.Store
	ahead time.Duration // of its clock
	downs []interval    // when it does not run
	tr    *presence.Tracker
	stop  func() error // nil: it does not run
}

// cluster returns an Engine of so many daemons over one store, whose clocks are up to five
// seconds apart. They stop and come back, though never all of them at a time; meanwhile a
// NAS goes to the next one. With packets a NAS goes to all of them, packet by packet.
func cluster(t *testing.T, seed uint64, daemons int, packets bool, of presence.Troubles) Engine {
	return func(o *Office, rules presence.Rules) (visits []Concluded, err error) {
		synctest.Test(t, func(t *testing.T) {
			d := dice{rand.New(rand.NewPCG(seed, 0x5e7e4a1))}
			time.Sleep(time.Until(o.Begins))
			memory := presence.NewMemory()
			w := replay.NewWitness(memory)
			all := make([]*member, daemons)
			for i := range all {
				handle := memory.Another(fmt.Sprint("d", i)).InTrouble(seed<<8|uint64(i), of)
				all[i] = &member{store: w.Also(handle), ahead: time.Duration(d.Int64N(int64(5 * time.Second)))}
			}
			for at := o.Begins.Add(d.minutes(60, 600)); daemons > 1 && at.Before(o.Truth.Ends); at = at.Add(d.minutes(60, 900)) {
				i := d.IntN(daemons)
				down := interval{at, at.Add(d.minutes(0.2, 90))}
				others := slices.ContainsFunc(all, func(m *member) bool {
					return m != all[i] && !slices.ContainsFunc(m.downs, func(o interval) bool { return o.from.Before(down.to) && down.from.Before(o.to) })
				})
				mine := all[i].downs
				if others && (len(mine) == 0 || mine[len(mine)-1].to.Before(at)) {
					all[i].downs = append(mine, down)
				}
			}
			start := func(m *member) {
				m.tr = presence.NewTracker(m.store, o.Mapping(), rules, slog.New(slog.DiscardHandler))
				m.tr.Shared, m.tr.Ahead = daemons > 1, m.ahead
				m.stop = run(t.Context(), m.tr, nil, 0)
			}
			for _, m := range all {
				start(m)
			}
			rest := func(until time.Time) {
				for {
					var next *member
					at := until
					for _, m := range all {
						if len(m.downs) == 0 {
							continue
						}
						change := m.downs[0].to
						if m.stop != nil {
							change = m.downs[0].from
						}
						if !change.After(at) {
							next, at = m, change
						}
					}
					time.Sleep(time.Until(at))
					if next == nil {
						return
					}
					if next.stop == nil {
						next.downs = next.downs[1:]
						start(next)
						continue
					}
					err = errors.Join(err, given(next.stop()))
					next.stop = nil
				}
			}
			for n, e := range o.Events {
				if !e.Arrive.Before(o.Truth.Ends) {
					break
				}
				rest(e.Arrive)
				h := fnv.New32()
				h.Write([]byte(e.Record.NAS()))
				to := int(h.Sum32() % uint32(daemons))
				if packets {
					to = n % daemons
				}
				for all[to].stop == nil {
					to = (to + 1) % daemons
				}
				m := all[to]
				e.Arrive = e.Arrive.Add(m.ahead)
				e.Record.Heard = e.Record.Heard.Add(m.ahead)
				for range 100 { // as controllers do
					sent := o.sent(t, e)
					e := m.tr.Record(t.Context(), []presence.Record{sent})
					if e == nil {
						break
					}
					if !errors.Is(e, presence.ErrGaveUp) {
						t.Fatal(e)
					}
				}
			}
			rest(o.Truth.Ends)
			for _, m := range all {
				if m.stop != nil {
					err = errors.Join(err, given(m.stop()))
				}
			}
			seen, e := w.Visits(t.Context())
			for _, v := range seen {
				visits = append(visits, Concluded{v.Visit, v.Noticed, v.Believed})
			}
			err = errors.Join(err, e)
		})
		return visits, err
	}
}

// given is the error, unless it is one that the engine in trouble gives up with.
func given(err error) error {
	if errors.Is(err, presence.ErrGaveUp) {
		return nil
	}
	return err
}

// unlike tells which visits are not the same: of one and the other, times may be as far apart
// as clocks are.
func unlike(one, other []Concluded) (told []string) {
	const apart = 6 * time.Second
	left := slices.Clone(other)
	for _, v := range one {
		i := slices.IndexFunc(left, func(u Concluded) bool {
			return u.User == v.User && u.Site == v.Site && u.State == v.State && u.End == v.End &&
				u.Arrived.Sub(v.Arrived).Abs() <= apart && u.Departed.Sub(v.Departed).Abs() <= apart
		})
		if i < 0 {
			told = append(told, "- "+lines([]Concluded{v}, true)[0])
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, line := range lines(left, true) {
		told = append(told, "+ "+line)
	}
	slices.SortFunc(told, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	return told
}

// TestSeveralDaemonsConcludeWhatOneDoes: weeks of offices that three daemons share, NAS by
// NAS, with clocks up to five seconds apart, and that stop and come back, come to the same
// visits as with one daemon that never stops:
//
//	go test ./internal/rigs/office -run TestSeveralDaemons -v -args -several 50 -people 12
func TestSeveralDaemonsConcludeWhatOneDoes(t *testing.T) {
	n := *severalSeeds
	if racing {
		n = min(n, 1)
	}
	for _, seed := range seedsOf(n) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			o := New(seed, brief(Week(*people), 1))
			want, err := cluster(t, seed, 1, false, presence.Troubles{})(o, o.Rules())
			if err != nil {
				t.Fatal(err)
			}
			got, err := cluster(t, seed, 3, false, presence.Troubles{})(o, o.Rules())
			if err != nil {
				t.Fatal(err)
			}
			if len(want) == 0 {
				t.Fatal("nobody came")
			}
			if told := unlike(want, got); len(told) > 0 {
				t.Errorf("seed %d, of %d visits: -one daemon +three\n%s", seed, len(want), strings.Join(told, "\n"))
			}
		})
	}
}
