package main

import (
	"context"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// TestFolderThatSystemdMakesIsNoFault: check --online is the first thing to
// run, and before the first start that folder is missing.
func TestFolderThatSystemdMakesIsNoFault(t *testing.T) {
	if dir := filepath.Dir(configs.DefaultStore); testbed.Exists(dir) {
		t.Skipf("SKIPPED: presenced is installed here: there is %s", dir)
	}
	if got := tryStore(configs.DefaultStore, nil); got.verdict != noted {
		t.Errorf("%+v", got)
	}
	if dir := filepath.Dir(configs.DefaultSocket); !testbed.Exists(dir) {
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
	testbed.Write(t, file, "")
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

// TestDaemonThatStartsMeanwhileIsNoFault: it has the page's port, and systemd
// starts it whenever it likes. Somebody else who has the port is one.
func TestDaemonThatStartsMeanwhileIsNoFault(t *testing.T) {
	page, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	dir := t.TempDir()
	cfg := &configs.Config{}
	cfg.Control.HTTP, cfg.Control.Socket = page.Addr().String(), filepath.Join(dir, "presenced.sock")
	cfg.Store.Path = filepath.Join(dir, "presenced.db")
	for _, starts := range []bool{false, true} {
		asked, faults := 0, 0
		all := tryHost(t.Context(), cfg, func(context.Context) (control.Status, error) {
			if asked++; asked == 1 || !starts {
				return control.Status{}, control.ErrNotRunning
			}
			return control.Status{Ready: true, HTTP: "http://" + cfg.Control.HTTP + "/"}, nil
		})
		for _, t := range all {
			if t.verdict == wrong {
				faults++
			}
		}
		if want := map[bool]int{false: 1, true: 0}[starts]; faults != want {
			t.Errorf("a daemon starts: %v; %d faults, want %d: %+v", starts, faults, want, all)
		}
	}
}
