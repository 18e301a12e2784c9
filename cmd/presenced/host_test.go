package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/presenced/presenced/configs"
)

// TestFolderThatSystemdMakesIsNoFault: check --online is the first thing to
// run, and before the first start that folder is missing.
func TestFolderThatSystemdMakesIsNoFault(t *testing.T) {
	if dir := filepath.Dir(configs.DefaultStore); exists(dir) {
		t.Skipf("SKIPPED: presenced is installed here: there is %s", dir)
	}
	if got := tryStore(configs.DefaultStore, nil); got.verdict != noted {
		t.Errorf("%+v", got)
	}
	if dir := filepath.Dir(configs.DefaultSocket); !exists(dir) {
		if got := trySocketFolder(configs.DefaultSocket); got.verdict != noted {
			t.Errorf("%+v", got)
		}
	}
	elsewhere := filepath.Join(t.TempDir(), "missing")
	for _, got := range []trial{tryStore(filepath.Join(elsewhere, "presenced.db"), nil), trySocketFolder(filepath.Join(elsewhere, "presenced.sock"))} {
		if got.verdict != wrong || got.remedy == "" {
			t.Errorf("%+v", got)
		}
	}
}

// TestStoreOfAnotherUserIsDoubtful: root may write it, the service may not.
func TestStoreOfAnotherUserIsDoubtful(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	file := filepath.Join(t.TempDir(), "presenced.db")
	write(t, file, "")
	if got := tryOwner(file, "nobody"); got.verdict != doubtful || got.remedy != "chown nobody: "+file {
		t.Errorf("root's: %+v", got)
	}
	if got := tryOwner(file, "nosuchuser"); got.text != "" {
		t.Errorf("without the service's user: %+v", got)
	}
	account, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, uid, -1); err != nil {
		t.Fatal(err)
	}
	if got := tryOwner(file, "nobody"); got.text != "" {
		t.Errorf("nobody's: %+v", got)
	}
}
