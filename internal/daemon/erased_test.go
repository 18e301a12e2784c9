package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestABackupBringsNobodyBackWhoWasForgotten: ann is forgotten, by an order, and bob by
// opting out, after a backup was made. It is put back, and only cleo is in it; and what
// is heard of ann afterwards is kept over the next start.
func TestABackupBringsNobodyBackWhoWasForgotten(t *testing.T) {
	dir := t.TempDir()
	file, db, copied := filepath.Join(dir, "presenced.toml"), filepath.Join(dir, "presenced.db"), filepath.Join(dir, "copy")
	testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m", Presence: testbed.AnyHour(testbed.BubbleBegins)})
	synctest.Test(t, func(t *testing.T) {
		w := &week{t: t, api: sandbox.New("", ""), file: file}
		known := func() (names string) {
			for _, name := range []string{"ann", "bob", "cleo"} {
				if is, err := w.daemon.remembers(t.Context(), name+"@example.com"); err != nil {
					t.Fatal(err)
				} else if is {
					names += name + " "
				}
			}
			return names
		}
		w.up()
		for i, name := range []string{"ann", "bob", "cleo"} {
			w.hear(presence.Start, name+"@example.com", "02:00:00:00:00:0"+string(rune('1'+i)), name, "ap-1")
		}
		time.Sleep(time.Minute)
		if err := w.daemon.backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := w.daemon.forget(t.Context(), "Ann@example.com", false); err != nil {
			t.Fatal(err)
		}
		testbed.Write(t, filepath.Join(dir, "opt-out.txt"), "bob@example.com\n")
		w.daemon.ReloadFile(t.Context(), false)
		if got := known(); got != "cleo " {
			t.Fatalf("known are %s", got)
		}
		w.down()
		testbed.Write(t, filepath.Join(dir, "opt-out.txt"), "")
		if text := testbed.Read(t, db+".erased"); strings.Contains(text, "ann") || strings.Count(text, "\n") != 3 {
			t.Errorf("beside the store is\n%s", text)
		}
		for _, journal := range []string{".journal0", ".journal1"} {
			if err := os.Remove(db + journal); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(copied, db); err != nil {
			t.Fatal(err)
		}
		w.up()
		if got := known(); got != "cleo " {
			t.Errorf("the backup brings back %s", got)
		}
		w.hear(presence.Start, "ann@example.com", "02:00:00:00:00:01", "again", "ap-1")
		w.down()
		w.up()
		if got := known(); got != "ann cleo " {
			t.Errorf("after the next start known are %s", got)
		}
		w.down()
	})
}

// TestAFileOfTheErasedThatIsNoneIsRefused: without the key nobody in it is known.
func TestAFileOfTheErasedThatIsNoneIsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "no key\n", strings.Repeat("0", 64) + "\nabc yesterday\n"} {
		testbed.Write(t, filepath.Join(dir, "presenced.db.erased"), text)
		if _, err := openErased(filepath.Join(dir, "presenced.db")); err == nil || !strings.Contains(err.Error(), "read who was erased") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
