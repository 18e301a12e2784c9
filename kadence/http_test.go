package kadence

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// Over real HTTP the transport has its own ideas of what may be repeated: a
// post whose connection breaks must not be among it.
func TestTransportRepeatsNoPost(t *testing.T) {
	server := sandbox.New(credentials, "s3cret")
	http := httptest.NewServer(server)
	defer http.Close()
	london := server.AddBuilding("London HQ", time.UTC)
	desk, err := New(Config{
		APIURL: http.URL + "/", AuthURL: http.URL, ClientID: credentials, Rate: 1000,
		Secret:    func() (string, error) { return "s3cret", nil },
		Buildings: map[string]string{"london": london},
	}, presence.NewMemory(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	ctx, now := context.Background(), time.Now()
	user := server.AddUser("ann@example.com")
	id := server.Book(sandbox.Booking{User: user, Building: london, Begin: now.Add(-time.Hour), End: now.Add(time.Hour)})
	all, err := desk.Bookings(ctx, "ann@example.com", "london", time.Time{}) // on a connection that is used again
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	for _, fault := range []sandbox.Fault{{DropBefore: true}, {DropAfter: true}} {
		fault.Route, fault.Times = checkInRoute, 1
		server.Fail(fault)
		before := server.Calls(checkInRoute)
		_, err := desk.CheckIn(ctx, "london", all[0])
		wantTemporary(t, err)
		if n := server.Calls(checkInRoute) - before; n != 1 {
			t.Errorf("%+v: %d posts, want 1", fault, n)
		}
		again, err := desk.Bookings(ctx, "ann@example.com", "london", time.Now())
		if err != nil || len(again) != 1 {
			t.Fatal(again, err)
		}
		if want := map[bool]presence.BookingStatus{false: presence.Booked, true: presence.CheckedIn}[fault.DropAfter]; again[0].Status != want {
			t.Errorf("%+v: it is %s, want %s", fault, again[0].Status, want)
		}
	}
	if len(server.Effects(id)) != 1 {
		t.Errorf("effects %+v", server.Effects(id))
	}
}
