package presence

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Mass ends, one after the other, have everybody looked at for a tenth of the time at most;
// all of them are held.
func TestMassEndsLeaveTimeForOthers(t *testing.T) {
	inOffice(t, func(o *office) {
		w := &walked{}
		o.wrap = func(m *Memory) Store { w.Memory = m; return w }
		o.stop()
		o.start()
		o.until(9, 0)
		const nases = 60
		all := func(status Status) {
			before := w.walks.Load()
			for nas := range nases {
				o.flood("hq", massAtOnce+1, func(i int, r *Record) {
					r.Status, r.UserName, r.Device = status, fmt.Sprintf("u%d.%d", nas, i), fmt.Sprintf("02:00:00:00:%02x:%02x", nas, i)
					r.Session, r.NASID = r.Device, fmt.Sprint("ap-", nas)
				})
				time.Sleep(time.Second)
			}
			if n := w.walks.Load() - before; status == Stop && (n == 0 || n > 60/sweepShare+2) {
				t.Errorf("everybody was read %d times within a minute", n)
			}
		}
		all(Start)
		o.until(10, 0)
		w.takes.Store(int64(time.Second))
		all(Stop)
		w.takes.Store(0)
		time.Sleep(time.Minute)
		for nas := range nases {
			user := fmt.Sprintf("u%d.0", nas)
			if got := o.session(user, fmt.Sprintf("02:00:00:00:%02x:00", nas)); got.State != Suspect {
				t.Errorf("the session of %s is %s after the mass end of its NAS", user, got.State)
			}
		}
	})
}

// widest is a store that notes how much one update of it had to do.
type widest struct {
	*Memory
	changes, notes atomic.Int64
}

func (w *widest) Update(ctx context.Context, changes []Change) error {
	w.changes.Store(max(w.changes.Load(), int64(len(changes))))
	counted := make([]Change, len(changes))
	for i, c := range changes {
		counted[i] = c
		counted[i].Apply = func(p *Person, notes [][]byte) Outcome {
			o := c.Apply(p, notes)
			w.notes.Store(max(w.notes.Load(), int64(len(o.Notes))))
			return o
		}
	}
	return w.Memory.Update(ctx, counted)
}

// No record waits until what was kept of thousands of people, and what is known of
// thousands of NASes, has been written: it is written some at a time, and all of it.
func TestRecordsWaitForNoFlush(t *testing.T) {
	inOffice(t, func(o *office) {
		w := &widest{}
		o.wrap = func(m *Memory) Store { w.Memory = m; return w }
		o.stop()
		o.start()
		o.until(9, 0)
		const many = 5 * tickChunk
		for at := range 6 {
			o.until(9, 10*at)
			o.flood("hq", many, func(i int, r *Record) {
				if r.Status = Interim; at == 0 {
					r.Status = Start
				}
				r.UserName, r.Device = fmt.Sprint("u", i), fmt.Sprintf("02:00:00:00:%02x:%02x", i/256, i%256)
				r.Session, r.NASID = r.Device, fmt.Sprint("ap-", i)
			})
		}
		o.until(10, 0)
		if w.changes.Load() > 2*tickChunk+1 || w.notes.Load() > tickChunk {
			t.Errorf("one update made %d changes, and one of them wrote %d notes", w.changes.Load(), w.notes.Load())
		}
		for _, user := range []string{"u0", fmt.Sprint("u", many-1)} {
			p := o.person(user)
			if len(p.Facts) != 1 || !p.Facts[0].last().Equal(o.at(9, 50)) {
				t.Errorf("%s: %+v", user, p.Facts)
			}
		}
		if notes, err := o.store.Notes(t.Context(), nasKind, "", 2*many); err != nil || len(notes) < many {
			t.Errorf("%d NASes are noted of %d: %v", len(notes), many, err)
		}
	})
}
