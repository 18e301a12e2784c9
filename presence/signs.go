package presence

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What comes in: which stations this daemon heard at NASes, and which the others heard that
// share its store. What goes out: what each knows of a NAS's stations is what all have heard,
// whichever of them a packet came to.

const (
	signsFor  = massEnd + 30*time.Second    // how long such a note stays: daemons read them every learnEvery
	signsMost = 2000                        // in one note
	present   = learnEvery + 10*time.Second // who told something so lately is there
)

// signNotes returns notes of what is to be told, and the erasures of those that everybody
// has read, whoever wrote them. Without anything to tell, it says now and then that this
// daemon is there.
func (t *Tracker) signNotes(now time.Time) (notes []Note) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.Shared {
		return nil
	}
	is := &t.signs
	if is.name == "" {
		is.name = rand.Text()
	}
	for key, at := range is.there {
		if now.Sub(at) > signsFor {
			notes = append(notes, Note{Kind: signKind, Key: key})
		}
	}
	is.new = slices.DeleteFunc(is.new, func(s sign) bool { return now.Sub(s.Heard) > signsFor })
	if len(is.new) == 0 && now.Sub(is.told) < learnEvery {
		return notes
	}
	for n := 0; n == 0 || len(is.new) > 0; n++ {
		some := is.new[:min(len(is.new), signsMost)]
		value, err := json.Marshal(some)
		if err != nil {
			panic(err) // texts, numbers and times
		}
		notes = append(notes, Note{Kind: signKind, Key: fmt.Sprintf("%s %020d %d", is.name, now.UnixNano(), n), Value: value})
		is.new = is.new[len(some):]
	}
	is.told = now
	return notes
}

// learnSigns takes in what the other daemons have told since it was last called. others is
// whether any of them is there.
func (t *Tracker) learnSigns(ctx context.Context, now time.Time) (others bool, err error) {
	var news []sign
	there := map[string]time.Time{}
	err = t.notes(ctx, signKind, func(note Note) {
		name, when, _ := strings.Cut(note.Key, " ")
		when, _, _ = strings.Cut(when, " ")
		nanos, err := strconv.ParseInt(when, 10, 64)
		if err != nil {
			return
		}
		at, known := t.signs.there[note.Key]
		if !known {
			at = time.Unix(0, nanos)
		}
		there[note.Key] = at
		if name == t.signs.name {
			return
		}
		others = others || now.Sub(at) < present
		var some []sign
		if !known && json.Unmarshal(note.Value, &some) == nil {
			news = append(news, some...)
		}
	})
	if err != nil {
		return false, err
	}
	slices.SortStableFunc(news, func(a, b sign) int { return a.Heard.Compare(b.Heard) })
	t.mu.Lock()
	defer t.mu.Unlock()
	t.signs.there = there
	for i := range news {
		t.isTold(&news[i])
	}
	return others, nil
}

// isTold takes in what another daemon heard a moment ago. The caller holds t.mu.
func (t *Tracker) isTold(s *sign) {
	n := t.nases[s.NAS]
	if n == nil {
		n = newNAS(NAS{})
		n.stored = true // by who heard it
		t.addNAS(s.NAS, n)
	}
	n.NAS, n.served = n.NAS.hear(s.Heard), true
	if s.Site != "" && s.Site != noSite {
		n.NAS = n.NAS.at(s.Site)
	}
	of := t.ofSource(s.NAS)
	of.all = of.all.hear(s.Heard)
	if s.Heard.Sub(s.At) > fresh {
		of.isOld(s.Heard)
	}
	if s.Session != "" && s.Status != Stop && !strings.HasPrefix(s.Device, noDevice) {
		t.idsOf(s.NAS).put(maphash.Comparable(idSeed, [2]string{string(s.NAS), s.Session}), s.Device)
	}
	if !s.Person && t.at[s.Device] == nil && s.Status != Stop {
		return
	}
	if s.Status == Stop {
		t.isToldOfEnd(n, s)
		return
	}
	stop, early := n.early[s.Device]
	is, on := n.live[s.Device]
	switch {
	case on:
		if s.Status == Start && !s.At.Before(is.since) && !s.At.After(is.heard) { // what was heard since is of this session
			is.begun = later(is.begun, s.At)
			n.live[s.Device] = is
			return
		}
		if !s.At.After(is.heard) {
			return
		}
	case early && !stop.Heard.Before(s.Heard): // it has ended since, as this daemon knows
		delete(n.early, s.Device)
		t.ended(n, s.Device, stop.Heard, stop.Cause.own())
		return
	case !n.ends.of[s.Device].at.Before(s.Heard):
		return
	}
	for _, o := range t.at[s.Device] {
		if o != n && o.live[s.Device].since.After(s.At.Add(moment)) { // it has gone there since
			return
		}
	}
	was, again := n.quiet[s.Device]
	if on || !again {
		was = is
	}
	t.alive(s.Device, n, was.hear(&Sighting{Session: s.Session, Status: s.Status, At: s.At}), s.Status == Start)
	n.ends.remove(s.Device)
}

// isToldOfEnd takes in a Stop that another daemon heard.
func (t *Tracker) isToldOfEnd(n *nas, s *sign) {
	is, on := n.live[s.Device]
	switch _, ended := n.ends.of[s.Device]; {
	case ended:
	case !on:
		n.endsEarly(s)
	case !is.since.After(s.At): // else it has come back since
		t.left(s.Device, n)
		t.leftBefore(s.Device, is.begun)
		t.ended(n, s.Device, s.Heard, s.Cause.own())
	}
}

// recallStations reads from the stored people which devices are alive at each NAS.
func (t *Tracker) recallStations(ctx context.Context, now time.Time) error {
	w := t.world(now)
	for people, err := range Everybody(ctx, t.store, "") {
		if err != nil {
			return err
		}
		for i := range people {
			t.recallOf(&people[i], now, &w)
		}
	}
	return nil
}

// learn takes in what the other daemons have noted: of NASes, and since when they record
// again. It does so every few seconds, if there are others.
func (t *Tracker) learn(ctx context.Context, now time.Time) error {
	if !t.Shared || now.Before(t.learned.Add(learnEvery)) {
		return nil
	}
	err := t.notes(ctx, nasKind, func(note Note) {
		var theirs NAS
		if json.Unmarshal(note.Value, &theirs) != nil {
			return // who wrote it will write it again
		}
		n := t.nases[NASName(note.Key)]
		if n == nil {
			n = newNAS(theirs)
			n.stored = true
			t.addNAS(NASName(note.Key), n)
		}
		n.NAS = n.NAS.join(theirs)
		of := t.ofSource(NASName(note.Key))
		of.all = of.all.hear(theirs.Heard)
	})
	if err != nil {
		return err
	}
	others, err := t.learnSigns(ctx, now)
	if err != nil {
		return err
	}
	if !t.learned.IsZero() && now.Sub(t.learned) > signsFor-learnEvery { // some are there no longer
		if err := t.recallStations(ctx, now); err != nil {
			return err
		}
	}
	since, err := t.store.Note(ctx, listeningKind, listeningKey)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at, _ := time.Parse(time.RFC3339Nano, string(since)) // zero: nobody has said so
	switch {
	case at.After(t.listening) && !at.After(now):
		t.listen(at, retryTime)
	case !t.learned.IsZero():
	case others && !at.IsZero(): // it has only just begun, and whatever came before came to them
		t.listen(at, retryTime)
	default:
		t.again = t.listening
	}
	t.learned = now
	return nil
}

// listeningKind is the kind of the note that says when a daemon last recorded again after
// it could not.
const listeningKind, listeningKey = "listening", "daemons"
