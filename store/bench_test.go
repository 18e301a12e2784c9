package store

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

var million = flag.Bool("million", false, "have the benchmarks run with a million people too")

func crowds() []int {
	if *million {
		return []int{10_000, 100_000, 1_000_000}
	}
	return []int{10_000, 100_000}
}

func citizen(n int) string { return fmt.Sprintf("citizen%07d@example.com", n) }

// populate makes a store of n people, each as large as they usually are.
func populate(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "presenced.db")
	s, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	for from := 0; from < n; from += 5000 {
		var changes []presence.Change
		for i := from; i < min(from+5000, n); i++ {
			changes = append(changes, put(citizen(i), func(p *presence.Person) { *p = office(p.User) }))
		}
		put1(b, s, changes...)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// One update is one commit: the time of an operation is that of the disk, and
// people/s is what the tracker can record.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range crowds() {
		path := populate(b, n)
		for _, batch := range []int{1, 64, 512} {
			b.Run(strconv.Itoa(n)+"/"+strconv.Itoa(batch), func(b *testing.B) {
				s, err := Open(path)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				chance, now := rand.New(rand.NewPCG(1, 2)), time.Duration(0)
				for b.Loop() {
					now += time.Second
					changes := make([]presence.Change, batch)
					for i := range changes {
						changes[i] = put(citizen(chance.IntN(n)), func(p *presence.Person) {
							beat(p, monday.Add(now))
							p.Wake = monday.Add(now + time.Hour)
						})
					}
					put1(b, s, changes...)
				}
				b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "people/s")
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range crowds() {
		path := populate(b, n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				s, err := Open(path)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(s.Stats().Size)/float64(n), "bytes/person")
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSettle writes history, and tells how much of the file a visit
// takes up.
func BenchmarkSettle(b *testing.B) {
	s := openNew(b)
	visit := office("").Visits[0]
	visit.CheckIn.Next, visit.Story = time.Time{}, office("").Story
	n := 0
	for b.Loop() {
		changes := make([]presence.Change, 64)
		for i := range changes {
			n++
			visit.ID, visit.Arrived = fmt.Sprintf("%010d", n), monday.Add(time.Duration(n)*time.Second)
			changes[i] = settle(citizen(n*7919%10_000), visit)
		}
		put1(b, s, changes...)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "visits/s")
	b.ReportMetric(float64(s.Stats().Size)/float64(n), "bytes/visit")
}

const nearlyFull = 20 // updates of 512 people, which nearly fill a journal

// BenchmarkCheckpoint is what the file needs to take a full journal in, of
// people in any order.
func BenchmarkCheckpoint(b *testing.B) {
	for _, n := range crowds() {
		path := populate(b, n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s, err := Open(path)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			chance, now, keys := rand.New(rand.NewPCG(1, 2)), time.Duration(0), 0
			for b.Loop() {
				b.StopTimer()
				for range nearlyFull {
					now += time.Second
					changes := make([]presence.Change, 512)
					for i := range changes {
						changes[i] = put(citizen(chance.IntN(n)), func(p *presence.Person) { beat(p, monday.Add(now)) })
					}
					put1(b, s, changes...)
				}
				keys += s.kv.Stats().Pending
				b.StartTimer()
				if err := s.kv.Checkpoint(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(keys)/float64(b.N), "keys")
		})
	}
}
