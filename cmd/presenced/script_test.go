package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	bolt "go.etcd.io/bbolt"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence/sandbox"
)

// TestScripts runs the command line as an operator types it. Beside the usual
// commands of testscript there are those in this file.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Values["bench"] = &scriptBench{}
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "kadence": startKadence, "config": writeScriptConfig, "await": await, "start": startSession, "booked": booked,
			"newer": newer, "pending": pending, "order": order, "visit": visitOf, "happened": happened,
		},
	})
}

// scriptBench is what the commands of one script share.
type scriptBench struct {
	api     *sandbox.Server
	url     string
	booking string
	addr    string
	wlc     *controller.Controller
}

func bencher(ts *testscript.TestScript) *scriptBench { return ts.Value("bench").(*scriptBench) }

// exits runs a program that is to end with a status: exits 2 presenced dance.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if failure := (*exec.ExitError)(nil); errors.As(err, &failure) {
		got = failure.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// startKadence starts a sandbox with the building HQ and a booking of ann's;
// kadence down has check-ins fail, down-out check-outs, kadence up neither.
func startKadence(ts *testscript.TestScript, _ bool, args []string) {
	b := bencher(ts)
	if b.api == nil {
		b.start(ts)
	}
	b.api.Mend()
	if slices.Contains(args, "down-out") {
		b.api.Fail(sandbox.Fault{Route: "POST /v1/public/bookings/{id}/check-out", Status: 503})
	}
	if slices.Contains(args, "down") {
		b.api.Fail(sandbox.Fault{Route: "POST /v1/public/bookings/{id}/check-in", Status: 503})
	}
}

func (b *scriptBench) start(ts *testscript.TestScript) {
	b.api = sandbox.New("test", "secret")
	building := b.api.AddBuilding("HQ", time.UTC)
	now := time.Now()
	b.booking = b.api.Book(sandbox.Booking{
		User: b.api.AddUser("ann@example.com"), Building: building, Begin: now.Add(-time.Hour), End: now.Add(time.Hour),
	})
	server := httptest.NewServer(b.api)
	ts.Defer(server.Close)
	b.url = server.URL
}

// writeScriptConfig writes a configuration; api=URL and building=NAME differ
// from the usual.
func writeScriptConfig(ts *testscript.TestScript, _ bool, args []string) {
	b := bencher(ts)
	if b.addr == "" {
		b.addr = freePort(scripted{ts}).String()
	}
	s := testbed.Settings{Listen: b.addr, API: b.url, ClientID: "test", Secret: "secret", Linger: "60m", Presence: testbed.AnyHour(time.Now())}
	for _, arg := range args[1:] {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "api":
			s.API = value
		case "building":
			s.Building = value
		case "listen":
			s.Listen = value
		case "linger":
			s.Linger = value
		case "secret":
			s.Secret = value
		case "http":
			s.HTTP = value
		default:
			ts.Fatalf("config: what is %s?", arg)
		}
	}
	testbed.WriteConfig(scripted{ts}, ts.MkAbs(args[0]), s)
}

// await waits until the daemon of a configuration serves.
func await(ts *testscript.TestScript, _ bool, _ []string) {
	d := control.Dial(ts.MkAbs("presenced.sock"))
	testbed.Eventually(scripted{ts}, "the daemon serves", func() bool {
		s, err := d.Status(context.Background())
		return err == nil && s.Running
	})
}

// startSession has a station associate: start IDENTITY DEVICE.
func startSession(ts *testscript.TestScript, _ bool, args []string) {
	b := bencher(ts)
	if b.wlc == nil {
		addr, err := net.ResolveUDPAddr("udp", b.addr)
		ts.Check(err)
		b.wlc, err = controller.Dial(addr, testbed.RadiusSecret, func(string, string) {})
		ts.Check(err)
		ts.Defer(func() { b.wlc.Close() })
	}
	ts.Check(b.wlc.Start(context.Background(), &controller.Association{Identity: args[0], Device: args[1], SSID: "Corp", AP: "lobby"}, false))
}

// booked waits until ann's booking has a status, and the daemon has the answer
// that says so: nothing is pending any more.
func booked(ts *testscript.TestScript, _ bool, args []string) {
	b, d := bencher(ts), control.Dial(ts.MkAbs("presenced.sock"))
	testbed.Eventually(scripted{ts}, "ann's booking is "+args[0], func() bool {
		booking, _ := b.api.Booking(b.booking)
		for range d.Visits(context.Background(), control.VisitQuery{Pending: true}) {
			return false
		}
		return string(booking.Status) == args[0]
	})
}

// pending waits until a check-in has failed.
func pending(ts *testscript.TestScript, _ bool, _ []string) {
	d := control.Dial(ts.MkAbs("presenced.sock"))
	testbed.Eventually(scripted{ts}, "a check-in is pending", func() bool {
		for v, err := range d.Visits(context.Background(), control.VisitQuery{Pending: true}) {
			if err == nil && v.CheckIn.Reason != "" {
				return true
			}
		}
		return false
	})
}

// happened waits until an event of a kind has been noted.
func happened(ts *testscript.TestScript, _ bool, args []string) {
	d := control.Dial(ts.MkAbs("presenced.sock"))
	testbed.Eventually(scripted{ts}, args[0]+" has happened", func() bool {
		for e, err := range d.Events(context.Background(), time.Time{}) {
			if err == nil && string(e.Kind) == args[0] {
				return true
			}
		}
		return false
	})
}

// order gives an order about the only visit: order drop FILE --yes.
func order(ts *testscript.TestScript, _ bool, args []string) {
	for v, err := range control.Dial(ts.MkAbs("presenced.sock")).Visits(context.Background(), control.VisitQuery{}) {
		ts.Check(err)
		ts.Check(ts.Exec("presenced", append([]string{args[0], v.ID, "-c"}, args[1:]...)...))
	}
}

// visitOf puts the id of a user's visit into the environment: visit USER NAME.
func visitOf(ts *testscript.TestScript, _ bool, args []string) {
	for v, err := range control.Dial(ts.MkAbs("presenced.sock")).Visits(context.Background(), control.VisitQuery{User: args[0]}) {
		ts.Check(err)
		ts.Setenv(args[1], v.ID)
	}
}

// newer makes a store one that a newer presenced wrote.
func newer(ts *testscript.TestScript, _ bool, args []string) {
	db, err := bolt.Open(ts.MkAbs(args[0]), 0o600, nil)
	ts.Check(err)
	ts.Check(db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("meta")).Put([]byte("version"), []byte("999"))
	}))
	ts.Check(db.Close())
}

// scripted lets the helpers of tests serve scripts.
type scripted struct{ *testscript.TestScript }

// Helper implements tester.
func (scripted) Helper() {}

// Fatal implements tester.
func (s scripted) Fatal(args ...any) { s.Fatalf("%s", fmt.Sprint(args...)) }
