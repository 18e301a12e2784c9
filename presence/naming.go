package presence

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What comes in: records as the mapping reads them. What goes out: the changes of the
// people that each belongs to.

// naming works out to whom the records of one batch belong.
type naming struct {
	*Tracker
	now   map[string]*owned    // by device: as the batch so far leaves it
	known map[string]bool      // by user whose client is over its share of people: whether they are remembered
	found map[string]string    // by new device: the client that brought it
	crowd map[string]time.Time // by user: until when they are a shared account; zero: they are none
	lost  []lost
	stale bool // a device turned out to be somebody else's than was read

	client string // of the present record
}

const maxOwned = 1 << 17

// naming returns the naming of a batch, with what it needs to know of stored notes and
// people.
func (t *Tracker) naming(ctx context.Context, all []reading) (*naming, error) {
	b := &naming{Tracker: t, now: make(map[string]*owned, len(all))}
	var unread, strangers []string
	for _, r := range all {
		if !r.names() {
			continue
		}
		if user := r.Sighting.User; r.Nobody.Kind == "" && b.full(r.client, ShareOfPeople) && !slices.Contains(strangers, user) {
			strangers = append(strangers, user)
		}
		device := r.Sighting.Device
		if b.now[device] != nil {
			continue
		}
		t.mu.Lock()
		is, ok := t.owned[device]
		ok = ok && !t.Shared // else another daemon may have given the device to somebody else since
		t.mu.Unlock()
		if b.now[device] = &is; !ok {
			unread = append(unread, device)
		}
	}
	if err := b.read(ctx, unread); err != nil {
		return nil, err
	}
	if len(strangers) > 0 {
		people, err := t.store.Persons(ctx, strangers)
		if err != nil {
			return nil, err
		}
		b.known = make(map[string]bool, len(people))
		for i := range people {
			b.known[people[i].User] = !people[i].Unknown()
		}
	}
	return b, nil
}

// names reports whether it matters whose the record's device is.
func (r *reading) names() bool {
	return !r.crowded && r.Nobody.Kind != KindStatus && r.Nobody.Kind != KindDevice
}

// read reads the names of the devices.
func (b *naming) read(ctx context.Context, devicesOf []string) error {
	if len(devicesOf) == 0 {
		return nil
	}
	notes, err := b.store.NotesOf(ctx, devices, devicesOf)
	if err != nil {
		return fmt.Errorf("read whose devices are: %w", err)
	}
	for i, device := range devicesOf {
		n, err := parseNames(notes[i])
		if err != nil {
			return fmt.Errorf("%s: %w", device, err)
		}
		*b.now[device] = owned{n, notes[i], true}
	}
	return nil
}

// stranger reports whether the user is new, and their client over its share of people.
func (b *naming) stranger(user string) bool {
	known, asked := b.known[user]
	return asked && !known && b.full(b.client, ShareOfPeople)
}

// keepNames makes the names count for the rest of the batch, and reports whether they
// are to be stored, too: not if the client is over its share of devices.
func (b *naming) keepNames(device string, n names) (stored bool) {
	is := b.now[device]
	if is.names, is.news = n, true; is.note == nil {
		if b.full(b.client, ShareOfDevices) {
			b.beyond(b.client, ShareOfDevices, 1)
			return false
		}
		if b.found == nil {
			b.found = map[string]string{}
		}
		b.found[device] = b.client
	}
	is.note = n.note()
	return true
}

// stored takes over what the batch has stored into the tracker's memory, because every
// record asks whose its device is. It reports false if the batch has to be made again,
// because somebody else had changed that.
func (b *naming) stored() bool {
	b.Tracker.crowd(b.crowd)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stale {
		for device := range b.now {
			delete(b.owned, device)
		}
		return false
	}
	if len(b.owned)+len(b.now) > maxOwned {
		clear(b.owned)
	}
	for device, is := range b.now {
		if is.news {
			is.news = false
			b.owned[strings.Clone(device)] = *is
		}
	}
	for _, client := range b.found {
		b.shares.at(client, ShareOfDevices).Held++
	}
	return true
}

// given returns the change that f makes of the user and the note of the device, if the
// claims on the device are those of note: from them follows to whom the record belongs.
// If they are not, it changes nothing, and the batch is made again.
func (b *naming) given(note []byte, user, device string, f func(p *Person, note []byte) Outcome) Change {
	return Change{User: user, Reads: []NoteKey{{devices, device}}, Apply: func(p *Person, notes [][]byte) Outcome {
		if !bytes.Equal(notes[0], note) && !sameClaims(notes[0], note) {
			return Outcome{Then: func() { b.stale = true }}
		}
		return f(p, notes[0])
	}}
}

// hear returns the changes that follow from a record that names a user and counts.
// It belongs to that user. The users who had the device before or have it after
// learn of it, and hand over their facts of the device.
func (b *naming) hear(n *Sighting, w *World) []Change {
	was := *b.now[n.Device]
	n.Whose = Mine
	if n.Status == Stop { // it ends the session that it names, whoever it names
		changes := []Change{b.change(n.User, n, w)}
		switch of := was.of(n.At); of {
		case "":
			o := n.another("")
			changes = append(changes, b.keepWaiting(&o, true)...)
		case n.User:
		default:
			o := n.another(of)
			changes = append(changes, b.change(of, &o, w))
		}
		return changes
	}
	now, before, after, news := was.claimed(n.User, n.At)
	if !news {
		return []Change{b.change(n.User, n, w)}
	}
	b.keepNames(n.Device, now)
	var changes []Change
	if before != "" || after != "" {
		changes = b.beats([]string{before, after}, w)
	}
	for _, user := range []string{before, after} {
		if user != "" {
			changes = append(changes, b.handing(was.note, user, n, w))
		}
	}
	return append(changes, b.taking(was, n, w))
}

// beaten reports whether a rehearsal counts the sighting as a beat of a session, whose
// device is the user's: it makes no change then. Where a change of theirs comes before
// it, it does not.
func (b *naming) beaten(n *Sighting, changes []Change) bool {
	if b.isBeat == nil || n.Status != Interim || slices.ContainsFunc(changes, func(c Change) bool { return c.User == n.User }) {
		return false
	}
	if _, _, _, news := b.now[n.Device].claimed(n.User, n.At); news {
		return false
	}
	n.Whose = Mine
	return b.isBeat(n)
}

// another returns the sighting as it is told to a user whom it does not name.
func (n *Sighting) another(user string) Sighting {
	o := *n
	o.User, o.Whose = user, Another
	return o
}

// handing returns the change that tells the user that the device was named for
// another, and that leaves the user's facts of the device in its note, for the other to
// take over.
func (b *naming) handing(note []byte, user string, n *Sighting, w *World) Change {
	o, device := n.another(user), n.Device
	return b.given(note, user, device, func(p *Person, note []byte) Outcome {
		archived := p.hear(&o, w)
		n, _ := parseNames(note)
		n.wait(p.known(device))
		return Outcome{Archived: archived, Notes: []Note{{Kind: devices, Key: device, Value: n.note()}}}
	})
}

// taking returns the change that tells the user the sighting of a device that is
// named for them from now on: they take over what is known of it.
func (b *naming) taking(was owned, n *Sighting, w *World) Change {
	client, now := b.client, b.now[n.Device].note
	return b.given(was.note, n.User, n.Device, func(p *Person, note []byte) Outcome {
		handed, _ := parseNames(note)
		handed.wait(was.Waiting)
		o := b.tell(p, client, n, w, handed.Waiting)
		o.Notes = []Note{{Kind: devices, Key: n.Device, Value: now}}
		return o
	})
}

// change returns the change that tells the user the sighting.
func (b *naming) change(user string, n *Sighting, w *World) Change {
	client := b.client
	return b.given(b.now[n.Device].note, user, n.Device, func(p *Person, _ []byte) Outcome {
		return b.hearing(p, client, n, w)
	})
}

// crowding returns the change that tells a shared account the sighting: of its devices
// nothing is kept.
func (b *naming) crowding(n *Sighting, w *World) Change {
	client := b.client
	return Change{User: n.User, Apply: func(p *Person, _ [][]byte) Outcome { return b.hearing(p, client, n, w) }}
}

// hearing tells the person the sighting, unless it is a heartbeat: that is kept for the
// next flush.
func (b *naming) hearing(p *Person, client string, n *Sighting, w *World) Outcome {
	if b.isBeat == nil && p.heartbeat(n, w) {
		return Outcome{Then: func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.keepHeartbeat(n)
		}}
	}
	return b.tell(p, client, n, w, nil)
}

// tell tells the person the sighting, after the facts that are handed over.
func (b *naming) tell(p *Person, client string, n *Sighting, w *World, handed []Facts) Outcome {
	came := b2i(p.Unknown())
	p.adopt(handed)
	o := Outcome{Archived: p.hear(n, w)}
	until := p.Shared.Until
	if !p.Crowd(n.Heard) {
		until = time.Time{}
	}
	type roam struct {
		nas    NASName
		waited time.Duration
	}
	var roams []roam
	if n.Status == Stop && n.Cause == IdleTimeout && n.Heard.Sub(n.At) <= fresh {
		p.roams(n.Device, n.Heard, w, func(nas NASName, waited time.Duration) { roams = append(roams, roam{nas, waited}) })
	}
	if came == 0 && until.IsZero() && len(roams) == 0 && !b.isCrowd(p.User) {
		return o
	}
	user := p.User
	o.Then = func() {
		b.brought(client, ShareOfPeople, came)
		if b.crowd == nil {
			b.crowd = map[string]time.Time{}
		}
		b.crowd[user] = until
		for _, r := range roams {
			b.roamed(r.nas, r.waited)
		}
	}
	return o
}

// silent returns the changes that follow from a record that by itself leads to
// nobody, and whether it counts for a person. It belongs to its session first: the
// user who has the device hears it. If nobody has, and the record is at a place that
// counts, it is kept until somebody is named for the device.
func (b *naming) silent(g *Reading, w *World) (changes []Change, reached bool) {
	n := &g.Sighting
	was := b.now[n.Device]
	of := was.of(n.At)
	if g.Who == NamesUser {
		n.Whose = Another
		if slices.ContainsFunc(was.Claims, func(c claim) bool { return c.User == n.User }) {
			of, n.Whose = n.User, Mine
		}
	} else if g.Who != Unnamed {
		n.Whose = Another
	}
	if of != "" {
		n.User = of
		return []Change{b.change(of, n, w)}, n.Whose != Another && n.Site != noSite
	}
	switch g.Nobody.Kind {
	case KindIdentity: // only the user is missing
		changes = b.keepWaiting(n, true)
	case KindNAS: // the site is missing, too
		b.keepWaiting(n, false)
	}
	return changes, false
}

// keepWaiting keeps a record of a device that was named for nobody yet: if stored is
// set in the note of the device, by the changes that it returns, and else in memory
// only.
func (b *naming) keepWaiting(n *Sighting, stored bool) []Change {
	if strings.HasPrefix(n.Device, noDevice) {
		return nil
	}
	is := b.now[n.Device]
	note, now := is.note, names{Waiting: slices.Clone(is.Waiting)}
	now.Waiting = slices.DeleteFunc(now.Waiting, func(f Facts) bool { return f.Place.Site == "" && n.Heard.Sub(f.heard()) > deadTime })
	if !now.keepWaiting(n) || !stored {
		is.names, is.news = now, true
		return nil
	}
	if !b.keepNames(n.Device, now) {
		return nil
	}
	device := n.Device
	return []Change{b.given(note, "", device, func(_ *Person, note []byte) Outcome {
		n, _ := parseNames(note)
		n.wait(now.Waiting)
		n.late()
		return Outcome{Notes: []Note{{Kind: devices, Key: device, Value: n.note()}}}
	})}
}

// reading is a record of a batch as the mapping read it.
type reading struct {
	*Reading
	client  string
	heard   time.Time
	crowded bool // its user is a shared account
}

// lost is a record that led to no person.
type lost struct {
	why    Nobody
	client string
	heard  time.Time
}
