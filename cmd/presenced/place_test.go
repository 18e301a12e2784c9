package main

import (
	"path/filepath"
	"testing"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// TestPlaceIsFoundAsTheDaemonFindsIt has a configuration with a fault: paths
// mean what they mean without it.
func TestPlaceIsFoundAsTheDaemonFindsIt(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PLACE", "places")
	p := &program{config: filepath.Join(dir, "presenced.toml")}
	testbed.Write(t, p.config, "wrong = 1\n[control]\nsocket = \"a$PLACE.sock\"\n[store]\npath = \"${PLACE}/presenced.db\"\n")
	at, err := p.place()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "a$PLACE.sock"); at.socket != want {
		t.Errorf("the socket is %s, want %s", at.socket, want)
	}
	if want := filepath.Join(dir, "places", "presenced.db"); at.store != want {
		t.Errorf("the store is %s, want %s", at.store, want)
	}
	testbed.Write(t, p.config, "wrong = 1\n[store]\npath = \"${NOWHERE_SET}/presenced.db\"\n")
	if at, err = p.place(); err != nil {
		t.Fatal(err)
	}
	if at.socket != configs.DefaultSocket || at.store != "${NOWHERE_SET}/presenced.db" {
		t.Errorf("the place is %s, %s", at.socket, at.store)
	}
}
