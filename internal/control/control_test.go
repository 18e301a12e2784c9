package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

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

func (m *memory) Notes(context.Context, string, string, int) ([]presence.Note, error) {
	return nil, m.fails
}

func (m *memory) NotesOf(_ context.Context, _ string, keys []string) ([][]byte, error) {
	return make([][]byte, len(keys)), m.fails
}

// nine is nine o'clock, seventy minutes ago.
var nine = time.Now().Add(-70 * time.Minute).Truncate(time.Second).UTC()

// heard is what is known of a person of one of whose devices this was heard.
func heard(device string, all ...presence.Sighting) []presence.Facts {
	var p presence.Person
	for _, n := range all {
		n.Device, n.Whose, n.Heard = device, presence.Mine, n.At
		p.Hear(n, world())
	}
	return p.Facts
}

// world is one in which nothing has been missed. There is no lunch, and the day
// turns twelve hours from nine, whenever that is.
func world() presence.World {
	w := presence.World{Rules: presence.DefaultRules(), NAS: func(presence.NASName) presence.NAS { return presence.NAS{} }}
	w.Lunch, w.DayStarts = presence.Span{}, (nine.Sub(nine.Truncate(24*time.Hour))+12*time.Hour)%(24*time.Hour)
	return w
}

// office has ann, who is there; bob, whose phone went an hour after it came;
// and a visit of ann's last week.
func office() *memory {
	phone := presence.Sighting{Session: "a0", Site: "london", SSID: "Corp", NAS: "hq/wlc/10.0.0.1", AP: "ap-1"}
	at := func(n presence.Sighting, id string, status presence.Status, when time.Time, cause presence.Cause) presence.Sighting {
		n.Session, n.Status, n.At, n.Cause = id, status, when, cause
		return n
	}
	tablet := presence.Sighting{Site: "paris", NAS: "hq/wlc-2"}
	return &memory{
		people: []presence.Person{{
			User: "ann@example.com",
			Facts: heard("02:00:00:00:00:01",
				at(phone, "a0", presence.Start, nine.Add(-time.Hour), 0), at(phone, "a0", presence.Stop, nine, presence.UserRequest),
				at(phone, "a1", presence.Start, nine, 0), at(phone, "a1", presence.Interim, nine.Add(30*time.Minute), 0), at(phone, "a1", presence.Interim, nine.Add(40*time.Minute), 0),
				at(phone, "a1", presence.Interim, nine.Add(50*time.Minute), 0), at(phone, "a1", presence.Interim, nine.Add(time.Hour), 0),
			),
			Visits: []presence.Visit{{
				ID: "v2", User: "ann@example.com", Site: "london", Arrived: nine.Add(-time.Hour), State: presence.Present,
				CheckIn:  presence.Errand{Status: presence.Effected, At: nine.Add(time.Second), Bookings: []string{"b1"}, Next: nine.Add(2 * time.Hour)},
				CheckOut: presence.Errand{Status: presence.Waiting},
			}},
			Story: []presence.Entry{
				{At: nine.Add(time.Second), Kind: presence.Done, Text: "check-in of booking b1"},
				{At: nine, Kind: presence.Concluded, Text: "arrived at london"},
			},
		}, {
			User: "bob@example.com",
			Facts: heard("02:00:00:00:00:02",
				at(tablet, "b1", presence.Start, nine, 0), at(tablet, "b1", presence.Stop, nine.Add(time.Hour), presence.UserRequest),
			),
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

func listings(m *memory) Listings { return Listings{Store: m, World: world} }

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
func serve(t *testing.T, s *Server) (*Remote, string) {
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

	l.World = func() presence.World {
		w := world()
		w.Sites = map[string]presence.Site{"london": {Zone: time.FixedZone("Europe/London", 0)}, "paris": {}}
		return w
	}
	d, _ = serve(t, &Server{Listings: l})
	zones, err := d.Zones(ctx)
	if err != nil {
		t.Fatal(err)
	}
	same("zones", map[string]string{"london": "Europe/London"}, zones) // that of paris is not known
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
		Forget: func(ctx context.Context, user string, checkOut bool) ([]string, error) {
			return []string{"b1"}, order("forget")(ctx, user, fmt.Sprint(checkOut))
		},
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
	out, err := d.Forget(ctx, "ann@example.com", true)
	if err := errors.Join(err, d.Retry(ctx, "a/b@c", "v1"), d.Drop(ctx, "ann@example.com", "v2")); err != nil || strings.Join(out, "") != "b1" {
		t.Fatal(out, err)
	}
	zapped, err := d.Zap(ctx, SessionQuery{Device: "02:00:00:00:00:01", NAS: "wlc"}, true)
	if err != nil || len(zapped) != 1 || zapped[0].ID != "a1" {
		t.Errorf("zap: %v, %v", zapped, err)
	}
	want := []string{
		"forget ann@example.com true", "retry a/b@c v1", "drop ann@example.com v2",
		"zap {User: Device:02:00:00:00:00:01 NAS:wlc Site: All:false kept:} dry=true",
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
		Forget: func(context.Context, string, bool) ([]string, error) { return nil, nil },
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
	_, err := d.Forget(ctx, "ann@example.com", false)
	if err := errors.Join(err, d.Retry(ctx, "ann@example.com", "v1"), d.Drop(ctx, "ann@example.com", "v2")); err != nil {
		t.Fatal(err)
	}
	if err := d.Backup(ctx, "/a"); err == nil {
		t.Error("a backup that was none is good")
	}
	want := []string{
		"zap a user's, NAS wlc, 2 ended: <nil>", "forget a person: <nil>", "retry visit v1: <nil>", "drop visit v2: <nil>", "back up to /a: no space",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("orders told (-want +got):\n%s", diff)
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
	for _, want := range []string{`"started":"` + nine.Format(time.RFC3339) + `"`, `"ended":null`, `"interim":"10m0s"`, `"interim":""`, `"cause":"User-Request"`} {
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
