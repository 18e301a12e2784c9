package presence

import (
	"testing"
	"time"
)

// Whatever comes first after a start, or after a boot, is dated by what is known
// of its NAS's clock.

// stamped is a record that arrives now, of a NAS whose clock says stamp.
func stamped(status Status, stamp time.Time) Record {
	return Record{
		Client: "hq", Site: "london", Status: status, Session: "a", UserName: "ann", Device: laptop, SSID: "Corp", NASID: "ap1",
		Stamps: Stamps{Heard: time.Now(), Stamp: stamp},
	}
}

// wantAt checks what was made of the record's stamp.
func (o *office) wantAt(r Record, at time.Time, from string) {
	o.t.Helper()
	if !r.At.Equal(at) || r.AtFrom != from {
		o.t.Errorf("the event was at %s, by %s; want %s, by %s", r.At.Format(time.TimeOnly), r.AtFrom, at.Format(time.TimeOnly), from)
	}
}

// A clock that is four minutes ahead is known to be so by the first record that
// comes, even before anything else has been read after the start: that record
// was two minutes on its way.
func TestTheFirstRecordAfterAStartIsDatedByWhatIsStored(t *testing.T) {
	inOffice(t, func(o *office) {
		const ahead = 4 * time.Minute
		for minute := range 10 {
			now := o.until(9, minute)
			if err := o.record(stamped(Interim, now.Add(ahead))); err != nil {
				t.Fatal(err)
			}
		}
		now := o.until(9, 15)
		o.stop()
		started := NewTracker(o.store, plain{sites: []Site{london(t)}}, o.rules, quiet)
		event := now.Add(-2 * time.Minute)
		batch := []Record{stamped(Interim, event.Add(ahead))}
		if err := started.Record(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		o.wantAt(batch[0], event, "Event-Timestamp, by a clock that is 4m0s ahead")
	})
}

// An access point that was not heard for two hours says that it has booted, by a
// clock that went back into those hours. What it says is not of then.
func TestAccountingOnShowsThatAClockWasSetBack(t *testing.T) {
	inOffice(t, func(o *office) {
		for minute := range 10 {
			if err := o.record(stamped(Interim, o.until(9, minute))); err != nil {
				t.Fatal(err)
			}
		}
		now := o.until(11, 10)
		batch := []Record{stamped(AccountingOn, now.Add(-time.Hour)), stamped(Start, now.Add(-time.Hour))}
		if err := o.tracker.Record(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		o.wantAt(batch[0], now, byArrival)
		o.wantAt(batch[1], now, byArrival)
	})
}

// A controller that was never heard before begins with what was held back for it. When
// that was is not believed yet; what is told live shows it.
func TestABacklogBeforeAnythingElseIsDatedByWhatComesLive(t *testing.T) {
	inOffice(t, func(o *office) {
		now := o.until(9, 30)
		began := now.Add(-20 * time.Minute)
		if err := o.record(stamped(Start, began)); err != nil {
			t.Fatal(err)
		}
		now = o.until(9, 40)
		stop := stamped(Stop, now)
		stop.Age, stop.HasAge = now.Sub(began), true
		if err := o.record(stop); err != nil {
			t.Fatal(err)
		}
		if v := o.visit("ann@example.com"); !v.Arrived.Equal(began) {
			t.Errorf("ann arrived at %s, want %s", v.Arrived.Format(time.TimeOnly), began.Format(time.TimeOnly))
		}
	})
}
