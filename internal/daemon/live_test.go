package daemon

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestServiceWritesNoBackupToItsOwnTmp: /tmp is another one to a service than
// to whoever asks it.
func TestServiceWritesNoBackupToItsOwnTmp(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m"})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		t.Setenv("INVOCATION_ID", "")
		if err := w.daemon.backup(t.Context(), filepath.Join(dir, "by-hand.db")); err != nil {
			t.Errorf("by hand: %v", err)
		}
		t.Setenv("INVOCATION_ID", "0123456789abcdef0123456789abcdef")
		for _, path := range []string{"/tmp/presenced-copy.db", "/var/tmp/presenced/../presenced-copy.db"} {
			err := w.daemon.backup(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), "PrivateTmp") || !strings.Contains(err.Error(), filepath.Join(dir, "presenced-copy.db")) {
				t.Errorf("%s: %v", path, err)
			}
			if testbed.Exists(path) {
				t.Errorf("%s is there", path)
			}
		}
		if err := w.daemon.backup(t.Context(), "/tmpfile/copy.db"); err == nil || strings.Contains(err.Error(), "PrivateTmp") {
			t.Errorf("a folder that only begins so: %v", err)
		}
		w.down()
	})
}

// TestLastHeardSurvivesARestart: of a client that was heard, when; and a start is no reason
// to call it silent.
func TestLastHeardSurvivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m", Presence: testbed.AnyHour(testbed.BubbleBegins)})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		w.up()
		heard := time.Now()
		w.hear(presence.Start, "ann@example.com", "02:00:00:00:00:01", "a1", "ap-1")
		time.Sleep(2 * time.Minute)
		w.down()
		time.Sleep(3 * time.Hour)
		w.up()
		defer w.down()
		silent := func() bool {
			return slices.ContainsFunc(w.daemon.status(nil).Troubles, func(t control.Trouble) bool { return t.Kind == control.Silent })
		}
		time.Sleep(time.Second)
		if got := w.daemon.status(nil).Clients[0].LastHeard; !got.Equal(heard) || silent() {
			t.Errorf("last heard %s, want %s; silent: %v", got, heard, silent())
		}
		time.Sleep(control.Hushed)
		if !silent() {
			t.Errorf("not silent ten minutes after the start: %+v", w.daemon.status(nil).Troubles)
		}
	})
}
