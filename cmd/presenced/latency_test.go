package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/radiusacct"
)

// BenchmarkPacketToCheckIn is how long it takes from the Start's leaving the
// controller to its answer, and to the check-in's arriving at an idle API, with
// real UDP, the real file and real HTTP: of each one person after another.
func BenchmarkPacketToCheckIn(b *testing.B) {
	api := sandbox.New("test", "secret")
	posted := make(chan time.Time, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/check-in") {
			posted <- time.Now()
		}
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	building, now := api.AddBuilding("HQ", time.UTC), time.Now()
	for i := range b.N + 1 {
		api.Book(sandbox.Booking{
			User: api.AddUser(fmt.Sprintf("user%d@example.com", i)), Building: building,
			Begin: now.Add(-time.Hour), End: now.Add(time.Hour),
		})
	}
	file := filepath.Join(b.TempDir(), "presenced.toml")
	writeConfig(b, file, settings{api: server.URL, clientID: "test", secret: "secret", linger: "60m", more: "rate = 1000\n"})
	log := logrus.New()
	log.SetOutput(io.Discard)
	d, err := Open(b.Context(), load(b, file), log, nil)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := radiusacct.Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx, []*net.UDPConn{conn}, nil) }()
	c, err := dialController(conn.LocalAddr().(*net.UDPAddr), radiusSecret, func(string, string) {})
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()

	arrive := func(i int) (answered, checkedIn time.Duration) {
		sent := time.Now()
		who := &association{
			identity: fmt.Sprintf("user%d@example.com", i), ssid: "Corp", ap: "lobby",
			device: fmt.Sprintf("02:00:00:%02x:%02x:%02x", i>>16&255, i>>8&255, i&255),
		}
		if err := c.start(b.Context(), who, false); err != nil {
			b.Fatal(err)
		}
		answered = time.Since(sent)
		return answered, (<-posted).Sub(sent)
	}
	arrive(b.N) // the token and the building's bookings are read with the first
	var answered, checkedIn time.Duration
	b.ResetTimer()
	for i := range b.N {
		a, c := arrive(i)
		answered, checkedIn = answered+a, checkedIn+c
	}
	b.StopTimer()
	b.ReportMetric(float64(answered.Microseconds())/float64(b.N)/1000, "ms/answer")
	b.ReportMetric(float64(checkedIn.Microseconds())/float64(b.N)/1000, "ms/check-in")
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
