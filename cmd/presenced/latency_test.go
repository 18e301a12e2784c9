package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/radiusacct"
)

// BenchmarkPacketToCheckIn prints how long it takes from a Start leaving the
// controller to the check-in having reached an idle booking API, over real
// sockets, and to the Start's own answer.
func BenchmarkPacketToCheckIn(b *testing.B) {
	api := sandbox.New("test", "secret")
	building := api.AddBuilding("HQ", time.UTC)
	for i := range b.N {
		user := api.AddUser(fmt.Sprintf("user%d@example.com", i))
		api.Book(sandbox.Booking{User: user, Building: building, Begin: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)})
	}
	posted := make(chan time.Time, 1)
	api.Watch = func(c sandbox.Call) {
		if c.Effect == sandbox.CheckedIn {
			posted <- time.Now()
		}
	}
	url, stop, err := serveSandbox(api)
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	file := filepath.Join(b.TempDir(), "presenced.toml")
	writeConfig(b, file, settings{api: url, clientID: "test", secret: "secret", linger: "60m", more: "rate = 1000\n"})
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
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx, []*net.UDPConn{conn}, nil) }()
	c, err := dialController(conn.LocalAddr().(*net.UDPAddr), radiusSecret, func(string, string) {})
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()

	var answers, posts []time.Duration
	b.ResetTimer()
	for i := range b.N {
		sent := time.Now()
		a := &association{identity: fmt.Sprintf("user%d@example.com", i), device: fmt.Sprintf("02:00:00:%02x:%02x:%02x", i>>16, i>>8&255, i&255), ssid: "Corp", ap: "lobby"}
		if err := c.start(ctx, a, false); err != nil {
			b.Fatal(err)
		}
		answers = append(answers, time.Since(sent))
		posts = append(posts, (<-posted).Sub(sent))
	}
	b.StopTimer()
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
	for name, all := range map[string][]time.Duration{"answer": answers, "check-in": posts} {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2].Seconds()*1000, name+"-p50-ms")
		b.ReportMetric(all[len(all)*99/100].Seconds()*1000, name+"-p99-ms")
	}
}
