package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestTimeZoneIsTheBuildingsOnceKnown starts while Kadence is away: this
// host's time zone counts, and the building's as soon as Kadence is back.
func TestTimeZoneIsTheBuildingsOnceKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		tokyo, err := time.LoadLocation("Asia/Tokyo")
		if err != nil {
			t.Fatal(err)
		}
		api.AddBuilding("HQ", tokyo)
		api.Fail(sandbox.Fault{Status: 503})
		w := &week{t: t, api: api, file: file}
		w.up()
		zone := func() string { return w.daemon.inForce.Load().rules.Sites["london"].Zone.String() }
		if zone() != time.Local.String() {
			t.Errorf("while Kadence is away the time zone is %s", zone())
		}
		api.Mend()
		time.Sleep(3 * time.Minute)
		if zone() != "Asia/Tokyo" {
			t.Errorf("the time zone is %s", zone())
		}
		if got := w.daemon.inForce.Load().mapping.Sites[0].Zone.String(); got != "Asia/Tokyo" {
			t.Errorf("the mapping's time zone is %s", got)
		}
		w.down()

		// From now on it is remembered, whether Kadence is there or not.
		api.Fail(sandbox.Fault{Status: 503})
		w.up()
		if zone() != "Asia/Tokyo" {
			t.Errorf("after a restart without Kadence the time zone is %s", zone())
		}
		w.down()
	})
}

// TestReloadWithUnknownBuildingChangesNothing has the new configuration name a
// building that Kadence does not have.
func TestReloadWithUnknownBuildingChangesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	s := testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m"}
	testbed.WriteConfig(t, file, s)
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		api.AddBuilding("HQ", time.UTC)
		w := &week{t: t, api: api, file: file}
		w.up()
		s.Building, s.Linger = "Elsewhere", "5m"
		testbed.WriteConfig(t, file, s)
		if err := w.daemon.Reload(t.Context(), testbed.Load(t, file)); !errors.Is(err, kadence.ErrUnknownBuilding) {
			t.Errorf("reload: %v", err)
		}
		if linger := w.daemon.inForce.Load().rules.Linger; linger != time.Hour {
			t.Errorf("linger is %s", linger)
		}
		w.down()
	})
}

// TestABuildingThatIsGoneIsATroubleOfItsSite: whatever is done to it in Kadence,
// a start is served, and everybody is told.
func TestABuildingThatIsGoneIsATroubleOfItsSite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		hq := api.AddBuilding("HQ", time.UTC)
		w := &week{t: t, api: api, file: file}
		w.up()
		w.down()
		api.ChangeBuilding(hq, func(b *sandbox.Building) { b.Archived = true })
		time.Sleep(48 * time.Hour)
		w.up()
		if err := w.daemon.ready(); err != nil && !strings.Contains(err.Error(), "no socket") {
			t.Error(err)
		}
		if doubt := w.daemon.status(nil).Sites[0].Doubt; !strings.Contains(doubt, `Kadence no longer lists building "HQ"`) {
			t.Errorf("the site's doubt is %q", doubt)
		}
		w.down()
	})
}

// TestForgettingThatWasCutShortIsEnded by the next start.
func TestForgettingThatWasCutShortIsEnded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("test", "secret"), file: file}
		w.up()
		w.hear(presence.Start, "ann", "02:00:00:00:00:01", "s1", "lobby")
		w.hear(presence.Start, "bob", "02:00:00:00:00:02", "s2", "lobby")
		if err := w.daemon.Store.Update(t.Context(), []presence.Change{presence.WriteNotes(presence.Note{Kind: "forget", Key: "ann@example.com", Value: []byte{1}})}); err != nil {
			t.Fatal(err)
		}
		w.down()
		w.up()
		time.Sleep(time.Second)
		people, err := w.daemon.Store.People(t.Context(), "", 10)
		if err != nil || len(people) != 1 || people[0].User != "bob@example.com" {
			t.Errorf("remembered: %v, %v", people, err)
		}
		if notes, err := w.daemon.Store.Notes(t.Context(), "forget", "", 10); err != nil || len(notes) > 0 {
			t.Errorf("still to be forgotten: %v, %v", notes, err)
		}
		w.down()
	})
}

// TestReloadKeepsTheDeskUnlessItChanges holds that a changed list does not have
// the desk forget its token and its waits, and that a changed secret does.
func TestReloadKeepsTheDeskUnlessItChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	s := testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m"}
	testbed.WriteConfig(t, file, s)
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		api.AddBuilding("HQ", time.UTC)
		w := &week{t: t, api: api, file: file}
		w.up()
		before := w.daemon.inForce.Load().kadence
		for _, step := range []struct {
			change func()
			kept   bool
		}{
			{func() { s.Linger = "5m" }, true},
			{func() { s.Secret = "rotated" }, false},
		} {
			step.change()
			testbed.WriteConfig(t, file, s)
			if err := w.daemon.Reload(t.Context(), testbed.Load(t, file)); err != nil {
				t.Fatal(err)
			}
			if kept := w.daemon.inForce.Load().kadence == before; kept != step.kept {
				t.Errorf("%+v: kept %v", s, kept)
			}
		}
		w.down()
	})
}

// TestChangedListCountsWithoutBeingTold changes the opt-out list and sends no
// signal.
func TestChangedListCountsWithoutBeingTold(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		w.hear(presence.Start, "ann@example.com", "02:00:00:00:00:01", "a1", "ap-1")
		w.hear(presence.Start, "bob@example.com", "02:00:00:00:00:02", "b1", "ap-1")
		testbed.Write(t, filepath.Join(dir, "opt-out.txt"), "ann@example.com\n")
		time.Sleep(2 * listsEvery)
		w.hear(presence.Interim, "ann@example.com", "02:00:00:00:00:01", "a1", "ap-1")
		w.hear(presence.Interim, "bob@example.com", "02:00:00:00:00:02", "b1", "ap-1")
		people, err := w.daemon.Store.People(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(people) != 1 || people[0].User != "bob@example.com" {
			t.Errorf("remembered: %v", people)
		}
		w.down()
	})
}

// TestOptInErasesEverybodyElse starts with an opt-in list on a store that
// holds others, present and past.
func TestOptInErasesEverybodyElse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "presenced.toml")
	s := testbed.Settings{Linger: "5m"}
	testbed.WriteConfig(t, file, s)
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		for _, user := range []string{"ann", "bob", "cleo"} {
			w.hear(presence.Start, user+"@example.com", "02:00:00:00:00:0"+user[:1], user, "ap-1")
		}
		w.hear(presence.Stop, "cleo@example.com", "02:00:00:00:00:0c", "cleo", "ap-1")
		time.Sleep(time.Hour) // cleo's visit is history
		w.down()
		testbed.Write(t, filepath.Join(dir, "opt-in.txt"), "ann@example.com\n")
		data := strings.Replace(testbed.Read(t, file), `opt_out_file = "opt-out.txt"`, `opt_in_file = "opt-in.txt"`, 1)
		testbed.Write(t, file, data)
		w.up()
		left, err := w.daemon.Store.History(t.Context(), "", time.Time{}, time.Now(), 10)
		if err != nil {
			t.Fatal(err)
		}
		people, err := w.daemon.Store.People(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(people) != 1 || people[0].User != "ann@example.com" || len(left) != 0 {
			t.Errorf("remembered: %v, and visits %v", people, left)
		}
		w.down()
	})
}

// TestDryRunRecordsWhatItWouldHaveDone has everything happen but the calls.
func TestDryRunRecordsWhatItWouldHaveDone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m"})
	testbed.Write(t, file, strings.Replace(testbed.Read(t, file), "dry_run = false", "dry_run = true", 1))
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		building := api.AddBuilding("HQ", time.UTC)
		id := api.Book(sandbox.Booking{
			User: api.AddUser("ann@example.com"), Building: building, Begin: time.Now(), End: time.Now().Add(8 * time.Hour),
		})
		w := &week{t: t, api: api, file: file}
		w.up()
		w.hear(presence.Start, "ann@example.com", "02:00:00:00:00:01", "a1", "ap-1")
		time.Sleep(time.Minute)
		p, err := w.daemon.Store.Person(t.Context(), "ann@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Visits) != 1 || p.Visits[0].CheckIn.Status != presence.DryRunned {
			t.Errorf("visits: %+v", p.Visits)
		}
		if b, _ := api.Booking(id); b.Status != sandbox.Booked {
			t.Errorf("the booking is %s", b.Status)
		}
		if mode := w.daemon.status(nil).Desk.Mode; mode != "dry_run" {
			t.Errorf("mode of the desk: %s", mode)
		}
		w.down()
	})
}

// TestHashedDevicesAreNowhereAndStayTheSame has hash_devices: neither the file
// nor a listing has the address, and after a restart the hash is the same.
func TestHashedDevicesAreNowhereAndStayTheSame(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	testbed.Write(t, file, strings.Replace(testbed.Read(t, file), "[store]\n", "[store]\nhash_devices = true\n", 1))
	const mac = "02:5e:10:a7:93:c4"
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		device := func() string {
			t.Helper()
			p, err := w.daemon.Store.Person(t.Context(), "ann@example.com")
			if err != nil {
				t.Fatal(err)
			}
			return p.Facts[len(p.Facts)-1].Device
		}
		w.up()
		for i := range 20 { // what is over is stored apart
			w.hear(presence.Start, "ann@example.com", mac, fmt.Sprint("past ", i), "ap-1")
			time.Sleep(10 * time.Minute)
			w.hear(presence.Stop, "ann@example.com", mac, fmt.Sprint("past ", i), "ap-1")
			time.Sleep(10 * time.Minute)
		}
		w.hear(presence.Start, "ann@example.com", mac, "a1", "ap-1")
		p, err := w.daemon.Store.Persons(t.Context(), []string{"ann@example.com"})
		if err != nil || len(p[0].Over) == 0 || p[0].Told.Lines == 0 {
			t.Fatalf("nothing is stored apart: %+v, %v", p, err)
		}
		is := func() string {
			t.Helper()
			p, err := w.daemon.Store.Person(t.Context(), "ann@example.com")
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("%+v", p)
		}
		first := device()
		if found := testbed.Found([]byte(is()), testbed.Spellings(mac)); found != nil {
			t.Errorf("a listing has %q", found)
		}
		w.down()
		if found := testbed.Kept(t, dir, testbed.Spellings(mac)); first == mac || found != nil {
			t.Errorf("the files have %q", found)
		}
		w.up()
		w.hear(presence.Interim, "ann@example.com", mac, "a1", "ap-1")
		if again := device(); again != first {
			t.Errorf("the device was %s and is %s", first, again)
		}
		w.down()
		testbed.Write(t, filepath.Join(dir, "presenced.db.key"), "cut off")
		log := logrus.New()
		log.SetOutput(io.Discard)
		if _, err := Open(t.Context(), testbed.Load(t, file), log, nil); err == nil || !strings.Contains(err.Error(), "presenced.db.key") {
			t.Errorf("with a key that is none: %v", err)
		}
	})
}

// TestDaemonEndsWithItsContext runs it again and again on the same file.
func TestDaemonEndsWithItsContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		log := logrus.New()
		log.SetOutput(io.Discard)
		for range 3 { // the file is free again each time
			d, err := Open(t.Context(), testbed.Load(t, file), log, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			if err := d.Run(ctx, nil, nil); err != nil {
				t.Errorf("run: %v", err)
			}
			cancel()
		}
	})
}

// TestJournalLinesBeginWithTheirPriority holds the prefixes of sd-daemon(3),
// and that nothing that is logged can begin a line.
func TestJournalLinesBeginWithTheirPriority(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out, configs.Log{Level: "debug", Format: "text"})
	log.SetFormatter(priority{&logrus.TextFormatter{DisableTimestamp: true, DisableColors: true}})
	log.Error("a")
	log.Warn("b")
	log.WithField("user", "eve\n<0>all is lost").Info("c")
	log.Debug("d")
	var prefixes []string
	for line := range strings.Lines(out.String()) {
		prefixes = append(prefixes, line[:3])
	}
	if got := strings.Join(prefixes, " "); got != "<3> <4> <6> <7>" {
		t.Errorf("priorities %s of\n%s", got, out.String())
	}
}

// TestReloadDuringTheLookUpOfZonesStays: the configuration is read again, slowly,
// when the time zones are about to be looked up again.
func TestReloadDuringTheLookUpOfZonesStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	s := testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m"}
	testbed.WriteConfig(t, file, s)
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		api.AddBuilding("HQ", time.UTC)
		api.Fail(sandbox.Fault{Status: 503})
		w := &week{t: t, api: api, file: file}
		w.up()
		began := time.Now()
		time.Sleep(zonesEvery - time.Second)
		api.Mend()
		api.Fail(sandbox.Fault{Status: 503, Delay: 4 * time.Second})
		s.Linger = "5m"
		testbed.WriteConfig(t, file, s)
		w.daemon.ReloadFile(t.Context(), false)
		if time.Since(began) < zonesEvery {
			t.Fatalf("the reload was over after %s", time.Since(began))
		}
		time.Sleep(10 * time.Second)
		if linger := w.daemon.inForce.Load().rules.Linger; linger != 5*time.Minute {
			t.Errorf("linger is %s", linger)
		}
		w.down()
	})
}

// TestUnknownTimeZoneIsToldOnce: Kadence is away for an hour, and then back.
func TestUnknownTimeZoneIsToldOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		api := sandbox.New("test", "secret")
		api.AddBuilding("HQ", time.UTC)
		api.Fail(sandbox.Fault{Status: 503})
		w := &week{t: t, api: api, file: file}
		w.up()
		log := &testbed.LogText{}
		w.daemon.Log.SetOutput(log)
		time.Sleep(time.Hour)
		if lines := strings.Count(log.String(), "\n"); lines > 0 {
			t.Errorf("%d lines in an hour in which nothing changed:\n%s", lines, log)
		}
		api.Mend()
		time.Sleep(10 * time.Minute)
		if want := "the time zone of every site is known"; strings.Count(log.String(), want) != 1 {
			t.Errorf("not told: %s\n%s", want, log)
		}
		w.down()
	})
}

// TestReloadSaysWhatItCannotChange changes max_skew, which it can, and the
// listeners.
func TestReloadSaysWhatItCannotChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		log := &testbed.LogText{}
		w.daemon.Log.SetOutput(log)
		testbed.Write(t, file, strings.Replace(testbed.Read(t, file), "[radius]\n", "[radius]\nmax_skew = \"5m\"\n", 1))
		w.reload()
		if text, skew := log.String(), w.daemon.Tracker.World().MaxSkew; strings.Contains(text, "next start") || skew != 5*time.Minute {
			t.Errorf("max_skew is %s, and the log says\n%s", skew, text)
		}
		testbed.Write(t, file, strings.Replace(testbed.Read(t, file), "listen = [", "listen = [\"127.0.0.1:1\", ", 1))
		w.reload()
		if text := log.String(); !strings.Contains(text, "listeners") || !strings.Contains(text, "next start") {
			t.Errorf("the log says\n%s", text)
		}
		w.down()
	})
}
