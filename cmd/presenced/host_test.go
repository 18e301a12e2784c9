package main

import (
	"path/filepath"
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
	elsewhere := filepath.Join(t.TempDir(), "missing", "presenced.db")
	if got := tryStore(elsewhere, nil); got.verdict != wrong {
		t.Errorf("%+v", got)
	}
}
