package presence

import (
	"encoding/binary"
	"slices"
	"time"
)

// What comes in: what the rules of a rehearsal make of a person. What goes out: the same
// in few octets, for as long as nothing happens to them: most rules say what the one
// before says.

// What a rule says as the rule before it does.
const (
	sameVisits = 1 << iota
	sameFloors
	sameStand
	hasBuried
)

// append writes what each of the rules makes of the person.
func (b *beside) append(to []byte) []byte {
	was := &otherwise{}
	for i := range b.each {
		o := &b.each[i]
		flags := byte(b2i(slices.Equal(o.visits, was.visits))*sameVisits | b2i(slices.Equal(o.floors, was.floors))*sameFloors |
			b2i(o.stood == was.stood && o.anchor == was.anchor && o.apart == was.apart)*sameStand | b2i(o.buried != nil)*hasBuried)
		to = appendTime(append(to, flags), o.wake)
		if flags&sameVisits == 0 {
			to = b.appendVisits(to, o.visits)
		}
		if flags&sameFloors == 0 {
			to = binary.AppendUvarint(to, uint64(len(o.floors)))
			for _, f := range o.floors {
				to = appendTime(b.appendSite(to, f.Site), f.At)
			}
		}
		if flags&sameStand == 0 {
			to = binary.LittleEndian.AppendUint64(to, o.stood)
			to = binary.LittleEndian.AppendUint64(to, o.anchor)
			to = binary.LittleEndian.AppendUint64(to, o.apart)
		}
		if o.buried != nil {
			to = b.appendDevices(to, o.buried)
		}
		was = o
	}
	return to
}

func (b *beside) appendVisits(to []byte, all []brief) []byte {
	to = binary.AppendUvarint(to, uint64(len(all)))
	for _, v := range all {
		to = append(b.appendSite(to, v.site), byte(slices.Index(visitStates[:], v.state)))
		to = appendTime(appendTime(appendTime(to, v.arrived), v.noticed), v.left)
	}
	return to
}

var visitStates = [...]VisitState{Arriving, Present, Leaving, Over}

func (b *beside) appendDevices(to []byte, all []Device) []byte {
	to = binary.AppendUvarint(to, uint64(len(all)))
	for _, d := range all {
		to = append(binary.AppendUvarint(to, uint64(len(d.ID))), d.ID...)
		to = appendTime(appendTime(b.appendSite(to, d.Site), d.Began), d.Last)
		to = binary.AppendVarint(to, int64(d.Doze))
	}
	return to
}

// appendSite writes the number of the site, and gives one to a site that has none.
func (b *beside) appendSite(to []byte, site string) []byte {
	at := slices.Index(b.sites, site)
	if at < 0 {
		at, b.sites = len(b.sites), append(b.sites, clone(site))
	}
	return binary.AppendUvarint(to, uint64(at))
}

func appendTime(to []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(to, 0)
	}
	return binary.AppendUvarint(to, uint64(t.UnixNano()))
}

// packed takes apart what was appended.
type packed []byte

// read reads what append wrote; of nothing, that no rule has made anything of the person.
func (b *beside) read(from packed) {
	was := &otherwise{}
	for i := range b.each {
		o := &b.each[i]
		*o = otherwise{visits: o.visits[:0], floors: o.floors[:0]}
		if len(from) == 0 {
			continue
		}
		flags := from[0]
		from = from[1:]
		o.wake = from.time()
		if flags&sameVisits != 0 {
			o.visits = append(o.visits, was.visits...)
		} else {
			for range from.uvarint() {
				v := brief{site: b.sites[from.uvarint()], state: visitStates[from.uvarint()]}
				v.arrived, v.noticed, v.left = from.time(), from.time(), from.time()
				o.visits = append(o.visits, v)
			}
		}
		if flags&sameFloors != 0 {
			o.floors = append(o.floors, was.floors...)
		} else {
			for range from.uvarint() {
				o.floors = append(o.floors, Floor{b.sites[from.uvarint()], from.time()})
			}
		}
		o.stood, o.anchor, o.apart = was.stood, was.anchor, was.apart
		if flags&sameStand == 0 {
			o.stood, o.anchor, o.apart = from.uint64(), from.uint64(), from.uint64()
		}
		if flags&hasBuried != 0 {
			o.buried = b.devices(&from)
		}
		was = o
	}
}

func (b *beside) devices(from *packed) (all []Device) {
	all = make([]Device, from.uvarint())
	for i := range all {
		d := &all[i]
		id := (*from)[:0]
		if n := from.uvarint(); n > 0 {
			id, *from = (*from)[:n], (*from)[n:]
		}
		d.ID, d.Site, d.Began, d.Last, d.Doze = string(id), b.sites[from.uvarint()], from.time(), from.time(), time.Duration(from.varint())
	}
	return all
}

func (r *packed) uvarint() uint64 {
	v, n := binary.Uvarint(*r)
	*r = (*r)[n:]
	return v
}

func (r *packed) varint() int64 {
	v, n := binary.Varint(*r)
	*r = (*r)[n:]
	return v
}

func (r *packed) uint64() uint64 {
	v := binary.LittleEndian.Uint64(*r)
	*r = (*r)[8:]
	return v
}

func (r *packed) time() time.Time {
	ns := r.uvarint()
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns)).UTC()
}
