package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

// contract is what a store has to do, by what is so. Each gets a store that holds
// nothing.
var contract = map[string]func(*testing.T, presence.Store){
	"AChangeFindsWhatThoseBeforeItLeft":          findsWhatIsLeft,
	"AChangeOfNotesGetsNoPerson":                 getsNoPerson,
	"WhatWasMadeIsToldOfOnceItIsDurable":         toldOnce,
	"NothingIsMadeForWhoDoesNotWait":             notForACancelled,
	"ThePersonWhoHasNothingLeftIsNotStored":      nothingLeft,
	"WhatIsReadIsNobodyElses":                    nobodyElses,
	"WhoIsNamedTooEarlyIsNotNamedAgain":          notDue,
	"WhoIsDueIsNamedUntilThatChanges":            namedUntil,
	"WhoIsNewlyDueIsNamedOnceUntilWritten":       newlyDue,
	"ALongQueueOfMovedMomentsIsNoHindrance":      movedMoments,
	"DueTellsWhenTheNextOfTheRestIs":             nextOfTheRest,
	"ANoteMayBeEmptyAndIsErasedByNil":            emptyNote,
	"ManyAreReadInTheirOrder":                    manyInOrder,
	"AVisitThatIsArchivedAgainIsTheSame":         archivedAgain,
	"ForgettingReachesOnlyThatUser":              forgetsOne,
	"PruningErasesWhatArrivedBefore":             prunes,
	"ALargeUpdateIsMade":                         large,
	"ChangesOfOnePersonFromManySidesAllCount":    manySides,
	"WhatIsApartIsReadIfItIsWanted":              apart,
	"AWeekOfDeadlinesPassesInABubble":            week,
	"APersonWhoIsReadIsWhoWasStored":             readBack,
	"WhatIsForgottenIsNotBroughtBackByAnErasure": forgottenTwice,
}

func findsWhatIsLeft(t *testing.T, s presence.Store) {
	count := func(user string) presence.Change {
		return presence.Change{User: user, Reads: []presence.NoteKey{{Kind: "k", Key: "n"}, {Kind: "k", Key: "none"}}, Apply: func(p *presence.Person, notes [][]byte) presence.Outcome {
			if notes[1] != nil {
				t.Errorf("a note that there is not: %q", notes[1])
			}
			p.Devices = append(p.Devices, presence.Device{Last: monday, ID: fmt.Sprint(len(p.Devices), string(notes[0]))})
			return presence.Outcome{Notes: []presence.Note{{Kind: "k", Key: "n", Value: append(notes[0], user[0])}}}
		}}
	}
	update(t, s, count("ann"), count("bob"), count("ann"))
	update(t, s, count("bob"))
	texts := func(user string) (all []string) {
		for _, e := range must(s.Person(t.Context(), user)).Devices {
			all = append(all, e.ID)
		}
		return all
	}
	same(t, texts("ann"), []string{"0", "1ab"})
	same(t, texts("bob"), []string{"0a", "1aba"})
	same(t, string(must(s.Note(t.Context(), "k", "n"))), "abab")
}

func getsNoPerson(t *testing.T, s presence.Store) {
	update(t, s, presence.Change{Apply: func(p *presence.Person, notes [][]byte) presence.Outcome {
		if p != nil || len(notes) > 0 {
			t.Errorf("got %+v and %q", p, notes)
		}
		return presence.Outcome{Notes: []presence.Note{{Kind: "k", Key: "a", Value: []byte("x")}}}
	}})
	same(t, string(must(s.Note(t.Context(), "k", "a"))), "x")
	same(t, len(must(s.People(t.Context(), "", 9))), 0)
}

// What is told of may be read, and the store be used.
func toldOnce(t *testing.T, s presence.Store) {
	var told []string
	telling := func(user string) presence.Change {
		return presence.Change{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Devices = append(p.Devices, presence.Device{Last: monday})
			return presence.Outcome{Then: func() {
				told = append(told, user)
				if all := must(s.People(t.Context(), "", 9)); len(all) != 2 {
					t.Errorf("%d people are stored", len(all))
				}
				update(t, s, presence.WriteNotes(presence.Note{Kind: "told", Key: user, Value: []byte{1}}))
			}}
		}}
	}
	update(t, s, telling("bob"), telling("ann"), telling("bob"))
	same(t, told, []string{"bob", "ann", "bob"})
	same(t, len(must(s.Notes(t.Context(), "told", "", 9))), 2)
}

func notForACancelled(t *testing.T, s presence.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Update(ctx, []presence.Change{tell("ann", "x")}); err == nil {
		t.Error("it was made")
	}
	update(t, s) // no changes: nothing
	same(t, len(must(s.People(t.Context(), "", 9))), 0)
}

func nothingLeft(t *testing.T, s presence.Store) {
	update(t, s, tell("ann", "x"), put("ann", func(p *presence.Person) { p.Wake = monday }))
	same(t, len(must(s.People(t.Context(), "", 9))), 1)
	update(t, s, put("ann", func(p *presence.Person) { p.Devices = nil }), put("bob", func(p *presence.Person) { p.Wake = monday }))
	same(t, len(must(s.People(t.Context(), "", 9))), 0)
	if users, next, _ := s.Due(t.Context(), presence.Wakes, monday.Add(time.Hour), 9); len(users) > 0 || !next.IsZero() {
		t.Errorf("still due: %q, %v", users, next)
	}
	same(t, must(s.Person(t.Context(), "ann")), presence.Person{User: "ann"})
}

// Whoever changes what was read changes nothing that is stored; nor does who goes on
// with what Apply returned.
func nobodyElses(t *testing.T, s presence.Store) {
	visits := []presence.Visit{{ID: "v", Arrived: monday, Claims: []presence.Claim{{Booking: "b"}}}}
	value := []byte("x")
	update(t, s, presence.Change{User: "ann", Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
		p.Devices = []presence.Device{{ID: "x"}}
		p.Visits = []presence.Visit{{ID: "w", Claims: []presence.Claim{{Booking: "b"}}}}
		return presence.Outcome{Archived: visits, Notes: []presence.Note{{Kind: "k", Key: "a", Value: value}}}
	}})
	read := must(s.Person(t.Context(), "ann"))
	read.Devices[0].ID, read.Visits[0].Claims[0].Booking = "y", "y"
	visits[0].Claims[0].Booking, value[0] = "y", 'y'
	got := must(s.Person(t.Context(), "ann"))
	same(t, got.Devices, []presence.Device{{ID: "x"}})
	same(t, got.Visits[0].Claims, []presence.Claim{{Booking: "b"}})
	same(t, must(s.History(t.Context(), "ann", time.Time{}, later, 9))[0].Claims, []presence.Claim{{Booking: "b"}})
	if n := must(s.Note(t.Context(), "k", "a")); string(n) != "x" {
		t.Errorf("the note was changed: %q", n)
	}
}

func emptyNote(t *testing.T, s presence.Store) {
	for _, value := range [][]byte{{}, nil, []byte("x"), {}, nil} {
		update(t, s, presence.WriteNotes(presence.Note{Kind: "k", Key: "a", Value: value}))
		got := must(s.Note(t.Context(), "k", "a"))
		if (got == nil) != (value == nil) || string(got) != string(value) {
			t.Errorf("got %#v, want %#v", got, value)
		}
	}
}

func manyInOrder(t *testing.T, s presence.Store) {
	update(t, s, tell("a", "1"), tell("c", "2"), presence.WriteNotes(presence.Note{Kind: "k", Key: "a", Value: []byte("1")}, presence.Note{Kind: "k", Key: "c", Value: []byte("2")}))
	users := []string{"c", "b", "a", "c"}
	people, values := must(s.Persons(t.Context(), users)), must(s.NotesOf(t.Context(), "k", users))
	for i, text := range []string{"2", "", "1", "2"} {
		got := ""
		if p := &people[i]; p.User != users[i] {
			t.Errorf("%q in the place of %q", p.User, users[i])
		} else if len(p.Devices) > 0 {
			got = p.Devices[0].ID
		}
		if got != text || string(values[i]) != text || (values[i] == nil) != (text == "") {
			t.Errorf("of %q: %q and %q, want %q", users[i], got, values[i], text)
		}
	}
	same(t, len(must(s.Persons(t.Context(), nil)))+len(must(s.NotesOf(t.Context(), "k", nil))), 0)
}

func archivedAgain(t *testing.T, s presence.Store) {
	v := presence.Visit{ID: "v", Arrived: monday, Site: "london"}
	update(t, s, archive("ann", v), archive("bob", v))
	v.Site = "paris"
	update(t, s, archive("ann", v))
	all := must(s.History(t.Context(), "", time.Time{}, later, 9))
	if len(all) != 2 || all[0].User != "ann" || all[0].Site != "paris" || all[1].User != "bob" || all[1].Site != "london" {
		t.Errorf("%+v", all)
	}
}

func forgetsOne(t *testing.T, s presence.Store) {
	for i, user := range []string{"ann", "ann@example.com", "an"} {
		var visits []presence.Visit
		for n := range 20 {
			visits = append(visits, presence.Visit{ID: fmt.Sprint(n), Arrived: monday.Add(time.Duration(n+i) * time.Minute)})
		}
		update(t, s, tell(user, "x"), archive(user, visits...), put(user, func(p *presence.Person) { p.Wake = monday }),
			presence.WriteNotes(presence.Note{Kind: "k", Key: user, Value: []byte("x")}, presence.Note{Kind: "another", Key: user, Value: []byte("x")}))
	}
	for _, user := range []string{"ann", "nobody"} {
		if err := s.Forget(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}
	same(t, must(s.Person(t.Context(), "ann")), presence.Person{User: "ann"})
	for user, want := range map[string]int{"an": 20, "ann": 0, "ann@example.com": 20} {
		same(t, len(must(s.History(t.Context(), user, time.Time{}, later, 100))), want)
		for _, kind := range []string{"k", "another"} {
			same(t, must(s.Note(t.Context(), kind, user)) != nil, want > 0)
		}
	}
	users, _, err := s.Due(t.Context(), presence.Wakes, monday, 9)
	if slices.Sort(users); err != nil || !slices.Equal(users, []string{"an", "ann@example.com"}) {
		t.Errorf("%q, %v", users, err)
	}
}

// forgottenTwice: what never was is erased as what was.
func forgottenTwice(t *testing.T, s presence.Store) {
	update(t, s, tell("ann", "x"), tell("bob", "x"))
	for range 2 {
		if err := s.Forget(t.Context(), "ann"); err != nil {
			t.Fatal(err)
		}
		update(t, s, put("ann", func(*presence.Person) {}), put("ann", func(p *presence.Person) { p.Devices = nil }))
		same(t, len(must(s.People(t.Context(), "", 9))), 1)
	}
}

func prunes(t *testing.T, s presence.Store) {
	const many = 1010
	var visits []presence.Visit
	for i := range many {
		visits = append(visits, presence.Visit{ID: fmt.Sprint(i), Arrived: monday.Add(time.Duration(i) * time.Second)})
	}
	update(t, s, archive("ann", visits...))
	n, err := s.Prune(t.Context(), monday.Add(1000*time.Second))
	if err != nil || n != 1000 {
		t.Errorf("%d went, %v", n, err)
	}
	for _, user := range []string{"ann", ""} {
		same(t, len(must(s.History(t.Context(), user, time.Time{}, later, 1e6))), many-1000)
	}
}

// large: a flush has as many people as are here, and a sweep of a large office, too.
func large(t *testing.T, s presence.Store) {
	const many = 1500
	var all []presence.Change
	var notes []presence.Note
	for n := range many {
		all = append(all, tell(fmt.Sprintf("u%04d", n), "x"))
		notes = append(notes, presence.Note{Kind: "k", Key: fmt.Sprint(n), Value: []byte("x")})
	}
	update(t, s, append(all, presence.WriteNotes(notes...))...)
	same(t, len(must(s.People(t.Context(), "", 2*many))), many)
	same(t, len(must(s.Notes(t.Context(), "k", "", 2*many))), many)
}

func manySides(t *testing.T, s presence.Store) {
	const sides, times = 4, 25
	done := make(chan error, sides)
	for range sides {
		go func() {
			for range times {
				c := presence.Change{User: "ann", Reads: []presence.NoteKey{{Kind: "k", Key: "n"}}, Apply: func(p *presence.Person, notes [][]byte) presence.Outcome {
					p.Client = "hq"
					p.Devices = append(p.Devices, presence.Device{Last: monday})
					return presence.Outcome{Notes: []presence.Note{{Kind: "k", Key: "n", Value: append(notes[0], 'x')}}}
				}}
				if err := s.Update(context.Background(), []presence.Change{c}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range sides {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	same(t, len(must(s.Person(t.Context(), "ann")).Devices), sides*times)
	same(t, len(must(s.Note(t.Context(), "k", "n"))), sides*times)
}

// week: the clock in a bubble stands still while a store works, and a simulated week of
// deadlines passes at once.
func week(t *testing.T, s presence.Store) {
	synctest.Test(t, func(t *testing.T) {
		started, looked := time.Now(), 0
		advance := func(user string) presence.Change {
			now := time.Now()
			return presence.Change{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
				p.Devices = []presence.Device{{Last: now}}
				p.Wake = now.Add(7 * time.Hour)
				return presence.Outcome{Then: func() { looked++ }}
			}}
		}
		update(t, s, advance("ann"), advance("bob"))
		for time.Since(started) < 7*24*time.Hour {
			users, next, err := s.Due(t.Context(), presence.Wakes, time.Now(), 9)
			if err != nil {
				t.Fatal(err)
			}
			for _, user := range users {
				update(t, s, advance(user))
			}
			if len(users) == 0 {
				time.Sleep(time.Until(next))
			}
		}
		same(t, looked, 2*(7*24/7))
	})
}

// readBack: everything that a person has comes back, times as they were.
func readBack(t *testing.T, s presence.Store) {
	at := monday.Add(123456789)
	want := presence.Person{
		User: "ann", News: at, Client: "hq", Shared: presence.Shared{Until: at, Count: 7, Heard: at},
		Facts: []presence.Facts{{ID: "a", Device: "d", Place: presence.Place{Site: "london", At: at}, Marks: []presence.Mark{
			{Status: presence.Start, At: at, Heard: at, Age: -1, Whose: presence.Mine, Site: "london", NAS: 7, AP: 8},
			{Status: presence.Stop, At: at.Add(time.Hour), Heard: at.Add(time.Hour), Age: time.Hour, Cause: presence.UserRequest},
		}}},
		Devices: []presence.Device{{ID: "d", Site: "london", Began: at, Last: at, Doze: time.Minute}},
		Floors:  []presence.Floor{{Site: "london", At: at}},
		Visits: []presence.Visit{{
			ID: "v", User: "ann", Site: "london", Arrived: at, State: presence.Present,
			CheckIn: presence.Errand{Status: presence.Effected, At: at, Bookings: []string{"b"}, Attempts: 3, Next: at, Reason: "r"},
			Claims:  []presence.Claim{{Booking: "b", Begin: at, End: at, Tried: at, In: at, DryRun: true}},
			Outlook: presence.Outlook{State: presence.Present, Why: "w", Until: at},
		}},
		Story: []presence.Entry{{At: at, Kind: presence.Heard, Text: "x"}, {At: at, Kind: presence.Concluded, Text: "y"}},
		Wake:  at, NextErrand: at.Add(time.Minute),
	}
	update(t, s, put("ann", func(p *presence.Person) { *p = want.Clone() }))
	same(t, must(s.Person(t.Context(), "ann")), want)
	small := want.Clone()
	small.Story, small.Told = nil, presence.Told{Lines: 2, From: at, To: at}
	update(t, s, presence.Change{User: "ann", Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
		got := p.Clone()
		return presence.Outcome{Then: func() { same(t, got, small) }}
	}})
	same(t, must(s.People(t.Context(), "", 9)), []presence.Person{small})
	same(t, must(s.Persons(t.Context(), []string{"ann"})), []presence.Person{small})
}
