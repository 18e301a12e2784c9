package presence

import (
	"context"
	"encoding/json"
	"maps"
	"time"
)

// nas is what the tracker knows of one NAS: the facts that are stored, and
// from which mass ends are told.
type nas struct {
	NAS
	noted time.Time            // NAS.Heard as it was last stored
	live  map[string]time.Time // people's devices that are alive there, by arrival of their latest record
	ended map[string]time.Time // devices that ended there lately and did not come back, by arrival
	ends  []end                // in order of arrival, so that what is no longer lately is at the front
}

type end struct {
	device string
	at     time.Time
}

const (
	nasKind    = "nas"       // kind of the notes that hold NASes
	nasEvery   = time.Minute // how often a NAS's time last heard is stored at the most
	nasForget  = 30 * 24 * time.Hour
	massAtOnce = 5 // fewer ends at once are no mass end
	maxNASes   = 1 << 16
)

// nas returns what is known of a NAS; it is World.NAS.
func (t *Tracker) nas(name string) NAS {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.nases[name]; n != nil {
		return n.NAS
	}
	return NAS{}
}

// NASes returns what is known of every NAS, by name.
func (t *Tracker) NASes() map[string]NAS {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]NAS, len(t.nases))
	for name, n := range t.nases {
		all[name] = n.NAS
	}
	return all
}

// hear notes that the NAS of what was heard is alive, and if that is of a
// person, whether most of its people just ended at once.
func (t *Tracker) hear(s *Sighting, person bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nases[s.NAS]
	if n == nil {
		if len(t.nases) >= maxNASes {
			return // somebody makes names up; housekeeping makes room
		}
		n = newNAS(NAS{})
		t.nases[s.NAS] = n
	}
	n.NAS = n.NAS.hear(s.Heard)
	if s.Device == "" || !person {
		return
	}
	switch s.Status {
	case Start, Interim:
		if was := t.at[s.Device]; was != nil && was != n {
			delete(was.live, s.Device) // it roamed
		}
		t.at[s.Device] = n
		n.live[s.Device] = s.Heard
		delete(n.ended, s.Device)
	case Stop:
		if _, ok := n.live[s.Device]; !ok {
			return
		}
		delete(n.live, s.Device)
		delete(t.at, s.Device)
		for len(n.ends) > 0 && s.Heard.Sub(n.ends[0].at) > massEnd {
			if old := n.ends[0]; n.ended[old.device].Equal(old.at) {
				delete(n.ended, old.device)
			}
			n.ends = n.ends[1:]
		}
		n.ended[s.Device] = s.Heard
		n.ends = append(n.ends, end{s.Device, s.Heard})
		if len(n.ended) >= massAtOnce && len(n.ended) > len(n.live) {
			n.Fell = s.Heard
			n.noted = time.Time{}
		}
	}
}

// notNoted has the notes of NASes that could not be stored be made again.
func (t *Tracker) notNoted(notes []Note) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, note := range notes {
		if n := t.nases[note.Key]; n != nil && note.Kind == nasKind {
			n.noted = time.Time{}
		}
	}
}

func newNAS(n NAS) *nas {
	return &nas{NAS: n, noted: n.Heard, live: map[string]time.Time{}, ended: map[string]time.Time{}}
}

// nasNotes returns the notes of the NASes of which there is news.
func (t *Tracker) nasNotes() (notes []Note) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, n := range t.nases {
		if n.Heard.Sub(n.noted) < nasEvery {
			continue
		}
		value, err := json.Marshal(n.NAS)
		if err != nil {
			panic(err) // times
		}
		n.noted = n.Heard
		notes = append(notes, Note{Kind: nasKind, Key: name, Value: value})
	}
	return notes
}

// recall reads what is stored of the NASes, and who is alive at each.
func (t *Tracker) recall(ctx context.Context) error {
	if err := t.recallNASes(ctx); err != nil {
		return err
	}
	return t.walk(ctx, func(people []Person) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		for i := range people {
			for _, s := range people[i].Sessions {
				n := t.nases[s.NAS]
				if n == nil || !s.Live() || !n.live[s.Device].IsZero() {
					continue
				}
				if _, gone := n.ended[s.Device]; !gone {
					n.live[s.Device] = s.Heard
					t.at[s.Device] = n
				}
			}
		}
		return nil
	})
}

func (t *Tracker) recallNASes(ctx context.Context) error {
	for after := ""; ; {
		notes, err := t.store.Notes(ctx, nasKind, after, walkChunk)
		if err != nil || len(notes) == 0 {
			return err
		}
		t.mu.Lock()
		for _, note := range notes {
			var stored NAS
			if json.Unmarshal(note.Value, &stored) != nil {
				continue
			}
			n := t.nases[note.Key]
			if n == nil {
				t.nases[note.Key] = newNAS(stored)
				continue
			}
			heard := n.Heard // records may have come before we got here
			n.NAS = stored.hear(heard)
		}
		t.mu.Unlock()
		after = notes[len(notes)-1].Key
	}
}

// dropNASes forgets NASes unheard for long, and devices that owe a Stop for
// longer than a session is believed.
func (t *Tracker) dropNASes(ctx context.Context) error {
	var notes []Note
	t.mu.Lock()
	now := time.Now()
	past, owed := now.Add(-nasForget), now.Add(-t.setup.Load().rules.MaxSession)
	if len(t.nases) >= maxNASes/2 {
		past = now.Add(-time.Hour)
	}
	for name, n := range t.nases {
		maps.DeleteFunc(n.live, func(device string, heard time.Time) bool {
			if heard.Before(owed) {
				delete(t.at, device)
			}
			return heard.Before(owed)
		})
		if n.Heard.Before(past) {
			delete(t.nases, name)
			notes = append(notes, Note{Kind: nasKind, Key: name})
		}
	}
	t.mu.Unlock()
	if len(notes) == 0 {
		return nil
	}
	return t.store.Update(ctx, nil, notes)
}
