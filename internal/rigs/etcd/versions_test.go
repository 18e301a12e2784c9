package etcd

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
)

// at connects as a daemon of a version whose newest format is that.
func at(t *testing.T, e *embed.Etcd, name string, format int) *etcdstore.Store {
	t.Helper()
	s, err := etcdstore.Open(of(e, name, format))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func of(e *embed.Etcd, name string, format int) etcdstore.Config {
	return etcdstore.Config{
		Endpoints: []string{"http://" + e.Clients[0].Addr().String()}, Prefix: "v/", Name: name, Version: fmt.Sprint("1.", format), Format: format,
	}
}

// remember adds a device to ann, so that there is something to remember.
func remember(t *testing.T, s *etcdstore.Store, device string) error {
	t.Helper()
	return s.Update(t.Context(), []presence.Change{{User: "ann", Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
		p.Devices = append(p.Devices, presence.Device{ID: device, Last: time.Unix(1, 0)})
		return presence.Outcome{}
	}}})
}

// Daemons of two neighbouring versions share a store, in the format of the older one; once
// that is gone it is raised, and whoever knows only the older one, or has slept through it,
// is refused, told what to do, and changes nothing.
func TestNeighbouringVersionsShareAStoreAndOlderOnesLeaveItAlone(t *testing.T) {
	e := one(t)
	a := at(t, e, "a", 1)
	testbed.Eventually(t, "the older one is there", func() bool { all, _ := a.Daemons(); return len(all) == 1 })
	b := at(t, e, "b", 2)
	defer b.Close()
	for i, s := range []*etcdstore.Store{a, b, a, b} {
		if err := remember(t, s, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	asleep, err := etcdstore.OpenToRead(of(e, "asleep", 1)) // nobody knows that it is there
	if err != nil {
		t.Fatal(err)
	}
	defer asleep.Close()
	if err := remember(t, asleep, "4"); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the daemons know each other", func() bool {
		all, err := b.Daemons()
		return err == nil && len(all) == 2 && all[0].Version == "1.1"
	})
	if a.Nature() != 1 || b.Nature() != 1 {
		t.Errorf("while a daemon knows only format 1 it is written in %d and %d", a.Nature(), b.Nature())
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the format is raised", func() bool { return b.Nature() == 2 })
	if err := remember(t, b, "5"); err != nil {
		t.Fatal(err)
	}
	late := at(t, e, "late", 1)
	defer late.Close()
	far := at(t, e, "far", 4)
	defer far.Close()
	for what, c := range map[string]struct {
		s    *etcdstore.Store
		says string
	}{
		"one that slept":        {asleep, "install version 1.2"},
		"one that starts again": {late, "install version 1.2"},
		"one from far ahead":    {far, "install the versions in between"},
	} {
		err := remember(t, c.s, "harm")
		if !errors.Is(err, etcdstore.ErrRefused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
		if err := c.s.Forget(t.Context(), "ann"); !errors.Is(err, etcdstore.ErrRefused) {
			t.Errorf("%s forgets: %v", what, err)
		}
	}
	p, err := b.Person(t.Context(), "ann")
	if err != nil || len(p.Devices) != 6 {
		t.Errorf("of six devices there are %d, %v", len(p.Devices), err)
	}
	if all, err := b.Daemons(); err != nil || len(all) != 1 {
		t.Errorf("there are %+v, %v", all, err)
	}
}

// Two daemons of one name are told so, both.
func TestTwoDaemonsOfOneNameAreTold(t *testing.T) {
	e := one(t)
	a, b := at(t, e, "same", 1), at(t, e, "same", 1)
	defer a.Close()
	defer b.Close()
	testbed.Eventually(t, "both know", func() bool { return a.Twin() && b.Twin() })
}

// A daemon does not start on a store of a newer format, nor on one that is being filled, and
// says what to do.
func TestADaemonDoesNotStartOnWhatItMustNotWrite(t *testing.T) {
	e := one(t)
	newer := of(e, "newer", etcdstore.Format+1)
	s, err := etcdstore.OpenToRead(newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(remember(t, s, "x"), s.Close()); err != nil {
		t.Fatal(err)
	}
	half := inEtcd(e)
	filled, err := etcdstore.OpenToRead(etcdstore.Config{Endpoints: half.Etcd.Endpoints, Prefix: half.Etcd.Prefix, Name: "mover"})
	if err != nil {
		t.Fatal(err)
	}
	defer filled.Close()
	if _, err := filled.Fill(t.Context(), "/old.db"); err != nil {
		t.Fatal(err)
	}
	for prefix, says := range map[string]string{newer.Prefix: "install version 1.2", half.Etcd.Prefix: "`presenced migrate /old.db` goes on with it"} {
		file := filepath.Join(t.TempDir(), "presenced.toml")
		testbed.WriteConfig(t, file, testbed.Settings{Linger: "60m", Store: fmt.Sprintf("engine = \"etcd\"\nname = \"d\"\nprefix = %q\nendpoints = [%q]", prefix, newer.Endpoints[0])})
		log := logrus.New()
		log.Out = io.Discard
		d, err := daemon.Open(t.Context(), testbed.Load(t, file), log, nil)
		if err == nil {
			d.Close()
		}
		if !errors.Is(err, etcdstore.ErrRefused) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}
