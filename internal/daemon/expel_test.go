package daemon

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// lists writes a configuration with aliases and one of the two lists, empty.
func lists(t *testing.T, list, aliases string) (file, people string) {
	t.Helper()
	dir := t.TempDir()
	file, people = filepath.Join(dir, "presenced.toml"), filepath.Join(dir, "people.txt")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	testbed.Write(t, people, "")
	testbed.Write(t, filepath.Join(dir, "aliases.csv"), aliases)
	testbed.Write(t, file, strings.Replace(testbed.Read(t, file), `opt_out_file = "opt-out.txt"`, list+" = \"people.txt\"\naliases_file = \"aliases.csv\"", 1))
	return file, people
}

// remembered returns the users in the store, by what stands before
// the @.
func (w *week) remembered() string {
	w.t.Helper()
	people, err := w.daemon.Store.People(w.t.Context(), "", 10)
	if err != nil {
		w.t.Fatal(err)
	}
	var users []string
	for _, p := range people {
		user, _, _ := strings.Cut(p.User, "@")
		users = append(users, user)
	}
	return strings.Join(users, " ")
}

func (w *week) reload() {
	w.t.Helper()
	if err := w.daemon.Reload(w.t.Context(), testbed.Load(w.t, w.file)); err != nil {
		w.t.Fatal(err)
	}
}

// TestOptOutErasesWhatTheDeskNoted: nothing is remembered of ann but her id in
// Kadence.
func TestOptOutErasesWhatTheDeskNoted(t *testing.T) {
	file, people := lists(t, "opt_out_file", "")
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		note := presence.Note{Kind: "kadence-user", Key: "ann@example.com", Value: []byte(`{"id":"1"}`)}
		if err := w.daemon.Store.Update(t.Context(), []presence.Change{presence.WriteNotes(note)}); err != nil {
			t.Fatal(err)
		}
		testbed.Write(t, people, "ann@example.com\n")
		w.reload()
		if value, err := w.daemon.Store.Note(t.Context(), note.Kind, note.Key); value != nil || err != nil {
			t.Errorf("the note is %s, %v", value, err)
		}
		w.down()
	})
}

// TestOptOutErasesUnderEveryName has ann and bob opt out under names that
// aliases make others of.
func TestOptOutErasesUnderEveryName(t *testing.T) {
	file, people := lists(t, "opt_out_file", "ann@corp.example.com,anna@example.com\nbob@example.com,robert@example.com\n")
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		hear := func() {
			w.hear(presence.Start, "ann@corp.example.com", "02:00:00:00:00:01", "a", "ap-1")
			w.hear(presence.Start, "bob", "02:00:00:00:00:02", "b", "ap-1")
			w.hear(presence.Start, "cleo", "02:00:00:00:00:03", "c", "ap-1")
		}
		hear()
		if got := w.remembered(); got != "anna cleo robert" {
			t.Errorf("remembered: %s", got)
		}
		testbed.Write(t, people, "ann@corp.example.com\nbob@example.com\n")
		w.reload()
		if got := w.remembered(); got != "cleo" {
			t.Errorf("remembered after opting out: %s", got)
		}
		hear()
		if got := w.remembered(); got != "cleo" {
			t.Errorf("remembered when heard after opting out: %s", got)
		}
		w.down()
	})
}

// TestOptInKeepsUnderEveryName has ann and bob opt in under names that aliases
// make others of: they are tracked, and what is stored of them stays.
func TestOptInKeepsUnderEveryName(t *testing.T) {
	file, people := lists(t, "opt_in_file", "ann@corp.example.com,anna@example.com\nbob@example.com,robert@example.com\n")
	testbed.Write(t, people, "ann@corp.example.com\nbob@example.com\n")
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		w.hear(presence.Start, "ann@corp.example.com", "02:00:00:00:00:01", "a", "ap-1")
		w.hear(presence.Start, "bob", "02:00:00:00:00:02", "b", "ap-1")
		w.hear(presence.Start, "cleo", "02:00:00:00:00:03", "c", "ap-1")
		note := presence.Note{Kind: "kadence-user", Key: "cleo@example.com", Value: []byte(`{"id":"1"}`)}
		if err := w.daemon.Store.Update(t.Context(), []presence.Change{presence.WriteNotes(note)}); err != nil {
			t.Fatal(err)
		}
		w.reload()
		if got := w.remembered(); got != "anna robert" {
			t.Errorf("remembered: %s", got)
		}
		if value, err := w.daemon.Store.Note(t.Context(), note.Kind, note.Key); value != nil || err != nil {
			t.Errorf("the note about a stranger is %s, %v", value, err)
		}
		w.down()
	})
}

// TestBatchInFlightIsExpelledToo commits what was read under the mapping
// before, right after the reload.
func TestBatchInFlightIsExpelledToo(t *testing.T) {
	file, people := lists(t, "opt_out_file", "")
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		testbed.Write(t, people, "ann@example.com\n")
		w.reload()
		late := presence.Change{User: "ann@example.com", Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Story = append(p.Story, presence.Entry{At: time.Now(), Kind: presence.Heard, Text: "late"})
			return presence.Outcome{}
		}}
		if err := w.daemon.Store.Update(t.Context(), []presence.Change{late}); err != nil {
			t.Fatal(err)
		}
		if got := w.remembered(); got != "ann" {
			t.Fatalf("remembered: %s", got)
		}
		time.Sleep(time.Minute)
		if got := w.remembered(); got != "" {
			t.Errorf("remembered a minute later: %s", got)
		}
		w.down()
	})
}
