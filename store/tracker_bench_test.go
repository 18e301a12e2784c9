package store

import (
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
)

// BenchmarkTracker is what a record costs from the mapping to the journal, in batches of
// 64: of people at four access points whose clock is fast, each in one session of a
// Start, eight Interims and a Stop after the other. What counts is CPU time: nothing is
// on a disk.
func BenchmarkTracker(b *testing.B) {
	const people, batch = 10_000, 64
	rules := presence.DefaultRules()
	rules.Sites = map[string]presence.Site{"london": {Name: "london", Closes: 24 * time.Hour, Zone: time.UTC}}
	m := &mapping.Rules{Identity: mapping.Identity{Domain: "example.com"}, Sites: []presence.Site{{Name: "london"}}}
	m.Index()
	m.Remember()
	s := townOf(b, 0, presence.Person{})
	t := presence.NewTracker(s, m, rules, slog.New(slog.DiscardHandler))
	sent := make([]int, people)
	clock, turns := time.Now().Truncate(time.Second), 0 // of all access points
	record := func(at time.Time) presence.Record {
		i := turns * 7919 % people
		if turns++; turns%people == 1 { // nobody sends two records of one second
			clock = clock.Add(time.Second)
		}
		r := presence.Record{
			Client: "hq", Site: "london", Heard: at, Status: presence.Interim, UserName: fmt.Sprintf("user%d", i), Session: fmt.Sprintf("%08X-%08X", i, (sent[i]+i)/10),
			Device: fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&255), SSID: "Corp", BSSID: fmt.Sprintf("02:aa:00:00:00:%02x", i%4), NASID: fmt.Sprint("ap-", i%4),
			NASAddr: netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 4)}), PortType: 19, HasPortType: true,
			Stamps: presence.Stamps{Heard: at, Stamp: clock},
		}
		switch (sent[i] + i) % 10 { // everybody at another step
		case 0:
			r.Status = presence.Start
		case 9:
			r.Status = presence.Stop
		}
		sent[i]++
		return r
	}
	all := make([]presence.Record, batch)
	turn := func() {
		at := time.Now()
		for i := range all {
			all[i] = record(at)
		}
		if err := t.Record(b.Context(), all); err != nil {
			b.Fatal(err)
		}
	}
	for range 10 * people / batch {
		turn()
	}
	b.ReportAllocs()
	cpu, wrote, n := used(), written(b), 0
	for b.Loop() {
		turn()
		n += batch
	}
	b.ReportMetric(float64(used()-cpu)/float64(n), "cpu-ns/record")
	b.ReportMetric(float64(written(b)-wrote)/float64(n), "octets/record")
}
