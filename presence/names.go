package presence

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What comes in: records as the mapping reads them. What goes out: the changes of
// the people that each belongs to. Which user a device was named for is a fact of
// the device, and is joined like marks: a record that comes late finds its place
// between the names before and after it. Records that came before anybody was
// named are kept with the device.

// devices is the kind of the notes that hold the names of a device.
const devices = "device"

// names are the users that a device was named for, or the records of a device that
// was named for nobody yet.
type names struct {
	Claims  []claim `json:"claims,omitempty"`  // by event time
	Waiting []Facts `json:"waiting,omitempty"` // of a device that nobody has been named for
}

// claim says that from an event time on a device was named for a user, until
// the next claim.
type claim struct {
	User  string    `json:"user"`
	Since time.Time `json:"since"`
}

const (
	claimsKept  = 4 // claims of one device, the latest
	waitingKept = 4 // ids of one device that was named for nobody, the latest
)

// parseNames reads a note: most hold one claim, as the time in nanoseconds and
// the user.
func parseNames(note []byte) (n names, err error) {
	if len(note) == 0 {
		return n, nil
	}
	if note[0] == '{' {
		if err := json.Unmarshal(note, &n); err != nil {
			return n, fmt.Errorf("the note of a device's names: %w", err)
		}
		return n, nil
	}
	var ns int64
	since, user, ok := strings.Cut(string(note), " ")
	if _, err := fmt.Sscan(since, &ns); !ok || err != nil {
		return n, fmt.Errorf("the note of a device's names reads %q", note)
	}
	return names{Claims: []claim{{user, time.Unix(0, ns).UTC()}}}, nil
}

func (n names) note() []byte {
	switch {
	case len(n.Claims)+len(n.Waiting) == 0:
		return nil
	case len(n.Claims) == 1 && len(n.Waiting) == 0:
		return fmt.Appendf(nil, "%d %s", n.Claims[0].Since.UnixNano(), n.Claims[0].User)
	}
	value, err := json.Marshal(n)
	if err != nil {
		panic(err) // texts and times
	}
	return value
}

// at returns the index of the claim that holds at t; the first if t is before
// all, and -1 if there is none.
func (n names) at(t time.Time) int {
	for i := len(n.Claims) - 1; i > 0; i-- {
		if !n.Claims[i].Since.After(t) {
			return i
		}
	}
	return min(0, len(n.Claims)-1)
}

// of returns the user that the device belongs to at t; "" if to nobody.
func (n names) of(t time.Time) string {
	if i := n.at(t); i >= 0 {
		return n.Claims[i].User
	}
	return ""
}

// claimed returns the names with a claim of the user from t on, and whether that is
// news. before and after are the users of the claims on both sides, "" for none and
// for the user's own.
func (n names) claimed(user string, t time.Time) (now names, before, after string, news bool) {
	i := n.at(t)
	switch {
	case i < 0:
		return names{Claims: []claim{{strings.Clone(user), t}}}, "", "", true
	case n.Claims[i].User == user && !t.Before(n.Claims[i].Since):
		return n, "", "", false
	case n.Claims[i].User == user: // the first, and it began sooner
		now.Claims = slices.Clone(n.Claims)
		now.Claims[i].Since = t
		return now, "", "", true
	}
	at := i + 1
	if t.Before(n.Claims[i].Since) {
		at = i
	} else {
		before = n.Claims[i].User
	}
	now.Claims = slices.Clone(n.Claims)
	if at < len(now.Claims) && now.Claims[at].User == user {
		now.Claims[at].Since = t
		return now, before, "", true
	}
	if at < len(now.Claims) {
		after = now.Claims[at].User
	}
	now.Claims = slices.Insert(now.Claims, at, claim{strings.Clone(user), t})
	now.Claims = now.Claims[max(0, len(now.Claims)-claimsKept):]
	return now, before, after, true
}

// keepWaiting adds a record of a device that was named for nobody yet, and reports
// whether it tells more than that a known session goes on.
func (n *names) keepWaiting(s *Sighting) bool {
	m := s.mark()
	for i := range n.Waiting {
		f := &n.Waiting[i]
		if f.ID == s.Session {
			f.Marks = slices.Clone(f.Marks) // the tracker remembers the old ones, which are stored
			known := f.Marks[len(f.Marks)-1]
			news := f.join(m)
			f.place(s)
			return news && (m.Status != Interim || m.Whose != known.Whose || m.At.Before(known.At))
		}
	}
	f := Facts{ID: strings.Clone(s.Session), Device: s.Device, Place: Place{NAS: s.NAS}, Marks: []Mark{m}}
	f.place(s)
	n.Waiting = append(n.Waiting, f)
	slices.SortStableFunc(n.Waiting, func(a, b Facts) int { return a.last().Compare(b.last()) })
	n.Waiting = n.Waiting[max(0, len(n.Waiting)-waitingKept):]
	return true
}

// naming works out to whom the records of one batch belong.
type naming struct {
	*Tracker
	now   map[string]names     // by device: the names as stored, or as the batch so far leaves them
	notes map[string]bool      // by device: its note is to be written
	crowd map[string]time.Time // by user: until when they are a shared account; zero: they are none
	came  map[string]string    // by new user: the client that brought them
	found map[string]string    // by new device: the client that brought it
	since int                  // Tracker.disowned when the batch began

	client string // of the present record
}

const maxOwned = 1 << 16

func (t *Tracker) naming() naming {
	t.mu.Lock()
	defer t.mu.Unlock()
	return naming{Tracker: t, now: map[string]names{}, notes: map[string]bool{}, crowd: map[string]time.Time{}, came: map[string]string{}, found: map[string]string{}, since: t.disowned}
}

// of returns the names of the device as the batch so far leaves them, or as they
// are stored.
func (b *naming) of(ctx context.Context, device string) (names, error) {
	if n, ok := b.now[device]; ok {
		return n, nil
	}
	b.mu.Lock()
	n, ok := b.owned[device]
	b.mu.Unlock()
	if ok {
		return n, nil
	}
	value, err := b.store.Note(ctx, devices, device)
	if err != nil {
		return n, fmt.Errorf("read whose a device is: %w", err)
	}
	if n, err = parseNames(value); err != nil {
		return n, fmt.Errorf("%s: %w", device, err)
	}
	b.now[device] = n
	return n, nil
}

// keepNames makes the names count for the rest of the batch, and has the batch
// store them unless the client is over its share of devices.
func (b *naming) keepNames(device string, was, n names) {
	device = strings.Clone(device)
	b.now[device] = n
	if len(was.Claims)+len(was.Waiting) == 0 && !b.notes[device] {
		if b.full(b.client, ShareOfDevices) {
			b.beyond(b.client, ShareOfDevices, 1)
			return
		}
		b.found[device] = b.client
	}
	b.notes[device] = true
}

// stranger reports whether the user is new and the record's client is over its share
// of people.
func (b *naming) stranger(ctx context.Context, user string) (bool, error) {
	if !b.full(b.client, ShareOfPeople) {
		return false, nil
	}
	p, err := b.store.Person(ctx, user)
	return err == nil && p.unknown(), err
}

// noted returns the notes that the batch has to write.
func (b *naming) noted() (notes []Note) {
	for device := range b.notes {
		notes = append(notes, Note{Kind: devices, Key: device, Value: b.now[device].note()})
	}
	return notes
}

// stored takes over what the batch has stored into the tracker's memory: every
// record asks whose its device is.
func (b *naming) stored() {
	b.Tracker.crowd(b.crowd)
	for _, client := range b.came {
		b.brought(client, ShareOfPeople, 1)
	}
	for _, client := range b.found {
		b.brought(client, ShareOfDevices, 1)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since != b.disowned { // a note may have been erased since it was read, or written by another batch
		for device := range b.now {
			delete(b.owned, device)
		}
		return
	}
	if len(b.notes) > 0 {
		b.disowned++
	}
	if len(b.owned)+len(b.now) > maxOwned {
		clear(b.owned)
	}
	for device, n := range b.now {
		b.owned[device] = n
	}
}

// hear returns the changes that follow from a record that names a user and counts.
// It belongs to that user. The users who had the device before or have it after
// learn of it, and hand over their facts of the device.
func (b *naming) hear(ctx context.Context, n *Sighting, w World) ([]Change, error) {
	was, err := b.of(ctx, n.Device)
	if err != nil {
		return nil, err
	}
	n.Whose = Mine
	if n.Status == Stop { // it ends the session that it names, whoever it names
		changes := []Change{b.change(n.User, *n, w, nil)}
		switch of := was.of(n.At); of {
		case "":
			o := n.another("")
			b.keepWaiting(was, &o, true)
		case n.User:
		default:
			changes = append(changes, b.change(of, n.another(of), w, nil))
		}
		return changes, nil
	}
	now, before, after, news := was.claimed(n.User, n.At)
	if !news {
		return []Change{b.change(n.User, *n, w, nil)}, nil
	}
	b.keepNames(n.Device, was, now)
	var changes []Change
	handed := &was.Waiting
	if before != "" || after != "" {
		changes, handed = b.beats(n.Device, w), new([]Facts)
	}
	for _, user := range []string{before, after} {
		if user != "" {
			changes = append(changes, b.handing(user, n, w, handed))
		}
	}
	return append(changes, b.change(n.User, *n, w, handed)), nil
}

// another returns the sighting as it is told to a user whom it does not name.
func (n *Sighting) another(user string) Sighting {
	o := *n
	o.User, o.Whose = user, Another
	return o
}

// handing returns the change that tells the user that the device was named for
// another, and that adds the user's facts of the device to handed.
func (b *naming) handing(user string, n *Sighting, w World, handed *[]Facts) Change {
	o, device := n.another(user), n.Device
	return Change{User: user, Apply: func(p *Person) []Visit {
		archived := p.Hear(o, b.passed(w))
		*handed = append(*handed, p.known(device)...)
		return archived
	}}
}

// beats returns changes that apply the unwritten heartbeats of the device, so that no
// fact is missing when facts are handed over. The heartbeats stay to be written,
// because this batch may fail; applying them twice changes nothing.
func (t *Tracker) beats(device string, w World) (changes []Change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.heartbeats[device] {
		changes = append(changes, Change{User: n.User, Apply: func(p *Person) []Visit { return p.Hear(*n, t.passed(w)) }})
	}
	return changes
}

// known returns the person's facts of the device as another person takes them over.
func (p *Person) known(device string) (all []Facts) {
	for _, f := range p.Facts {
		if f.Device != device {
			continue
		}
		f.Marks = slices.DeleteFunc(slices.Clone(f.Marks), func(m Mark) bool { return m.Status == Other })
		for i := range f.Marks {
			if m := &f.Marks[i]; m.Whose == Mine {
				m.Whose = Another
			}
		}
		if len(f.Marks) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// adopt takes over facts of a device from before it was named for p.
func (p *Person) adopt(all []Facts) {
	for _, f := range all {
		i := slices.IndexFunc(p.Facts, func(o Facts) bool { return o.ID == f.ID && o.Device == f.Device })
		if i < 0 {
			f.Marks = slices.Clone(f.Marks)
			p.Facts = append(p.Facts, f)
			continue
		}
		for _, m := range f.Marks {
			p.Facts[i].join(m)
		}
	}
}

// change returns the change that tells the user the sighting, after the facts that
// are handed over, if any.
func (b *naming) change(user string, n Sighting, w World, handed *[]Facts) Change {
	client := b.client
	return Change{User: user, Apply: func(p *Person) []Visit {
		w := b.passed(w)
		if p.unknown() {
			b.came[user] = client
		}
		if handed != nil {
			p.adopt(*handed)
		} else if b.heartbeat(p, &n, w) {
			return nil
		}
		archived := p.Hear(n, w)
		b.crowd[user] = p.Shared.Until
		if !p.Crowd(n.Heard) {
			b.crowd[user] = time.Time{}
		}
		if n.Status == Stop && n.Cause == IdleTimeout && n.Heard.Sub(n.At) <= fresh {
			p.roams(n.Device, n.Heard, &w, b.roamed)
		}
		return archived
	}}
}

// silent returns the changes that follow from a record that by itself leads to
// nobody, and whether it counts for a person. It belongs to its session first: the
// user who has the device hears it. If nobody has, and the record is at a place that
// counts, it is kept until somebody is named for the device.
func (b *naming) silent(ctx context.Context, g *Reading, w World) (changes []Change, reached bool, err error) {
	n := &g.Sighting
	was, err := b.of(ctx, n.Device)
	if err != nil {
		return nil, false, err
	}
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
		return []Change{b.change(of, *n, w, nil)}, n.Whose != Another && n.Site != noSite, nil
	}
	switch g.Nobody.Kind {
	case KindIdentity: // only the user is missing
		b.keepWaiting(was, n, true)
	case KindNAS: // the site is missing, too
		b.keepWaiting(was, n, false)
	}
	return nil, false, nil
}

// keepWaiting keeps a record of a device that was named for nobody yet: in the note
// of the device if stored is set, and else in memory only.
func (b *naming) keepWaiting(was names, n *Sighting, stored bool) {
	if strings.HasPrefix(n.Device, noDevice) {
		return
	}
	now := names{Waiting: slices.Clone(was.Waiting)}
	now.Waiting = slices.DeleteFunc(now.Waiting, func(f Facts) bool { return f.Place.Site == "" && n.Heard.Sub(f.heard()) > deadTime })
	if now.keepWaiting(n) && stored {
		b.keepNames(n.Device, was, now)
	} else {
		b.now[strings.Clone(n.Device)] = now
	}
}

// forgetNames drops the names in memory, because the notes of some are erased.
func (t *Tracker) forgetNames() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.disowned++
	clear(t.owned)
}

// dropDevices erases from the notes of devices the claims of users who know nothing
// of the device any more, and the records that have been kept for too long.
func (t *Tracker) dropDevices(ctx context.Context) error {
	past, last := time.Now().Add(-tombstoneAge), ""
	return t.disown(ctx, func(c claim, device string) (bool, error) {
		p, err := t.store.Person(ctx, c.User)
		return !p.has(device), err
	}, func(f Facts) bool {
		if f.heard().Before(past) {
			return true
		}
		if f.Device != last {
			t.brought(f.Place.NAS.Client(), ShareOfDevices, 1)
		}
		last = f.Device
		return false
	})
}

// disown erases from the notes of devices the claims for which gone is true, and the
// waiting facts for which stale is.
func (t *Tracker) disown(ctx context.Context, gone func(c claim, device string) (bool, error), stale func(Facts) bool) error {
	for notes, err := range AllNotes(ctx, t.store, devices) {
		if err != nil {
			return err
		}
		var changed []Note
		for _, note := range notes {
			n, err := parseNames(note.Value)
			if err != nil {
				return err
			}
			was := len(n.Claims) + len(n.Waiting)
			n.Claims = slices.DeleteFunc(n.Claims, func(c claim) bool {
				is, fault := gone(c, note.Key)
				if fault != nil {
					err = fault
				}
				return is
			})
			if err != nil {
				return err
			}
			n.Waiting = slices.DeleteFunc(n.Waiting, stale)
			if len(n.Claims)+len(n.Waiting) < was {
				changed = append(changed, Note{Kind: devices, Key: note.Key, Value: n.note()})
			}
		}
		if len(changed) == 0 {
			continue
		}
		t.forgetNames()
		err = t.store.Update(ctx, nil, changed)
		t.forgetNames()
		if err != nil {
			return err
		}
	}
	return nil
}
