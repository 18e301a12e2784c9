package kadence

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// arrive has people come into one building within an hour, each with a desk,
// and be checked in, and returns the calls that this took.
func arrive(t *testing.T, people int, prefetch bool) (calls, posts int) {
	synctest.Test(t, func(t *testing.T) {
		server := sandbox.New(credentials, "s3cret")
		if !prefetch {
			server.Fail(sandbox.Fault{Route: bookingsRoute, Status: 403})
		}
		london := server.AddBuilding("London HQ", time.UTC)
		desk, err := New(Config{
			APIURL: "https://api.example.test", AuthURL: "https://login.example.test", ClientID: credentials,
			Secret:    func() (string, error) { return "s3cret", nil },
			Buildings: map[string]string{"london": london}, Transport: server.RoundTripper(),
		}, &memory{Memory: presence.NewMemory()}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		users := make([]string, people)
		for i := range users {
			users[i] = fmt.Sprintf("user%d@example.com", i)
			server.Book(sandbox.Booking{User: server.AddUser(users[i]), Building: london, Begin: at("09:00"), End: at("17:00")})
		}
		for _, user := range users {
			all, err := desk.Bookings(context.Background(), user, "london", time.Time{})
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			b, err := desk.CheckIn(context.Background(), "london", all[0])
			if err != nil || b.Status != presence.CheckedIn {
				t.Fatal(b, err)
			}
			time.Sleep(time.Hour / time.Duration(people))
		}
		if bad := server.Offences(); bad != nil {
			t.Fatal(bad)
		}
		calls, posts = len(server.Journal()), server.Calls(checkInRoute)
		if !prefetch {
			calls -= server.Calls(bookingsRoute) // they are how it was turned off
		}
	})
	return calls, posts
}

// people is how many arrive within the hour. The ratio is the same for 500, who
// fill a page of the list, and for 5,000, who take half a minute to simulate.
var people = flag.Int("arrivals", 500, "people who arrive within an hour")

func TestArrivalsCostLittleMoreThanTheirPosts(t *testing.T) {
	people := *people
	with, posts := arrive(t, people, true)
	without, _ := arrive(t, people, false)
	t.Logf("%d arrivals in an hour: %.2f calls each with the building's list, %.2f without",
		people, float64(with)/float64(people), float64(without)/float64(people))
	if posts != people {
		t.Errorf("%d posts, want one each", posts)
	}
	if with > people*5/4 || without < people*3 {
		t.Errorf("%d calls with and %d without: the list no longer pays", with, without)
	}
}

// BenchmarkArrival is what one arrival costs here, at an API that answers at
// once over real HTTP: the look-up is served from the building's list.
func BenchmarkArrival(b *testing.B) {
	server := sandbox.New(credentials, "s3cret")
	http := httptest.NewServer(server)
	defer http.Close()
	london := server.AddBuilding("London HQ", time.UTC)
	desk, err := New(Config{
		APIURL: http.URL, AuthURL: http.URL, ClientID: credentials, Rate: 1e6,
		Secret:    func() (string, error) { return "s3cret", nil },
		Buildings: map[string]string{"london": london},
	}, &memory{Memory: presence.NewMemory()}, quiet)
	if err != nil {
		b.Fatal(err)
	}
	user := server.AddUser("ann@example.com")
	now := time.Now()
	id := server.Book(sandbox.Booking{User: user, Building: london, Begin: now.Add(-time.Hour), End: now.Add(time.Hour)})
	for b.Loop() {
		all, err := desk.Bookings(context.Background(), "ann@example.com", "london", time.Time{})
		if err != nil || len(all) != 1 {
			b.Fatal(all, err)
		}
		if _, err := desk.CheckIn(context.Background(), "london", all[0]); err != nil {
			b.Fatal(err)
		}
		server.Change(id, func(b *sandbox.Booking) { b.Status = sandbox.Booked })
		clear(desk.amendments) // as if it were somebody else's
	}
}

func BenchmarkDecodeBooking(b *testing.B) {
	b.SetBytes(int64(len(sample)))
	for b.Loop() {
		if _, err := decodeBooking([]byte(sample)); err != nil {
			b.Fatal(err)
		}
	}
}
