package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
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
	kadence := httptest.NewServer(api)
	defer kadence.Close()
	file := filepath.Join(b.TempDir(), "presenced.toml")
	testbed.WriteConfig(b, file, testbed.Settings{API: kadence.URL, ClientID: "test", Secret: "secret", Linger: "60m", More: "rate = 1000\n"})
	log := logrus.New()
	log.SetOutput(io.Discard)
	d, err := Open(b.Context(), testbed.Load(b, file), log, nil)
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
	c, err := controller.Dial(conn.LocalAddr().(*net.UDPAddr), testbed.RadiusSecret, func(string, string) {})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()

	var answers, posts []time.Duration
	b.ResetTimer()
	for i := range b.N {
		sent := time.Now()
		a := &controller.Association{Identity: fmt.Sprintf("user%d@example.com", i), Device: fmt.Sprintf("02:00:00:%02x:%02x:%02x", i>>16, i>>8&255, i&255), SSID: "Corp", AP: "lobby"}
		if err := c.Start(ctx, a, false); err != nil {
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
