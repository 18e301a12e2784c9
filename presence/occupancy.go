package presence

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"
)

// Occupancy as numbers without names: of each site and each five minutes how many are
// present, came and left. They are counted as they are concluded, and never again:
// neither later evidence nor the erasure of a person changes one that is past.

// OccupancySlot is how long one number stands for. Slots begin at whole multiples of it
// in UTC.
const OccupancySlot = 5 * time.Minute

const slotsADay = int(24 * time.Hour / OccupancySlot)

// Ends are those that departures are counted by.
var Ends = []End{Left, Unknown, DayTurned, Withdrawn}

// Moves are how many are present at a site, and how many came and left since some
// moment.
type Moves struct {
	Present int // having settled, and not yet believed to have left
	Arrived int
	Left    [4]int // by Ends
}

// Slot is what is known of one slot of a site.
type Slot struct {
	Begin time.Time
	Known bool // it was counted
	Moves
}

// slots are a day's, from midnight in UTC on.
type slots [slotsADay]Slot

// These begin what a day's note is made of, each with a number.
const (
	slotsUnknown  = iota // so many that were not counted
	slotsAsBefore        // so many in which nothing happened
	slotChanged          // one: by how many more or fewer are present, who came, and who left, by Ends
)

// encode returns a day as its note: a few octets for each slot in which something
// happened.
func (s *slots) encode() (data []byte) {
	present := 0
	for i := 0; i < slotsADay; {
		slot, run := s[i], 1
		for ; i+run < slotsADay && s[i+run].Known == slot.Known && (!slot.Known || s[i+run].Moves == Moves{Present: present}); run++ {
		}
		switch {
		case !slot.Known:
			data = binary.AppendUvarint(append(data, slotsUnknown), uint64(run))
		case slot.Moves == Moves{Present: present}:
			data = binary.AppendUvarint(append(data, slotsAsBefore), uint64(run))
		default:
			run = 1
			data = binary.AppendVarint(append(data, slotChanged), int64(slot.Present-present))
			for _, n := range append([]int{slot.Arrived}, slot.Left[:]...) {
				data = binary.AppendUvarint(data, uint64(n))
			}
			present = slot.Present
		}
		i += run
	}
	return data
}

var errOccupancy = errors.New("decode a day's occupancy: it is no such")

// decodeSlots is the reverse of encode.
func decodeSlots(data []byte) (s slots, err error) {
	present := 0
	number := func() (n uint64) {
		n, size := binary.Uvarint(data)
		if size <= 0 || n > 1<<31 {
			err = errOccupancy
			return 0
		}
		data = data[size:]
		return n
	}
	for i := 0; len(data) > 0 && err == nil; {
		kind := data[0]
		data = data[1:]
		if kind == slotChanged {
			delta, size := binary.Varint(data)
			if size <= 0 || i >= slotsADay {
				return s, errOccupancy
			}
			data = data[size:]
			present += int(delta)
			s[i].Known, s[i].Present, s[i].Arrived = true, present, int(number())
			for j := range s[i].Left {
				s[i].Left[j] = int(number())
			}
			i++
			continue
		}
		run := number()
		if kind > slotsAsBefore || run > uint64(slotsADay-i) {
			return s, errOccupancy
		}
		for ; run > 0; run-- {
			if kind == slotsAsBefore {
				s[i].Known, s[i].Present = true, present
			}
			i++
		}
	}
	return s, err
}

// occupancyKind is the kind of the notes that keep occupancy, by site and day in UTC.
const occupancyKind = "occupancy"

func occupancyKey(site string, at time.Time) NoteKey {
	return NoteKey{occupancyKind, site + "\x00" + at.UTC().Format(time.DateOnly)}
}

// occupancyOf returns the site and the day of a note's key.
func occupancyOf(key string) (site string, day time.Time) {
	site, date, _ := strings.Cut(key, "\x00")
	day, _ = time.Parse(time.DateOnly, date)
	return site, day
}

// CountSlot returns the change that keeps what happened at the site in the slot that
// began at that moment.
func CountSlot(site string, begin time.Time, m Moves) Change {
	key := occupancyKey(site, begin)
	return Change{Reads: []NoteKey{key}, Apply: func(_ *Person, notes [][]byte) Outcome {
		day, err := decodeSlots(notes[0])
		if err != nil {
			day = slots{} // what nobody can read is worth no more than nothing
		}
		n, i := m, int(begin.Sub(begin.UTC().Truncate(24*time.Hour))/OccupancySlot)
		if was := &day[i]; was.Known { // a restart within the slot
			n.Arrived += was.Arrived
			for j := range n.Left {
				n.Left[j] += was.Left[j]
			}
		}
		day[i] = Slot{Known: true, Moves: n}
		return Outcome{Notes: []Note{{Kind: key.Kind, Key: key.Key, Value: day.encode()}}}
	}}
}

// standing is a visit that counts as present.
type standing struct{ id, site string }

// stand appends those of the person's visits that do.
func (p *Person) stand(all []standing) []standing {
	for i := range p.Visits {
		if v := &p.Visits[i]; v.State == Present || v.State == Leaving {
			all = append(all, standing{v.ID, v.Site})
		}
	}
	return all
}

// moved calls f with what became of a person whose visits stood as in was, and of whom
// archived was taken out: who arrived at a site, or left it and how.
func (p *Person) moved(was []standing, archived []Visit, f func(site string, in bool, end End)) {
	for _, s := range was {
		is := func(v Visit) bool { return v.ID == s.id }
		if i := slices.IndexFunc(p.Visits, is); i >= 0 && p.Visits[i].State != Over {
			continue
		} else if i >= 0 {
			f(s.site, false, p.Visits[i].End)
		} else if j := slices.IndexFunc(archived, is); j >= 0 {
			f(s.site, false, archived[j].End)
		}
	}
	for i := range p.Visits {
		if v := &p.Visits[i]; (v.State == Present || v.State == Leaving) && !slices.Contains(was, standing{v.ID, v.Site}) {
			f(v.Site, true, "")
		}
	}
}
