package daemon

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
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
