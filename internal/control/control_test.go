package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/presenced/presenced/presence"
)

// memory is a store of a few people; no read may copy out more than a page.
type memory struct {
	people  []presence.Person
	history []presence.Visit
	fails   error
}

func (m *memory) Person(_ context.Context, user string) (presence.Person, error) {
	for _, p := range m.people {
		if p.User == user {
			return p, m.fails
		}
	}
	return presence.Person{User: user}, m.fails
}

func (m *memory) People(_ context.Context, after string, limit int) (some []presence.Person, err error) {
	for _, p := range m.people {
		if p.User > after && len(some) < limit {
			some = append(some, p)
		}
	}
	if after != "" {
		err = m.fails
	}
	return some, err
}

func (m *memory) History(_ context.Context, user string, from, to time.Time, limit int) (some []presence.Visit, err error) {
	for _, v := range m.history {
		if (user == "" || v.User == user) && !v.Arrived.Before(from) && v.Arrived.Before(to) && len(some) < limit {
			some = append(some, v)
		}
	}
	return some, m.fails
}

var nine = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// office has ann, who is there; bob, whose phone just went; and a visit of
// ann's last week.
func office() *memory {
	return &memory{
		people: []presence.Person{{
			User: "ann@example.com",
			Sessions: []presence.Session{
				{ID: "a1", Device: "02:00:00:00:00:01", Site: "london", SSID: "Corp", NAS: "hq/wlc/10.0.0.1", AP: "ap-1", State: presence.Open, Began: nine, Seen: nine.Add(time.Hour), Interim: 10 * time.Minute},
				{ID: "a0", Device: "02:00:00:00:00:01", Site: "london", SSID: "Corp", NAS: "hq/wlc/10.0.0.1", State: presence.Ended, Began: nine.Add(-time.Hour), Seen: nine, Ended: nine, Cause: presence.UserRequest},
			},
			Devices: []presence.Device{{ID: "02:00:00:00:00:01", Site: "london", Began: nine, Last: nine.Add(time.Hour)}},
			Visits: []presence.Visit{{
				ID: "v2", User: "ann@example.com", Site: "london", Arrived: nine, State: presence.Present,
				CheckIn:  presence.Errand{Status: presence.Effected, At: nine.Add(time.Second), Bookings: []string{"b1"}, Next: nine.Add(2 * time.Hour)},
				CheckOut: presence.Errand{Status: presence.Waiting},
			}},
			Story: []presence.Entry{
				{At: nine.Add(time.Second), Kind: presence.Done, Text: "check-in of booking b1"},
				{At: nine, Kind: presence.Concluded, Text: "arrived at london"},
			},
		}, {
			User:     "bob@example.com",
			Sessions: []presence.Session{{ID: "b1", Device: "02:00:00:00:00:02", Site: "paris", NAS: "hq/wlc-2", State: presence.Ended, Began: nine, Seen: nine.Add(time.Hour), Ended: nine.Add(time.Hour)}},
			Devices:  []presence.Device{{ID: "02:00:00:00:00:02", Site: "paris", Began: nine, Last: nine.Add(time.Hour)}},
			Visits: []presence.Visit{{
				ID: "v3", User: "bob@example.com", Site: "paris", Arrived: nine, State: presence.Leaving,
				CheckIn: presence.Errand{Status: presence.Pending, Next: nine.Add(time.Minute), Attempts: 3, Reason: "503"}, CheckOut: presence.Errand{Status: presence.Waiting},
			}},
		}},
		history: []presence.Visit{{
			ID: "v1", User: "ann@example.com", Site: "london", Arrived: nine.AddDate(0, 0, -7), Departed: nine.AddDate(0, 0, -7).Add(8 * time.Hour), State: presence.Over,
			CheckIn: presence.Errand{Status: presence.Effected}, CheckOut: presence.Errand{Status: presence.Effected},
			Story: []presence.Entry{
				{At: nine.AddDate(0, 0, -7), Kind: presence.Concluded, Text: "arrived at london"},
				{At: nine, Kind: presence.Concluded, Text: "arrived at london"}, // told by the person too
			},
		}},
	}
}

func listings(m *memory) Listings { return Listings{Store: m, Rules: presence.DefaultRules} }

// all collects the rows.
func all[Row any](t *testing.T, rows iter.Seq2[Row, error]) (list []Row) {
	t.Helper()
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, row)
	}
	return list
}

// serve runs a daemon's control socket over m.
func serve(t *testing.T, s *Server) (*Daemon, string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "presenced.sock")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	d := Dial(socket)
	t.Cleanup(func() {
		d.http.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d, socket
}

// TestDaemonAndFileShowTheSame holds what the client gets through the socket
// against what the listings say of the same store.
func TestDaemonAndFileShowTheSame(t *testing.T) {
	l := listings(office())
	d, _ := serve(t, &Server{Listings: l})
	ctx := t.Context()
	same := func(name string, file, daemon any) {
		t.Helper()
		if diff := gocmp.Diff(file, daemon); diff != "" {
			t.Errorf("%s differ (-file +daemon):\n%s", name, diff)
		}
	}
	same("people", all(t, l.People(ctx, "")), all(t, d.People(ctx, "")))
	same("people of paris", all(t, l.People(ctx, "paris")), all(t, d.People(ctx, "paris")))
	for _, q := range []SessionQuery{{}, {All: true}, {User: "ann@example.com", All: true}, {NAS: "wlc-2", All: true}, {Site: "paris"}} {
		same("sessions", all(t, l.Sessions(ctx, q)), all(t, d.Sessions(ctx, q)))
	}
	for _, q := range []VisitQuery{{}, {Pending: true}, {Open: true}, {User: "ann@example.com"}, {Since: nine}, {Site: "paris"}} {
		same("visits", all(t, l.Visits(ctx, q)), all(t, d.Visits(ctx, q)))
	}
	file, err := l.Show(ctx, "Ann@Example.com")
	if err != nil {
		t.Fatal(err)
	}
	daemon, err := d.Show(ctx, "Ann@Example.com")
	if err != nil {
		t.Fatal(err)
	}
	same("stories", file, daemon)

	l.Rules = func() presence.Rules {
		return presence.Rules{Sites: map[string]presence.Site{"london": {Zone: time.FixedZone("Europe/London", 0)}, "paris": {}}}
	}
	d, _ = serve(t, &Server{Listings: l})
	zones, err := d.Zones(ctx)
	if err != nil {
		t.Fatal(err)
	}
	same("zones", map[string]string{"london": "Europe/London"}, zones) // that of paris is not known
}

// TestRowsHaveTheirFields holds the names that scripts rely on.
func TestRowsHaveTheirFields(t *testing.T) {
	l := listings(office())
	ctx := t.Context()
	errand := "status,at,bookings,attempts,next,reason"
	for _, tt := range []struct {
		row  any
		want string
	}{
		{all(t, l.People(ctx, ""))[0], "user,site,state,since,deadline,devices,visit"},
		{all(t, l.Sessions(ctx, SessionQuery{}))[0], "user,device,site,ssid,nas,ap,session_id,state,started,seen,ended,interim,cause"},
		{all(t, l.Visits(ctx, VisitQuery{}))[0], "id,user,site,arrived,departed,state,check_in,check_out"},
		{all(t, l.Visits(ctx, VisitQuery{}))[0].CheckIn, errand},
	} {
		text, err := json.Marshal(tt.row)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		want := strings.Split(tt.want, ",")
		slices.Sort(want)
		var got []string
		for name := range fields {
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%T has other fields (-want +got):\n%s", tt.row, diff)
		}
	}
}

func TestPeopleAreWhoIsHere(t *testing.T) {
	got := all(t, listings(office()).People(t.Context(), ""))
	want := []Person{
		{User: "ann@example.com", Site: "london", State: presence.Present, Since: Time{nine}, Devices: 1, Visit: "v2"},
		{User: "bob@example.com", Site: "paris", State: presence.Leaving, Since: Time{nine}, Deadline: Time{nine.Add(2 * time.Hour)}, Visit: "v3"},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
}

func TestSessionsAreTheLiveOnesUnlessAllAreAsked(t *testing.T) {
	l := listings(office())
	if got := all(t, l.Sessions(t.Context(), SessionQuery{})); len(got) != 1 || got[0].ID != "a1" {
		t.Errorf("live sessions: %v", got)
	}
	if got := all(t, l.Sessions(t.Context(), SessionQuery{All: true})); len(got) != 3 {
		t.Errorf("all sessions: %v", got)
	}
	if got := all(t, l.Sessions(t.Context(), SessionQuery{All: true, NAS: "wlc-2"})); len(got) != 1 || got[0].User != "bob@example.com" {
		t.Errorf("sessions of a NAS: %v", got)
	}
}

func TestVisitsAreHistoryAndPresent(t *testing.T) {
	l := listings(office())
	ids := func(q VisitQuery) string {
		var ids []string
		for _, v := range all(t, l.Visits(t.Context(), q)) {
			ids = append(ids, v.ID)
		}
		return strings.Join(ids, " ")
	}
	for q, want := range map[VisitQuery]string{
		{}:                             "v1 v2 v3",
		{User: "ann@example.com"}:      "v1 v2",
		{Since: nine}:                  "v2 v3",
		{Site: "london"}:               "v1 v2",
		{Pending: true}:                "v3",
		{Since: nine.Add(time.Second)}: "",
	} {
		if got := ids(q); got != want {
			t.Errorf("visits %+v: %q, want %q", q, got, want)
		}
	}
}

// TestListingsReadPageByPage has more people and visits than one read copies
// out, many of which arrived at the same moment.
func TestListingsReadPageByPage(t *testing.T) {
	m := &memory{}
	for i := range 3*page + 7 {
		user := fmt.Sprintf("user%05d@example.com", i)
		m.people = append(m.people, presence.Person{User: user, Visits: []presence.Visit{{ID: "open" + user, User: user, Arrived: nine.Add(time.Hour), State: presence.Present}}})
		arrived := nine
		if i > 2*page {
			arrived = nine.Add(time.Duration(i) * time.Millisecond)
		}
		m.history = append(m.history, presence.Visit{ID: user, User: user, Arrived: arrived, State: presence.Over})
	}
	l := listings(m)
	if got, want := len(all(t, l.People(t.Context(), ""))), len(m.people); got != want {
		t.Errorf("%d people, want %d", got, want)
	}
	visits := all(t, l.Visits(t.Context(), VisitQuery{}))
	if got, want := len(visits), 2*len(m.people); got != want {
		t.Errorf("%d visits, want %d", got, want)
	}
	slices.SortFunc(visits, func(a, b Visit) int { return cmp.Compare(a.ID, b.ID) })
	if got := len(slices.CompactFunc(visits, func(a, b Visit) bool { return a.ID == b.ID })); got != 2*len(m.people) {
		t.Errorf("%d different visits, want %d", got, 2*len(m.people))
	}
}

// TestVisitSettledMeanwhileIsListedOnce has a visit among the unsettled and,
// by the time the history is read, there too.
func TestVisitSettledMeanwhileIsListedOnce(t *testing.T) {
	m := office()
	m.history = append(m.history, m.people[0].Visits[0])
	if got := len(all(t, listings(m).Visits(t.Context(), VisitQuery{}))); got != 3 {
		t.Errorf("%d visits, want 3", got)
	}
}

func TestShowTellsTheStoryInOrder(t *testing.T) {
	s, err := listings(office()).Show(t.Context(), "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	want := []presence.Entry{
		{At: nine.AddDate(0, 0, -7), Kind: presence.Concluded, Text: "arrived at london"},
		{At: nine, Kind: presence.Concluded, Text: "arrived at london"},
		{At: nine.Add(time.Second), Kind: presence.Done, Text: "check-in of booking b1"},
	}
	if diff := gocmp.Diff(want, s.Story); diff != "" {
		t.Errorf("story (-want +got):\n%s", diff)
	}
	if len(s.Visits) != 2 || len(s.Sessions) != 2 || s.Sessions[0].ID != "a0" {
		t.Errorf("visits %v, sessions %v", s.Visits, s.Sessions)
	}
	if len(s.Next) != 1 || !s.Next[0].At.Equal(nine.Add(2*time.Hour)) {
		t.Errorf("next: %v", s.Next)
	}
	bob, err := listings(office()).Show(t.Context(), "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if len(bob.Next) != 2 || !strings.Contains(bob.Next[1].What, "leaving paris") {
		t.Errorf("bob's next: %v", bob.Next)
	}
}

// The Kelvin sign is not kim's k, and bob is BOB.
func TestUsersAreComparedAsPresenceDoes(t *testing.T) {
	m := office()
	m.people[0].User, m.history[0].User = "kim@example.com", "kim@example.com"
	l, kelvin := listings(m), "\u212Aim@example.com"
	if s, err := l.Show(t.Context(), kelvin); !errors.Is(err, ErrUnknown) {
		t.Errorf("show: %+v, %v", s, err)
	}
	if rows := all(t, l.Visits(t.Context(), VisitQuery{User: kelvin})); len(rows) != 0 {
		t.Errorf("visits: %+v", rows)
	}
	if (SessionQuery{User: kelvin}).Match("kim@example.com", m.people[0].Sessions[0]) {
		t.Error("kim's session would be ended")
	}
	if s, err := l.Show(t.Context(), "BOB@example.com"); err != nil || s.User != "bob@example.com" {
		t.Errorf("show: %+v, %v", s, err)
	}
}

func TestShowOfAStranger(t *testing.T) {
	d, _ := serve(t, &Server{Listings: listings(office())})
	_, err := d.Show(t.Context(), "eve@example.com")
	if !errors.Is(err, ErrUnknown) || err.Error() != "eve@example.com: nothing is remembered" {
		t.Errorf("show a stranger: %v", err)
	}
}

func TestStatusCountsWhoIsWhere(t *testing.T) {
	d, _ := serve(t, &Server{
		Listings: listings(office()),
		Status: func(context.Context) (Status, error) {
			return Status{Running: true, Version: "1.2", Sites: []Site{{Name: "london", Building: "HQ"}}}, nil
		},
	})
	s, err := d.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Site{{Name: "london", Building: "HQ", Present: 1, Sessions: 1}, {Name: "paris", Leaving: 1}}
	if diff := gocmp.Diff(want, s.Sites); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
	if s.Version != "1.2" || s.People != 2 || s.Live != 1 || s.Pending != 1 || s.Store.People != 2 {
		t.Errorf("status: %+v", s)
	}
}

// TestOrdersReachTheDaemon gives every order through the socket.
func TestOrdersReachTheDaemon(t *testing.T) {
	var got []string
	order := func(name string) func(context.Context, string, string) error {
		return func(_ context.Context, a, b string) error {
			got = append(got, name+" "+a+" "+b)
			return nil
		}
	}
	d, _ := serve(t, &Server{
		Retry: order("retry"), Drop: order("drop"),
		Forget: func(ctx context.Context, user string) error { return order("forget")(ctx, user, "") },
		Backup: func(ctx context.Context, path string) error { return errors.New("backup " + path + ": no space") },
		Zap: func(_ context.Context, q SessionQuery, dry bool) ([]Session, error) {
			got = append(got, fmt.Sprintf("zap %+v dry=%v", q, dry))
			return []Session{{ID: "a1"}}, nil
		},
		Unmatched: func() []Unmatched {
			return []Unmatched{{Kind: "ssid", Key: "Guest\x1b[2J", Count: 2, Last: Time{nine}}}
		},
	})
	ctx := t.Context()
	if err := errors.Join(d.Retry(ctx, "a/b@c", "v1"), d.Drop(ctx, "ann@example.com", "v2"), d.Forget(ctx, "ann@example.com")); err != nil {
		t.Fatal(err)
	}
	zapped, err := d.Zap(ctx, SessionQuery{Device: "02:00:00:00:00:01", NAS: "wlc"}, true)
	if err != nil || len(zapped) != 1 || zapped[0].ID != "a1" {
		t.Errorf("zap: %v, %v", zapped, err)
	}
	want := []string{
		"retry a/b@c v1", "drop ann@example.com v2", "forget ann@example.com ",
		"zap {User: Device:02:00:00:00:00:01 NAS:wlc Site: All:false} dry=true",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("orders (-want +got):\n%s", diff)
	}
	if err := d.Backup(ctx, "/a b"); err == nil || err.Error() != "backup /a b: no space" {
		t.Errorf("backup: %v", err)
	}
	if rows := all(t, d.Unmatched(ctx)); len(rows) != 1 || rows[0].Key != "Guest\x1b[2J" || !rows[0].Last.Equal(nine) {
		t.Errorf("unmatched: %v", rows)
	}
}

// TestOrdersAreToldWithWhoGaveThem, as the kernel knows it, and without naming
// the person whom they are about. A question is no order.
func TestOrdersAreToldWithWhoGaveThem(t *testing.T) {
	var got []string
	nothing := func(context.Context, string, string) error { return nil }
	d, _ := serve(t, &Server{
		Listings: listings(office()), Retry: nothing, Drop: nothing,
		Forget: func(context.Context, string) error { return nil },
		Backup: func(context.Context, string) error { return errors.New("no space") },
		Zap: func(context.Context, SessionQuery, bool) ([]Session, error) {
			return []Session{{ID: "a1"}, {ID: "a2"}}, nil
		},
		Ordered: func(by Peer, order string, err error) {
			if by.PID != os.Getpid() || by.UID != os.Getuid() || by.Name == "" || by.Name == "unknown" {
				t.Errorf("%s by %+v", order, by)
			}
			got = append(got, fmt.Sprintf("%s: %v", order, err))
		},
	})
	ctx := t.Context()
	all(t, d.People(ctx, ""))
	for _, dry := range []bool{true, false} {
		if _, err := d.Zap(ctx, SessionQuery{User: "ann@example.com", NAS: "wlc"}, dry); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(d.Retry(ctx, "ann@example.com", "v1"), d.Drop(ctx, "ann@example.com", "v2"), d.Forget(ctx, "ann@example.com")); err != nil {
		t.Fatal(err)
	}
	if err := d.Backup(ctx, "/a"); err == nil {
		t.Error("a backup that was none is good")
	}
	want := []string{
		"zap a user's, NAS wlc, 2 ended: <nil>", "retry visit v1: <nil>", "drop visit v2: <nil>", "forget a person: <nil>", "back up to /a: no space",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("orders told (-want +got):\n%s", diff)
	}
}

// TestBrokenListingIsNoWholeListing has the store fail after the first page:
// a reader must not take the half for the whole.
func TestBrokenListingIsNoWholeListing(t *testing.T) {
	m := office()
	m.fails = errors.New("input/output error")
	d, _ := serve(t, &Server{Listings: listings(m)})
	var last error
	for _, err := range d.People(t.Context(), "") {
		last = err
	}
	if last == nil {
		t.Error("a listing that broke off ended without an error")
	}
	last = nil
	for _, err := range d.Sessions(t.Context(), SessionQuery{User: "ann@example.com"}) {
		last = err
	}
	if last == nil || last.Error() != "input/output error" {
		t.Errorf("a listing that could not begin: %v", last)
	}
}

func TestNoDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "presenced.sock")
	if _, err := Dial(socket).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(socket).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stale socket: %v", err)
	}
}

// TestStaleSocketIsReplacedAndALivingOneIsNot opens a socket that a dead
// daemon left, one that a living daemon answers on, and a file.
func TestStaleSocketIsReplacedAndALivingOneIsNot(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "presenced.sock")
	left, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	l, err := Listen(socket)
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	defer l.Close()
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, want 0660", info.Mode().Perm())
	}
	if _, err := Listen(socket); err == nil || !strings.Contains(err.Error(), "another presenced answers there") {
		t.Errorf("living socket: %v", err)
	}
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

// TestSocketThatCannotBeOpenedSaysWhatToDo has no folder, a folder of somebody
// else's, and a path that is too long.
func TestSocketThatCannotBeOpenedSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "absent", "presenced.sock"): "RuntimeDirectory=presenced",
		filepath.Join(dir, strings.Repeat("x", 120)):   "107 octets",
	} {
		l, err := Listen(path)
		if err == nil {
			l.Close()
			t.Errorf("%s was opened", path)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "[control] socket") {
			t.Errorf("%v: no remedy", err)
		}
	}
	if got := remedy(syscall.EACCES, "/run/presenced/presenced.sock"); !strings.Contains(got, "may not write to /run/presenced: run it as the user presenced") {
		t.Errorf("the remedy is %q", got)
	}
}

// TestTimesAndDurationsInJSON holds their spelling.
func TestTimesAndDurationsInJSON(t *testing.T) {
	l := listings(office())
	d, _ := serve(t, &Server{Listings: l})
	answer, err := d.http.Get("http://presenced/v1/sessions?all=true&user=ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"started":"2026-11-23T09:00:00Z"`, `"ended":null`, `"interim":"10m0s"`, `"interim":""`, `"cause":"User-Request"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	answer, err = d.http.Get("http://presenced/v1/visits?since=yesterday")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a since that is none: %s", answer.Status)
	}
}

// TestNotPermittedSaysWhatToDo has the kernel refuse the socket to somebody
// who is neither its owner nor in its group.
func TestNotPermittedSaysWhatToDo(t *testing.T) {
	dir, err := os.MkdirTemp("", "presenced-") // t.TempDir is in a folder that others may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "presenced.sock")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const stranger, strangers = 65534, 65533
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(socket, 0, strangers)); err != nil {
			t.Fatal(err)
		}
		runtime.LockOSThread() // it is the thread that is somebody else
		defer runtime.UnlockOSThread()
		if err := unix.Setfsuid(stranger); err != nil {
			t.Fatal(err)
		}
		defer unix.Setfsuid(0)
	} else if err := os.Chmod(socket, 0); err != nil {
		t.Fatal(err)
	}
	want := "open control socket " + socket + ": permission denied: the group presenced may " +
		"(sudo usermod -aG presenced $USER, then log in again), or become root"
	if err := Dial(socket).Ping(t.Context()); err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestPing(t *testing.T) {
	d, _ := serve(t, &Server{})
	if err := d.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := Dial(filepath.Join(t.TempDir(), "none")).Ping(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nobody there: %v", err)
	}
}
