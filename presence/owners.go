package presence

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// devices is the kind of the notes that say whose a device last was.
const devices = "device"

// owner is whose a device last was, and since which event time.
type owner struct {
	User  string
	Since time.Time
}

// note is the owner as a note holds it: the time in nanoseconds, and the user.
// There is one read for most records, so it is kept short.
func (o owner) note() []byte {
	return append(strconv.AppendInt(nil, o.Since.UnixNano(), 10), " "+o.User...)
}

func parseOwner(note []byte) (owner, error) {
	since, user, ok := strings.Cut(string(note), " ")
	ns, err := strconv.ParseInt(since, 10, 64)
	if !ok || err != nil {
		return owner{}, fmt.Errorf("the note of a device's owner reads %q", note)
	}
	return owner{User: user, Since: time.Unix(0, ns).UTC()}, nil
}

// owners settles which user a device is with, as a batch goes along: a device
// is with one person at a time, and the latest sign of life says with whom.
type owners struct {
	*Tracker
	now   map[string]owner // as they were read from the store, and as the batch so far leaves them
	notes []Note
	since int // Tracker.disowned at the beginning
}

const maxOwned = 1 << 16

func (t *Tracker) owners() owners {
	t.mu.Lock()
	defer t.mu.Unlock()
	return owners{Tracker: t, now: map[string]owner{}, since: t.disowned}
}

// had returns whose the device is as the batch so far leaves it, and else as
// far as is stored.
func (o *owners) had(ctx context.Context, device string) (owner, error) {
	if had, ok := o.now[device]; ok {
		return had, nil
	}
	o.mu.Lock()
	had, ok := o.owned[device]
	o.mu.Unlock()
	if ok {
		return had, nil
	}
	value, err := o.store.Note(ctx, devices, device)
	if err != nil {
		return owner{}, err
	}
	if value != nil {
		if had, err = parseOwner(value); err != nil {
			return had, fmt.Errorf("%s: %w", device, err)
		}
	}
	o.now[device] = had
	return had, nil
}

// stored remembers what of the batch is stored now: whose a device is, is
// asked for every record.
func (o *owners) stored() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since != o.disowned { // a note may have been erased since it was read, or written by another batch
		for device := range o.now {
			delete(o.owned, device)
		}
		return
	}
	if len(o.notes) > 0 {
		o.disowned++
	}
	if len(o.owned)+len(o.now) > maxOwned {
		clear(o.owned)
	}
	maps.Copy(o.owned, o.now)
}

// forgetOwners has the notes be read again, because some are erased.
func (t *Tracker) forgetOwners() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.disowned++
	clear(t.owned)
}

// claim notes that the device is with the sighting's user, and returns the
// changes that follow for whoever had it.
func (o *owners) claim(ctx context.Context, n *Sighting, w World) ([]Change, error) {
	if n.Status == Stop {
		return nil, nil
	}
	had, err := o.had(ctx, n.Device)
	if err != nil || had.User == n.User {
		return nil, err
	}
	since, err := o.seen(ctx, had, n.Device)
	if err != nil {
		return nil, err
	}
	if since.After(n.At) { // overtaken: somebody else has it by now
		return []Change{supersede(n.User, n.Device, since, n.Heard, w)}, nil
	}
	now := owner{User: n.User, Since: n.At}
	o.now[n.Device] = now
	o.notes = append(o.notes, Note{Kind: devices, Key: n.Device, Value: now.note()})
	if had.User == "" {
		return nil, nil
	}
	return []Change{supersede(had.User, n.Device, n.At, n.Heard, w)}, nil
}

// seen returns when the owner's device was last seen alive with them, as far as
// is stored; that is no sooner than since when it is theirs.
func (o *owners) seen(ctx context.Context, had owner, device string) (time.Time, error) {
	if had.User == "" {
		return time.Time{}, nil
	}
	p, err := o.store.Person(ctx, had.User)
	for i := range p.Sessions {
		if s := &p.Sessions[i]; s.Device == device && s.Live() {
			had.Since = later(had.Since, s.Seen)
		}
	}
	return had.Since, err
}

func supersede(user, device string, at, heard time.Time, w World) Change {
	return Change{User: user, Apply: func(p *Person) []Visit { return p.Supersede(device, at, heard, w) }}
}

// dropDevices erases the notes of devices that their owner has no more.
func (t *Tracker) dropDevices(ctx context.Context) error {
	return t.disown(ctx, func(o owner, device string) (bool, error) {
		p, err := t.store.Person(ctx, o.User)
		return !p.has(device), err
	})
}

// disown erases the notes of those devices of which gone says so.
func (t *Tracker) disown(ctx context.Context, gone func(o owner, device string) (bool, error)) error {
	for after := ""; ; {
		notes, err := t.store.Notes(ctx, devices, after, walkChunk)
		if err != nil || len(notes) == 0 {
			return err
		}
		after = notes[len(notes)-1].Key
		var erase []Note
		for _, note := range notes {
			o, err := parseOwner(note.Value)
			if err != nil {
				return err
			}
			is, err := gone(o, note.Key)
			if err != nil {
				return err
			}
			if is {
				erase = append(erase, Note{Kind: devices, Key: note.Key})
			}
		}
		if len(erase) == 0 {
			continue
		}
		t.forgetOwners()
		err = t.store.Update(ctx, nil, erase)
		t.forgetOwners()
		if err != nil {
			return err
		}
	}
}

func (p *Person) has(device string) bool {
	for i := range p.Devices {
		if p.Devices[i].ID == device {
			return true
		}
	}
	return false
}
