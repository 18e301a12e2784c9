package presence

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Where somebody is is known while they are there, and afterwards no more.

// tells reports whether anything that is remembered of the person, archived or
// not, has the text.
func (d *day) tells(text string) bool {
	d.t.Helper()
	data, err := json.Marshal([]any{d.p, d.archived})
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Contains(string(data), text)
}

// places are what names an access point that is its own NAS, as those of many
// makers are.
func places(ap string) heard {
	return func(n *Sighting) { n.NAS, n.AP, n.BSSID, n.Multi = NASName("hq/"+ap), ap, "bss of "+ap, ap+"-1" }
}

func TestOnlyTheAccessPointWhereOneIsIsKnown(t *testing.T) {
	d := newDay(t)
	for i, ap := range []string{"lobby", "kitchen", "library"} {
		hour, id := 9+i, fmt.Sprint("s", i)
		d.hear(fmt.Sprintf("%d:00", hour), Start, phone, id, places(ap))
		d.hear(fmt.Sprintf("%d:20", hour), Interim, phone, id, places(ap))
		d.hear(fmt.Sprintf("%d:50", hour), Stop, phone, id, places(ap), cause(UserRequest))
	}
	if !d.tells("hq/library") || d.tells("hq/lobby") {
		t.Errorf("while it may be the network's doing, where she was last is known, and no more: %+v", d.sessions())
	}
	d.is("12:51")
	d.want("london over 09:00:00-11:50:00 left")
	for _, ap := range []string{"lobby", "kitchen", "library"} {
		if d.tells(ap) {
			t.Errorf("she has left, and that she was at the %s is known: %+v", ap, d.p)
		}
	}
	d.wantState(phone, "s2", Ended) // and nothing late revives it
	d.hear("12:51:30", Stop, phone, "s9", places("attic"), func(n *Sighting) { n.At = d.clock("8:30") })
	d.hear("12:52", Interim, phone, "s2", places("library"), func(n *Sighting) { n.At = d.clock("11:40") })
	d.wantState(phone, "s2", Ended)
	if d.tells("library") || d.tells("attic") {
		t.Errorf("what came late told where she had been: %+v", d.p)
	}
}

func TestWhoRoamsLeavesNoTrail(t *testing.T) {
	d := newDay(t)
	for i, ap := range []string{"lobby", "kitchen", "library"} {
		at := fmt.Sprintf("9:%02d", 5*i)
		d.hear(at, Start, phone, fmt.Sprint("s", i), places(ap))
		if i > 0 { // the old one's Stop comes late
			d.hear(at+":30", Stop, phone, fmt.Sprint("s", i-1), places([]string{"lobby", "kitchen"}[i-1]), cause(IdleTimeout))
		}
	}
	if d.tells("lobby") || d.tells("kitchen") || !d.tells("library") {
		t.Errorf("sessions: %+v", d.sessions())
	}
}

func TestWhoPassesAtNightLeavesNoTrail(t *testing.T) {
	d := newDay(t)
	d.hear("23:00", Start, phone, "s", places("lobby"))
	d.hear("23:10", Stop, phone, "s", places("lobby"), cause(UserRequest))
	d.is("+1 1:00") // linger and outage_hold later
	d.want("")
	d.wantState(phone, "s", Ended)
	if d.tells("lobby") {
		t.Errorf("sessions: %+v", d.sessions())
	}
}

// A device without an address is named in the story, and must not say where
// it was.
func TestDeviceWithoutAddressNamesNoAccessPoint(t *testing.T) {
	n := (&Record{Client: "hq", Status: Start, UserName: "ann", Session: "17", NASID: "ap-lobby"}).Sighting()
	if n.Device == "" || strings.Contains(n.Device, "lobby") {
		t.Errorf("the device is %q", n.Device)
	}
}

// Ann's laptop was bob's in the end, and her phone has not been seen for so
// long that only the note of whose it was is left.
func TestForgetReachesEveryNoteAndNobodyElses(t *testing.T) {
	inOffice(t, func(o *office) {
		o.until(9, 0)
		o.hear(Start, "ann", phone, "p")
		o.hear(Stop, "ann", phone, "p")
		time.Sleep(tombstoneAge - time.Hour)
		o.hear(Start, "ann", laptop, "a")
		time.Sleep(time.Hour)
		o.hear(Start, "bob", laptop, "b")
		time.Sleep(time.Hour + time.Second)
		if p, err := o.store.Person(t.Context(), "ann@example.com"); err != nil || p.has(phone) || !p.has(laptop) {
			t.Fatalf("the test is wrong about %+v, %v", p, err)
		}
		if note, _ := o.store.Note(t.Context(), devices, phone); note == nil {
			t.Fatal("the test is wrong about the note")
		}
		if err := o.tracker.Forget(t.Context(), "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		if note, _ := o.store.Note(t.Context(), devices, phone); note != nil {
			t.Errorf("her phone is remembered: %s", note)
		}
		if note, _ := o.store.Note(t.Context(), devices, laptop); !strings.HasSuffix(string(note), " bob@example.com") {
			t.Errorf("of bob's laptop: %s", note)
		}
	})
}

// TestMassEndIsSeenAfterARestartWithHashes: what is stored of who is at a NAS
// has other names than records have.
func TestMassEndIsSeenAfterARestartWithHashes(t *testing.T) {
	inOffice(t, func(o *office) {
		o.stop()
		o.hash = []byte("a key")
		o.start()
		o.until(9, 0)
		many := func(status Status) (batch []Record) {
			for i := range 30 {
				batch = append(batch, Record{
					Status: status, UserName: fmt.Sprintf("u%03d", i), Device: fmt.Sprintf("02:00:00:00:00:%02x", i), Session: fmt.Sprint(i),
				})
			}
			return batch
		}
		o.record(many(Start)...)
		o.stop()
		o.start()
		synctest.Wait()
		o.record(many(Interim)...)
		o.record(many(Stop)[:20]...)
		for name, nas := range o.tracker.NASes() {
			if nas.Fell.IsZero() {
				t.Errorf("%s: most of its people ended at once, unseen", name)
			}
		}
	})
}
