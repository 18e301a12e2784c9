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

// TestReloadTellsWhoLeavesByIt: ann and bob have been gone for fifty minutes when linger
// becomes forty-five. What is told before it is done is what is done.
func TestReloadTellsWhoLeavesByIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	set := func(linger, more string) {
		testbed.WriteConfig(t, file, testbed.Settings{Linger: linger, Presence: testbed.AnyHour(testbed.BubbleBegins)})
		testbed.Write(t, file, strings.Replace(testbed.Read(t, file), "[presence]\n", "[presence]\n"+more, 1))
	}
	set("60m", "")
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		defer w.down()
		for _, name := range []string{"ann", "bob", "cleo"} {
			w.hear(presence.Start, name+"@example.com", "02:00:00:00:00:0"+map[string]string{"ann": "1", "bob": "2", "cleo": "3"}[name], name, "ap-1")
		}
		time.Sleep(30 * time.Minute)
		w.hear(presence.Stop, "ann@example.com", "02:00:00:00:00:01", "ann", "ap-1")
		w.hear(presence.Stop, "bob@example.com", "02:00:00:00:00:02", "bob", "ap-1")
		time.Sleep(50 * time.Minute)
		told := func(dry bool) string {
			t.Helper()
			r := w.daemon.ReloadFile(t.Context(), dry)
			return strings.Join(append(r.Faults, r.Changes...), "; ")
		}
		here := func() (n int) {
			s := w.daemon.status(nil)
			if err := w.daemon.control(nil).Listings.Count(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
			return s.People
		}
		set("45m", "")
		if got, want := told(true), "presence.linger 60m → 45m: 2 people would leave now"; got != want || here() != 3 {
			t.Errorf("told %q, want %q; here %d", got, want, here())
		}
		if got, want := told(false), "presence.linger 60m → 45m: 2 people believed gone now"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		time.Sleep(time.Second)
		if n := here(); n != 1 {
			t.Errorf("%d are here", n)
		}
		set("45m", "settle = \"2h\"\n")
		if got, want := told(false), "presence.settle 0s → 2h"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		set("45m", "lingr = \"2h\"\n")
		if got := told(false); !strings.Contains(got, `unknown key "lingr"`) {
			t.Errorf("told %q", got)
		}
	})
}

// TestReloadTellsWhoIsErased by a list of who opted out.
func TestReloadTellsWhoIsErased(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m", Presence: testbed.AnyHour(testbed.BubbleBegins)})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		defer w.down()
		w.hear(presence.Start, "ann@example.com", "02:00:00:00:00:01", "a1", "ap-1")
		testbed.Write(t, filepath.Join(dir, "opt-out.txt"), "ann@example.com\n")
		r := w.daemon.ReloadFile(t.Context(), true)
		if got, want := strings.Join(r.Changes, "; "), filepath.Join(dir, "opt-out.txt")+" has changed: 1 person would be erased"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}
