package presence

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// VisitState is how far a visit has come.
type VisitState string

// The states of a visit.
const (
	Arriving VisitState = "arriving" // here, but not yet for as long as settle asks
	Present  VisitState = "present"
	Leaving  VisitState = "leaving" // all devices are gone, not yet for as long as linger asks
	Over     VisitState = "over"
)

// Visit is one stay of a person at a site, from arrival to departure, and the
// unit of delivery to the desk.
type Visit struct {
	ID       string     `json:"id"`
	User     string     `json:"user"`
	Site     string     `json:"site"`
	Arrived  time.Time  `json:"arrived"`
	Departed time.Time  `json:"departed,omitzero"` // the last end of the last device, not the moment of believing
	Believed time.Time  `json:"believed,omitzero"` // when it was concluded that the visit was over
	State    VisitState `json:"state"`
	End      End        `json:"end,omitempty"` // how an over visit ended
	CheckIn  Errand     `json:"check_in"`
	CheckOut Errand     `json:"check_out"`
	Claims   []Claim    `json:"claims,omitempty"` // the bookings that are its own
	Outlook  Outlook    `json:"outlook,omitzero"` // as of the last look, for readers of the store without the daemon
	Story    []Entry    `json:"story,omitempty"`  // filled when the visit is archived
}

// End is how a visit came to be over.
type End string

// The ends of a visit.
const (
	Left      End = "left"       // every device went away and stayed away
	Unknown   End = "unknown"    // only max_session ended it
	DayTurned End = "day turned" // devices were still there when the site's day turned
	Withdrawn End = "withdrawn"  // the identity turned out to be a shared account
)

// visitID names a visit by user, site and arrival, so that a Change that runs twice
// names it the same.
func visitID(user, site string, arrived time.Time) string {
	sum := sha256.Sum256([]byte(user + "\x00" + site + "\x00" + arrived.UTC().Format(time.RFC3339Nano)))
	return strings.ToLower(base32.HexEncoding.EncodeToString(sum[:])[:10])
}

// ErrandStatus is how far one side of a visit's delivery has come.
type ErrandStatus string

// The statuses of an errand.
const (
	Waiting   ErrandStatus = "waiting" // nothing to do yet
	Pending   ErrandStatus = "pending" // to be done, or being tried
	Effected  ErrandStatus = "done"
	Refused   ErrandStatus = "refused" // the desk said no, for good
	Skipped   ErrandStatus = "skipped" // there was nothing to do, or no longer
	DryRunned ErrandStatus = "dry_run" // would have been done
)

// Errand is one side of a visit's delivery: checking in, or checking out.
type Errand struct {
	Status   ErrandStatus `json:"status"`
	At       time.Time    `json:"at,omitzero"`        // when it first took effect
	Bookings []string     `json:"bookings,omitempty"` // booking ids on which it took effect
	Attempts int          `json:"attempts,omitempty"` // failures in a row, for the backoff
	Next     time.Time    `json:"next,omitzero"`      // not to be tried before
	Reason   string       `json:"reason,omitempty"`
}

// Claim is a booking that belongs to a visit, as it was last seen, and what the
// courier has tried on it.
type Claim struct {
	Booking string    `json:"booking"`
	Begin   time.Time `json:"begin"`
	End     time.Time `json:"end"`
	Tried   time.Time `json:"tried,omitzero"` // when the latest attempt was noted, before it was made
	In      time.Time `json:"in,omitzero"`    // we checked it in
	Out     time.Time `json:"out,omitzero"`   // we checked it out
	Next    time.Time `json:"next,omitzero"`  // after a refusal: not before
	Refused string    `json:"refused,omitempty"`
	DryRun  bool      `json:"dry_run,omitempty"` // In and Out are what would have been
}

// What a belief may be waiting for.
const (
	HeldBySettle    HeldBy = "settle"
	HeldByLinger    HeldBy = "linger"
	HeldByLunch     HeldBy = "lunch"
	HeldByDoze      HeldBy = "doze"
	HeldByOutage    HeldBy = "outage_hold"
	HeldBySilence   HeldBy = "silence"
	HeldByListening HeldBy = "listening"
	HeldByOldNews   HeldBy = "old news"
	HeldByNAS       HeldBy = "nas silent"
)

var whyHeld = map[HeldBy]string{
	HeldBySettle:    "here, but not yet for as long as settle asks",
	HeldByLinger:    "every device is gone, not yet for linger",
	HeldByLunch:     "every device is gone, not yet for lunch_linger",
	HeldByDoze:      "every device is gone, not yet for as long as one of them was seen to doze",
	HeldByOutage:    "the network ended it and not the person: linger runs from the end of outage_hold",
	HeldBySilence:   "a device fell silent, and may be heard within its interval",
	HeldByListening: "records may have been missed: controllers send them again, or the next interim",
	HeldByOldNews:   "old news is still coming, and may say the contrary",
	HeldByNAS:       "the NAS where it left is silent as a whole: it may have come back unheard",
}

// Outlook is what presence believes of a visit. The code that decides makes it, and
// others only print it: nothing else knows a deadline.
type Outlook struct {
	State VisitState `json:"state"`
	Why   string     `json:"why"`
	Since time.Time  `json:"since,omitzero"`   // while every device is gone: the last sign of life of any
	Until time.Time  `json:"until,omitzero"`   // when the state changes if nothing more is heard; zero if that depends on more than time
	Held  HeldBy     `json:"held_by,omitzero"` // what a departure, or an arrival, waits for
	At    time.Time  `json:"as_of"`            // when it was made

	end      End       // how the visit ended, if it is over
	departed time.Time // when it did
}
